"""What was typed into a form survives Back and Reload, and nothing else gets to see it."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser_pages import NewPage
from tests.support.deployment import Deployment
from tests.support.page_steps import expect_message, sign_in
from tests.support.practice_customer import PracticeCustomer

pytestmark = pytest.mark.browser
EDIT = "/t/acme/edit/"
RESTORED = "Restored what you typed"
OUTDATED = "This changed after you typed"
# (page, {field of the form: what is typed})
FORMS: dict[str, tuple[str, dict[str, str]]] = {
    "edit tenant": (EDIT, {"name": "Acme & Söhne", "note": "Calls on Mondays\nonly"}),
    "add tenant": ("/tenants/add/", {"name": "New One", "slug": "new-one", "note": "soon"}),
    "invite": ("/people/invite/", {"email": "new@example.com"}),
    "add group": ("/groups/", {"name": "West", "slug": "west"}),
    "add member": ("/t/acme/people/", {"email": "someone@example.com"}),
    "name a source": ("/t/acme/names/", {"lofty_id": "7", "name": "Open house"}),
    "save a view": ("/audit/?outcome=done", {"name": "All that was done"}),
}
NOT_TYPED = ("radio", "checkbox", "file", "submit")
STORED = (
    "JSON.stringify(Object.entries(sessionStorage)) + JSON.stringify(Object.entries(localStorage))"
)


def type_in(page: Page, values: dict[str, str]) -> None:
    for name, value in values.items():
        page.locator(f"form[data-keep] [name={name}]").fill(value)


def expect_values(page: Page, values: dict[str, str]) -> None:
    for name, value in values.items():
        expect(page.locator(f"form[data-keep] [name={name}]")).to_have_value(value)


@pytest.mark.parametrize("form", FORMS)
def test_typed__left_and_back_and_reloaded__is_there_and_said_so(
    page: Page, acme: PracticeCustomer, form: str
) -> None:
    path, values = FORMS[form]
    page.goto(path)
    expect(page.get_by_text(RESTORED)).to_have_count(0)
    before = {n: page.locator(f"form[data-keep] [name={n}]").input_value() for n in values}
    type_in(page, values)
    page.goto("/")
    page.go_back()
    expect(page.get_by_text(RESTORED)).to_be_visible()
    expect_values(page, values)
    page.reload()
    expect(page.get_by_text(RESTORED)).to_be_visible()
    expect_values(page, values)
    page.get_by_role("button", name="Discard", exact=True).click()
    expect_values(page, before)
    page.reload()
    expect(page.get_by_text(RESTORED)).to_have_count(0)
    expect_values(page, before)


def test_typed__second_tab__has_the_servers_values_and_leaves_the_first_alone(
    page: Page, acme: PracticeCustomer
) -> None:
    page.goto(EDIT)
    page.get_by_label("Note").fill("from the first tab")
    second = page.context.new_page()
    second.goto(EDIT)
    expect(second.get_by_label("Note")).to_have_value("")
    expect(second.get_by_text(RESTORED)).to_have_count(0)
    second.get_by_label("Note").fill("from the second tab")
    page.reload()
    expect(page.get_by_label("Note")).to_have_value("from the first tab")


def test_typed__saved__is_forgotten_and_back_shows_what_is_saved(
    page: Page, acme: PracticeCustomer
) -> None:
    page.goto(EDIT)
    page.get_by_label("Note").fill("saved")
    page.get_by_role("button", name="Save").click()
    expect_message(page, "")
    assert "saved" not in page.evaluate(STORED)
    page.goto(EDIT)
    expect(page.get_by_label("Note")).to_have_value("saved")
    page.go_back()
    expect(page.get_by_text(RESTORED)).to_have_count(0)
    expect(page.get_by_text(OUTDATED)).to_have_count(0)
    page.goto(EDIT)
    page.get_by_label("Note").fill("")
    page.get_by_role("button", name="Save").click()


def test_typed__refused__the_server_has_the_last_word_and_back_has_what_was_typed(
    page: Page, acme: PracticeCustomer
) -> None:
    page.goto("/tenants/add/")
    type_in(page, {"name": "Reserved", "slug": "new"})
    page.get_by_role("button", name="Add tenant").click()
    expect(page.locator(".invalid-feedback")).to_be_visible()
    expect(page.get_by_text(RESTORED)).to_have_count(0)
    expect_values(page, {"name": "Reserved", "slug": "new"})
    page.locator("[name=slug]").fill("better")
    page.go_back()
    expect(page.get_by_text(RESTORED)).to_be_visible()
    expect_values(page, {"name": "Reserved", "slug": "better"})
    expect(page.get_by_text(OUTDATED)).to_have_count(0)


def test_typed__changed_by_another_user_meanwhile__shown_and_mine_on_request(
    page: Page, acme: PracticeCustomer, deployment: Deployment
) -> None:
    page.goto(EDIT)
    page.get_by_label("Note").fill("mine")
    deployment.query("UPDATE tenants_tenant SET note = 'theirs' WHERE slug = 'acme'")
    page.reload()
    expect(page.get_by_label("Note")).to_have_value("theirs")
    expect(page.get_by_text(OUTDATED)).to_be_visible()
    page.get_by_role("button", name="Fill in what I typed").click()
    expect(page.get_by_label("Note")).to_have_value("mine")
    deployment.query("UPDATE tenants_tenant SET note = '' WHERE slug = 'acme'")


def test_typed__secrets__are_never_stored(page: Page, acme: PracticeCustomer) -> None:
    secret = "practice-SECRET-0123456789"
    for path in (
        "/tenants/add/",
        "/tenants/import/",
        "/t/acme/connection/",
        "/accounts/password/change/",
    ):
        page.goto(path)
        for box in page.locator("main input, main textarea").all():
            if box.is_visible() and box.get_attribute("type") not in NOT_TYPED:
                is_secret = (
                    box.get_attribute("type") == "password"
                    or box.get_attribute("data-secret") is not None
                )
                box.fill(secret if is_secret else "plain text")
        page.reload()
        assert "SECRET" not in page.evaluate(STORED)
    page.goto("/tenants/add/")
    expect_values(page, {"name": "plain text", "token": ""})


def test_typed__signed_out__is_gone_in_every_tab(
    new_page: NewPage, acme: PracticeCustomer, deployment: Deployment
) -> None:
    page = new_page(signed_in=False)
    sign_in(page, "owner@example.com")
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto("/groups/")
        type_in(tab, {"name": "West"})
        assert "West" in tab.evaluate(STORED)
    page.get_by_role("button", name="Olivia Owner").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    assert "West" not in page.evaluate(STORED)
    other.wait_for_function(f"!({STORED}).includes('West')")


def test_typed__another_user_signs_in__sees_none_of_it(
    new_page: NewPage, acme: PracticeCustomer, deployment: Deployment
) -> None:
    deployment.add_person("second@example.com", name="Sven Second", superuser=True)
    page = new_page(signed_in=False)
    sign_in(page, "owner@example.com")
    page.goto("/groups/")
    type_in(page, {"name": "West"})
    page.context.clear_cookies()  # as when the session ends
    sign_in(page, "second@example.com")
    assert "West" not in page.evaluate(STORED)
    page.goto("/groups/")
    expect_values(page, {"name": ""})
    expect(page.get_by_text(RESTORED)).to_have_count(0)


def test_typed__confirmed_first__kept_until_then_and_forgotten_after(
    page: Page, acme: PracticeCustomer, deployment: Deployment
) -> None:
    deployment.add_person("third@example.com", name="Tilda Third")
    (user,) = deployment.query("SELECT id FROM accounts_user WHERE email = 'third@example.com'")
    page.goto(f"/people/{user['id']}/")
    page.get_by_label("For*").select_option("All tenants, including future ones")
    page.get_by_label("Role*").select_option("Denied")
    change = page.get_by_role("button", name="Change", exact=True)
    change.click()
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_text(RESTORED)).to_be_visible()
    expect(page.get_by_label("Role*")).to_have_value("denied")
    change.click()
    page.get_by_role("button", name="Change access").click()
    expect_message(page, "is denied")
    expect(page.get_by_text(RESTORED)).to_have_count(0)
    assert "typed:" not in page.evaluate(STORED)
