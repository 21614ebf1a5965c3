"""The session ends while a user is working: every script says so, and typed text is kept.

The sign-in page is the console's own, in a real browser; the session is ended in the database, as
idle time, another device, or an administrator ends it.
"""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.axe import faults
from tests.support.browser_pages import OWNER, NewPage
from tests.support.deployment import PASSWORD, Deployment
from tests.support.page_steps import SETTINGS, paste, rename, setting
from tests.support.practice_customer import PracticeCustomer

NOTICE = "#session-ended"


@pytest.fixture
def alone(new_page: NewPage) -> Page:
    """Olivia's, with a session of its own, that a test can end."""
    page = new_page(signed_in=False, session_ends=True)
    page.goto("/accounts/login/")
    fill_in(page)
    expect(page.get_by_role("heading", name="Tenants", exact=True)).to_be_visible()
    return page


def fill_in(page: Page, email: str = OWNER) -> None:
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def end_session(page: Page, deployment: Deployment) -> None:
    key = next(c["value"] for c in page.context.cookies() if c["name"] == "console_session")
    deployment.query("DELETE FROM django_session WHERE session_key = %s", key)


def sign_in_in_new_tab(page: Page) -> None:
    with page.expect_popup() as opened:
        page.locator(NOTICE).get_by_role("link").click()
    tab = opened.value
    fill_in(tab)
    expect(tab.get_by_role("heading", name="You are signed in again")).to_be_visible()
    tab.close()
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(page.locator(NOTICE)).to_be_hidden()


def search_in_picker(page: Page) -> None:
    search = setting(page, "Agents").get_by_role("combobox")
    search.focus()
    search.press_sequentially("a")


def paste_into_picker(page: Page) -> None:
    paste(setting(page, "Agents").get_by_role("combobox"), "101,102,103")


def change_hours(page: Page) -> None:
    page.get_by_label("Active from").select_option(label="10 PM")


def refresh_names(page: Page) -> None:
    page.get_by_role("link", name="Sync now").first.click()


def open_palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.locator("#palette-search").press_sequentially("ac")


ASKING: dict[str, Callable[[Page], None]] = {
    "picker": search_in_picker,
    "pasted ids": paste_into_picker,
    "hours": change_hours,
    "names": refresh_names,
    "palette": open_palette,
}


@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING.keys())
def test_form__script_calls_after_the_session_ended__page_says_so_and_keeps_what_was_typed(
    alone: Page, acme: PracticeCustomer, deployment: Deployment, ask: Callable[[Page], None]
) -> None:
    rename(alone, "Bella")
    end_session(alone, deployment)
    ask(alone)
    expect(alone.locator(NOTICE)).to_be_visible()
    expect(alone.locator(NOTICE)).to_contain_text("You were signed out.")
    expect(alone.get_by_label("Assistant's name")).to_have_value("Bella")
    assert alone.url.endswith(SETTINGS)
    expect(alone.get_by_text("No results").filter(visible=True)).to_have_count(0)


def test_form__signed_in_again_in_another_tab__continues_where_it_was(
    alone: Page, acme: PracticeCustomer, deployment: Deployment
) -> None:
    rename(alone, "Bella")
    end_session(alone, deployment)
    search_in_picker(alone)
    expect(alone.locator(NOTICE)).to_be_visible()
    sign_in_in_new_tab(alone)
    expect(alone.get_by_label("Assistant's name")).to_have_value("Bella")
    alone.get_by_role("button", name="Review changes").click()
    expect(alone.get_by_role("button", name="Apply to Acme Realty")).to_be_visible()
    assert acme.puts == []


def test_review__session_ended__comes_back_after_signing_in_and_nothing_was_sent(
    alone: Page, acme: PracticeCustomer, deployment: Deployment
) -> None:
    rename(alone, "Bella")
    end_session(alone, deployment)
    alone.get_by_role("button", name="Review changes").click()
    expect(alone.get_by_text("You were signed out.")).to_be_visible()
    expect(alone.get_by_text("Nothing was sent.")).to_be_visible()
    fill_in(alone)
    expect(alone.get_by_role("heading", name="Nothing was sent")).to_be_visible()
    expect(alone.locator("dd", has_text="Bella")).to_be_visible()
    expect(alone.locator("dt", has_text="Revision")).to_have_count(0)
    assert faults(alone) == []
    alone.get_by_role("button", name="Continue with what you typed").click()
    expect(alone.get_by_role("button", name="Apply to Acme Realty")).to_be_visible()
    expect(alone.get_by_text("Bella").first).to_be_visible()
    assert acme.puts == []


def test_apply__session_ended__is_sent_only_after_the_button_is_pressed_again(
    alone: Page, acme: PracticeCustomer, deployment: Deployment
) -> None:
    rename(alone, "Bella")
    alone.get_by_role("button", name="Review changes").click()
    expect(alone.get_by_role("button", name="Apply to Acme Realty")).to_be_visible()
    end_session(alone, deployment)
    alone.get_by_role("button", name="Apply to Acme Realty").click()
    fill_in(alone)
    expect(alone.get_by_role("heading", name="Nothing was sent")).to_be_visible()
    alone.reload()
    assert acme.puts == []
    alone.get_by_role("button", name="Continue with what you typed").click()
    alone.wait_for_url("**/operations/*/")
    assert len(acme.puts) == 1


def test_history__an_event_is_opened_after_the_session_ended__says_so(
    alone: Page, acme: PracticeCustomer, deployment: Deployment
) -> None:
    alone.goto("/audit/")
    end_session(alone, deployment)
    alone.locator("[data-event-link]").first.click()
    expect(alone.locator(NOTICE)).to_be_visible()
    assert alone.url.endswith("/audit/")


def test_lists__filtered_after_the_session_ended__say_so(
    alone: Page, acme: PracticeCustomer, deployment: Deployment
) -> None:
    alone.goto("/")
    end_session(alone, deployment)
    alone.locator("#id_q").press_sequentially("acm")
    expect(alone.locator(NOTICE)).to_be_visible()


def test_waiting_page__session_ended__says_so_and_continues_after_signing_in(
    alone: Page, acme: PracticeCustomer, deployment: Deployment
) -> None:
    """The names are never read: this deployment has no worker."""
    alone.goto("/t/acme/names/")
    alone.get_by_role("button", name="Sync names").click()
    expect(alone.locator("#names-status [hx-trigger], #names-status[hx-trigger]")).to_have_count(1)
    end_session(alone, deployment)
    expect(alone.locator(NOTICE)).to_be_visible()
    sign_in_in_new_tab(alone)


# --- signing out ----------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["/people/", "/audit/", "/t/acme/history/", "/t/acme/names/"])
def test_signed_out__back__shows_no_page_of_before(
    alone: Page, acme: PracticeCustomer, path: str
) -> None:
    alone.goto(path)
    heading = alone.locator("h1, h2").first.inner_text()
    alone.get_by_role("button", name="Olivia Owner").click()
    alone.get_by_role("button", name="Sign out").click()
    expect(alone.get_by_role("heading", name="Sign in")).to_be_visible()
    alone.go_back()
    expect(alone.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(alone.get_by_text(heading, exact=True)).to_have_count(0)


def test_sign_out__without_scripts__works(
    new_page: NewPage, acme: PracticeCustomer, deployment: Deployment
) -> None:
    page = new_page(signed_in=False, java_script_enabled=False)
    page.goto("/accounts/login/")
    fill_in(page)
    page.get_by_role("button", name="Olivia Owner").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto("/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
