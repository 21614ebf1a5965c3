"""An authenticator app and passkeys in Chromium, with its virtual authenticator."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser_pages import PHONE, NewPage, look
from tests.support.deployment import PASSWORD, Deployment
from tests.support.page_steps import sign_in
from tests.support.second_factor import code_at

pytestmark = pytest.mark.browser
PERSON = "passkey@example.com"


@pytest.fixture(scope="module")
def _person(deployment: Deployment) -> None:
    deployment.add_person(PERSON, name="Pia Passkey")


@pytest.fixture
def page(new_page: NewPage, deployment: Deployment, _person: None) -> Page:
    """On localhost: a passkey belongs to a host name, and an address has none."""
    deployment.manage("person", "reset-mfa", PERSON)
    deployment.query("DELETE FROM console_cache")
    deployment.query("DELETE FROM accounts_signinattempt")
    host = deployment.console.url.replace("127.0.0.1", "localhost")
    page = new_page(signed_in=False, base_url=host)
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return page


def sign_out(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Pia Passkey").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def add_passkey(page: Page) -> None:
    page.goto("/accounts/security/")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill("Work laptop")
    page.get_by_role("button", name="Set up the passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.get_by_role("link", name="I've saved them").click()


def test_passkey__set_up__signs_in_without_a_password(page: Page) -> None:
    sign_in(page, PERSON)
    add_passkey(page)
    sign_out(page)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Tenants", exact=True)).to_be_visible()


def test_passkey__after_the_password__is_the_second_factor(page: Page) -> None:
    sign_in(page, PERSON)
    add_passkey(page)
    sign_out(page)
    page.get_by_label("Email").fill(PERSON)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Tenants", exact=True)).to_be_visible()


def test_passkey__proof__asked_for_and_taken(page: Page, deployment: Deployment) -> None:
    sign_in(page, PERSON)
    add_passkey(page)
    page.goto("/accounts/again/passkey/?next=/accounts/security/")
    page.get_by_role("button", name="Use the passkey").click()
    expect(page.get_by_role("heading", name="Your sign-in")).to_be_visible()


def test_passkey__person_refuses__says_that_nothing_happened(page: Page) -> None:
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Use a passkey").click()  # the device knows none yet
    expect(page.get_by_role("alert")).to_contain_text("Nothing was changed")


def test_app__set_up__asked_for_at_the_next_sign_in_which_leads_where_it_began(
    page: Page,
) -> None:
    sign_in(page, PERSON)
    page.goto("/accounts/security/app/")
    page.get_by_text("No camera?").click()
    secret = page.locator(".user-select-all").inner_text().replace(" ", "")
    page.get_by_label("Current code from the app").fill(code_at(secret))
    page.get_by_role("button", name="Set up the app").click()
    page.get_by_role("link", name="I've saved them").click()
    sign_out(page)
    page.goto("/audit/?q=anna#export")
    page.get_by_label("Email").fill(PERSON)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_label("Code").fill(code_at(secret, steps=1))
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="History")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/audit/\?q=anna#export$"))


def test_pages__on_a_phone__fit_and_are_readable_in_both_themes(page: Page) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]  # a dict of two numbers
    page.emulate_media(reduced_motion="reduce")
    page.goto("/accounts/login/")
    look(page, "sign in")
    sign_in(page, PERSON)
    add_passkey(page)
    for path in ("", "start/", "app/", "passkey/"):
        page.goto(f"/accounts/security/{path}")
        look(page, path)
    page.goto("/accounts/again/passkey/")
    look(page, "proof")
    page.goto("/accounts/security/")
    page.get_by_role("link", name="Remove").click()
    look(page, "remove")


def test_codes__copied_and_downloaded__are_the_ones_on_the_page(page: Page) -> None:
    """The file is made in the browser: the server is not asked again."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sign_in(page, PERSON)
    page.goto("/accounts/security/")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill("Work laptop")
    page.get_by_role("button", name="Set up the passkey").click()
    expect(page.locator(".recovery-codes li")).to_have_count(10)  # waits for the page
    shown = page.locator(".recovery-codes li").all_text_contents()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status").filter(has_text="Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").split() == shown
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "recovery-codes.txt"
    assert download.value.path().read_text().split() == shown
    # The browser may fetch the site's icon at any time; it carries no codes.
    assert [url for url in asked if "/static/" not in url and not url.startswith("data:")] == []
    page.reload()
    expect(page.get_by_text("shown only once")).to_be_visible()
