"""Finding a tenant by typing, shortcuts on other keyboard layouts, alerts that link to results."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser_pages import PHONE, NewPage
from tests.support.deployment import Deployment
from tests.support.page_steps import expect_message
from tests.support.practice_customer import PracticeCustomer

pytestmark = pytest.mark.browser
CONTROL = 2  # in the modifiers of Chromium's protocol
NON_LATIN = {"Russian": ("л", "х", "ъ"), "Greek": ("κ", "[", "]"), "Hebrew": ("ל", "[", "]")}


@pytest.fixture
def many(deployment: Deployment, acme: PracticeCustomer) -> Iterator[None]:
    """More tenants than a menu holds, for as long as the test."""
    deployment.query(
        "INSERT INTO tenants_tenant"
        " (id, slug, name, folded, note, note_folded, manual_only, status, created_at)"
        " SELECT gen_random_uuid(), 'many-' || n, 'Łódź Homes ' || n, 'lodz homes ' || n,"
        " '', '', false, 'active', now() FROM generate_series(1, 320) AS n"
    )
    yield
    deployment.query(
        "DELETE FROM tenants_visit WHERE tenant_id IN"
        " (SELECT id FROM tenants_tenant WHERE starts_with(slug, 'many-'))"
    )
    deployment.query("DELETE FROM tenants_tenant WHERE starts_with(slug, 'many-')")


def test_history__many_tenants__found_by_name_with_the_keyboard(page: Page, many: None) -> None:
    page.goto("/audit/")
    field = page.get_by_role("combobox", name="Tenant", exact=True)
    field.focus()
    page.keyboard.type("lodz homes 31")
    options = page.get_by_role("listbox", name="Tenants").get_by_role("option")
    expect(options.first).to_contain_text("Łódź Homes 31")
    page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(field).to_have_value("Łódź Homes 31 (many-31)")
    expect(page.locator("#results")).to_contain_text("Tenant: Łódź Homes 31")
    page.reload()
    expect(field).to_have_value("Łódź Homes 31 (many-31)")
    field.fill("-")
    expect(page.get_by_role("listbox", name="Tenants")).to_contain_text("at least one letter")
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox", name="Tenants")).to_be_hidden()


def test_history__many_tenants_without_javascript__asks_which_one(
    new_page: NewPage, many: None
) -> None:
    page = new_page(java_script_enabled=False)
    page.goto("/audit/")
    page.get_by_label("Tenant", exact=True).fill("homes 31")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.get_by_text("Several tenants match.")).to_be_visible()
    page.get_by_role("link", name="Łódź Homes 310 (many-310)").click()
    expect(page.get_by_text("Tenant: Łódź Homes 310")).to_be_visible()


def test_person__tenant__picked_by_name_with_the_pointer(page: Page, many: None) -> None:
    page.goto("/people/invite/")
    page.get_by_label("E-mail address*").fill("pia@example.com")
    page.get_by_role("button", name="Send invitation").click()
    field = page.get_by_role("combobox", name="Tenant", exact=True)
    field.press_sequentially("acme re")
    page.get_by_role("option", name="Acme Realty").click()
    expect(field).to_have_value("Acme Realty (acme)")
    page.get_by_label("Role*").select_option("Viewer")
    page.get_by_role("button", name="Change", exact=True).click()
    expect_message(page, "is now viewer of Acme Realty")


def press(page: Page, key: str, code: str, modifiers: int = 0) -> None:
    """A key of a keyboard with another layout, as the browser gets it from the machine."""
    protocol = page.context.new_cdp_session(page)
    for kind in ("rawKeyDown", "keyUp"):
        event = {"type": kind, "key": key, "code": code, "modifiers": modifiers}
        protocol.send("Input.dispatchKeyEvent", event)
    protocol.detach()


@pytest.mark.parametrize("layout", NON_LATIN)
def test_shortcuts__keyboard_that_is_not_latin__work_by_their_place(
    page: Page, many: None, layout: str
) -> None:
    k, left, right = NON_LATIN[layout]
    page.goto("/t/many-100/history/")
    press(page, k, "KeyK", CONTROL)
    expect(page.get_by_role("dialog", name="Go to")).to_be_visible()
    page.keyboard.press("Escape")
    page.locator("h1").first.click()
    press(page, right, "BracketRight")
    page.wait_for_url("**/t/many-101/history/")
    press(page, left, "BracketLeft")
    page.wait_for_url("**/t/many-100/history/")


def test_shortcuts__latin_keyboard_with_other_places__go_by_the_letter(
    page: Page, acme: PracticeCustomer
) -> None:
    page.goto("/t/acme/history/")
    press(page, "t", "KeyK", CONTROL)  # Dvorak: the key where others have K is a T
    press(page, "-", "Slash")  # German: the key where others have / is a hyphen
    expect(page.get_by_role("dialog", name="Go to")).to_be_hidden()
    press(page, "k", "KeyV", CONTROL)
    expect(page.get_by_role("dialog", name="Go to")).to_be_visible()


@pytest.mark.parametrize("size", [{"width": 1440, "height": 800}, PHONE])
def test_home__alert__leads_to_the_tenants_it_is_about(
    new_page: NewPage, many: None, size: dict[str, int]
) -> None:
    page = new_page(viewport=size)
    page.goto("/")
    page.get_by_role("link", name=re.compile("tenants have no token")).click()
    found = page.locator("#found")
    expect(found).to_be_focused()
    expect(found.get_by_role("status")).to_be_in_viewport()
    expect(found.get_by_role("link", name="Łódź Homes 1", exact=True)).to_be_in_viewport()
