"""The history in Chromium: filters without a reload, the drawer, arrow keys, addresses."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser_pages import PHONE, NewPage, look
from tests.support.page_steps import save, tab_to
from tests.support.practice_customer import PracticeCustomer

pytestmark = pytest.mark.browser
HISTORY = "/t/acme/history/"


def save_all(page: Page, *names: str) -> None:
    """A save for each name; the list of them is open then."""
    for name in names:
        save(page, name)
    page.goto(HISTORY)


@pytest.fixture
def saved(page: Page, acme: PracticeCustomer) -> Page:
    """The list is open, with some saves in it."""
    page.goto(HISTORY)
    if page.locator(".event-line", has_text="changed settings").count() < 3:
        save_all(page, "Ursula", "Vera", "Wilma")
    return page


def test_drawer__opened_stepped_and_closed__keeps_place_address_and_focus(
    page: Page, acme: PracticeCustomer
) -> None:
    save_all(page, "Xenia", "Yolanda", "Zarah")
    saved = page
    lines = saved.locator(".event-line")
    addresses = [str(lines.nth(n).get_attribute("href")) for n in range(3)]
    lines.nth(1).click()
    title = saved.locator("#drawer [data-event-title]")
    expect(title).to_be_focused()
    expect(saved).to_have_url(re.compile(re.escape(addresses[1])))
    expect(saved.locator("#drawer")).to_contain_text("Xenia")
    saved.keyboard.press("ArrowRight")
    expect(saved).to_have_url(re.compile(re.escape(addresses[2])))
    saved.keyboard.press("ArrowLeft")
    expect(saved).to_have_url(re.compile(re.escape(addresses[1])))
    saved.keyboard.press("ArrowLeft")
    expect(saved).to_have_url(re.compile(re.escape(addresses[0])))
    expect(saved.locator("#drawer")).to_contain_text("Yolanda")
    expect(lines.nth(0)).to_have_class(re.compile("active"))
    saved.keyboard.press("Escape")
    expect(saved.locator("#drawer")).to_be_hidden()
    expect(saved).to_have_url(re.compile(f"{HISTORY}$"))
    expect(lines.nth(0)).to_be_focused()


def test_drawer__by_keyboard_and_browser_buttons__works(saved: Page) -> None:
    first = saved.locator(".event-line").first
    tab_to(saved, first)
    saved.keyboard.press("Enter")
    expect(saved.locator("#drawer")).to_be_visible()
    saved.go_back()
    expect(saved.locator("#drawer")).to_be_hidden()
    saved.go_forward()
    expect(saved.locator("#drawer [data-event-title]")).to_be_visible()
    saved.reload()
    expect(saved.get_by_role("link", name="Back to the list")).to_be_visible()
    saved.keyboard.press("ArrowRight")
    expect(saved.locator("[data-newer]")).to_be_visible()


def test_drawer__go_back_from_it__opens_the_review(saved: Page) -> None:
    saved.locator(".event-line").first.click()
    saved.locator("#drawer").get_by_role("button", name="Restore the state before this").click()
    expect(saved.get_by_role("heading", name="1 change for Acme Realty")).to_be_visible()


def test_filter__typed_and_chosen__updates_the_list_and_the_address(saved: Page) -> None:
    save_all(saved, "Quentin", "Rupert")
    saved.get_by_label("Search").press_sequentially("quentin")
    expect(saved).to_have_url(re.compile("q=quentin"))
    expect(saved.locator(".event-line")).to_have_count(2)  # to Quentin, and from Quentin on
    expect(saved.get_by_label("Search")).to_be_focused()
    saved.get_by_label("Outcome").select_option("Verified")
    expect(saved).to_have_url(re.compile("outcome=verified"))
    saved.locator(".event-line").first.click()
    expect(saved.locator("#drawer [data-older]")).to_have_attribute("href", re.compile("q=quentin"))
    saved.keyboard.press("Escape")
    expect(saved).to_have_url(re.compile("q=quentin"))
    saved.get_by_role("link", name="Show everything").click()
    expect(saved.locator(".event-line").nth(2)).to_be_visible()


def test_filter__browser_back__shows_the_list_of_before(saved: Page) -> None:
    saved.get_by_label("Search").fill("xyzzy")
    expect(saved.get_by_text("No matching events")).to_be_visible()
    saved.go_back()
    expect(saved.locator(".event-line").first).to_be_visible()


def test_looks__whole_history_drawer_empty_nonsense_compare__fit_and_can_be_read(
    new_page: NewPage, saved: Page
) -> None:
    phone = new_page(viewport=PHONE, reduced_motion="reduce")
    phone.goto("/audit/")
    look(phone, "whole history")
    phone.locator(".event-line").first.click()
    expect(phone.locator("#drawer [data-event-title]")).to_be_visible()
    assert phone.evaluate("document.getElementById('drawer').scrollWidth") <= PHONE["width"]
    for path in ("/audit/?q=xyzzy", "/audit/?kind=nope", f"{HISTORY}compare/?day=2030-01-01"):
        phone.goto(path)
        look(phone, path)


def test_times__in_the_zone_of_the_browser__with_utc_on_hover(
    new_page: NewPage, saved: Page
) -> None:
    page = new_page(timezone_id="Asia/Kolkata")
    page.goto(HISTORY)
    page.reload()
    title = page.locator(".event-line time").first.get_attribute("title")
    assert re.fullmatch(r"\d+ \w{3} \d{4}, [\d:]+ IST · [\d-]+ [\d:]+ UTC", title or "")


def test_drawer__session_ended__says_so_and_opens_no_empty_drawer(
    saved: Page, new_page: NewPage
) -> None:
    page = new_page(session_ends=True)
    page.goto(HISTORY)
    page.context.clear_cookies()
    page.locator(".event-line").first.click()
    expect(page.locator("#session-ended")).to_contain_text("You were signed out.")
    expect(page.locator("#drawer")).to_be_hidden()
    page.reload()
    expect(page).to_have_url(re.compile("/accounts/login/"))
