"""Phone width, light and dark, headings: measured on the pages of the main job."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser_pages import OWNER, NewPage, look
from tests.support.page_steps import SETTINGS, apply, expect_outcome, rename, review, save, sign_in
from tests.support.practice_customer import PracticeCustomer

pytestmark = pytest.mark.browser


def outcomes(page: Page, acme: PracticeCustomer) -> Iterator[str]:
    """Leaves the page at each outcome in turn."""
    save(page, "Bella")
    yield "Verified"
    acme.misbehave("ignore")
    save(page, "Carla")
    yield "Unknown"  # not there yet: only a second look says more
    page.get_by_role("button", name="Check now").click()
    yield "Not applied"
    acme.misbehave("status", code=400, body={"code": 20012, "message": "Invalid parameter"})
    save(page, "Dora")
    yield "Rejected"
    acme.misbehave("drop_after")
    save(page, "Emma")
    yield "Unknown"
    page.get_by_role("button", name="Check now").click()


def test_looks__every_outcome_history_event__fit_a_phone_and_can_be_read(
    phone: Page, acme: PracticeCustomer
) -> None:
    for words in outcomes(phone, acme):
        expect_outcome(phone, words)
        look(phone, words)
    expect_outcome(phone, "Verified")
    phone.goto("/t/acme/history/")
    look(phone, "history")
    phone.locator(".event-line", has_text="Not applied").first.click()
    expect(phone.get_by_role("heading", name="changed settings")).to_be_visible()
    look(phone, "event")


def test_looks__hours_changed__week_fits_a_phone_and_can_be_read(
    phone: Page, acme: PracticeCustomer
) -> None:
    phone.goto(SETTINGS)
    week = phone.get_by_role("img", name="10 PM to 6 AM the next morning")
    phone.get_by_label("Active from").select_option("22")
    phone.get_by_label("Active until").select_option("6")
    expect(week).to_be_visible()
    expect(phone.locator("#hours-said")).to_contain_text("6 AM the next morning")
    days = phone.get_by_role("group", name="Active days")
    days.get_by_label("Every day").check()
    expect(week).to_have_accessible_name(re.compile("^Every day"))
    days.get_by_label("Only these").check()
    expect(week).not_to_have_accessible_name(re.compile("^Every day"))  # that answer is there
    phone.locator("[data-hours]").dispatch_event("htmx:sendError")
    expect(phone.get_by_text("The preview isn't available right now")).to_be_visible()
    expect(week).to_be_hidden()
    phone.get_by_label("Active until").select_option("7")
    phone.get_by_label("Active until").select_option("6")
    expect(week).to_be_visible()
    look(phone, "hours being changed")
    review(phone)
    expect(week).to_be_visible()
    look(phone, "review of hours")
    apply(phone)
    expect_outcome(phone, "Verified")
    phone.goto("/t/acme/history/")
    phone.locator(".event-line", has_text="Verified").first.click()
    expect(week).to_be_visible()
    look(phone, "event of hours")


def test_looks__settings_review_errors_unreadable__fit_a_phone_and_can_be_read(
    phone: Page, acme: PracticeCustomer
) -> None:
    phone.goto(SETTINGS)
    look(phone, "settings")
    rename(phone, "Bella " * 30)
    phone.get_by_label("Texting number", exact=True).fill("")
    phone.get_by_role("group", name="Agents").get_by_label("Everyone").check()
    review(phone)
    expect(phone.get_by_text("no texting number")).to_be_visible()
    look(phone, "review")
    phone.goto(SETTINGS)
    for _ in acme.settings["agentIds"]:
        phone.get_by_role("group", name="Agents").get_by_role("combobox").press("Backspace")
    phone.get_by_role("button", name="Review changes").click()
    expect(phone.get_by_role("alert")).to_be_visible()
    look(phone, "errors")
    acme.misbehave("html", on="GET", times=None, code=401)
    phone.goto(SETTINGS)
    expect(phone.get_by_role("heading", name="could not be read")).to_be_visible()
    look(phone, "unreadable")


def test_looks__three_way__fits_a_phone_and_can_be_read(
    phone: Page, acme: PracticeCustomer
) -> None:
    rename(phone, "Bella")
    review(phone)
    acme.change(settings={"assistantName": "Carla", "followUpRole": "Agent"})
    phone.get_by_role("button", name="Apply to Acme Realty").click()
    expect_outcome(phone, "Not sent")
    look(phone, "three-way")


def test_looks__forced_colours__on_and_off_look_different(
    new_page: NewPage, acme: PracticeCustomer
) -> None:
    page = new_page(forced_colors="active", reduced_motion="reduce")
    page.goto(SETTINGS)
    for name in ("Text messages", "Buyer"):
        box = page.get_by_label(name, exact=True)
        was = box.is_checked()
        looks = []
        for on in (was, not was, was):
            box.set_checked(on)
            box.blur()
            page.mouse.move(0, 0)
            looks.append(box.screenshot())
        assert looks[0] == looks[2] != looks[1], name


PLACED = "[data-section], aside, [data-section] :is(label, legend, input)"
PLACES = """(placed) => [...document.querySelectorAll(placed)]
  .filter((one) => one.checkVisibility())
  .map((one) => [one.id, one.getBoundingClientRect().x, one.getBoundingClientRect().y + scrollY])"""
OUT_OF_CARD = """() => [...document.querySelectorAll(".is-changed")].filter((field) => {
  const card = field.closest(".card").getBoundingClientRect();
  return [...field.querySelectorAll("*")].some((one) => {
    const box = one.getBoundingClientRect();
    return box.width && (box.left < card.left + 4 || box.right > card.right - 4);
  });
}).map((field) => field.id)"""


@pytest.mark.parametrize("width", [320, 1280])
def test_looks__fields_changed__nothing_moves_and_nothing_leaves_its_card(
    new_page: NewPage, acme: PracticeCustomer, width: int
) -> None:
    page = new_page(viewport={"width": width, "height": 900}, reduced_motion="reduce")
    page.goto(SETTINGS)
    page.wait_for_load_state("networkidle")
    places = page.evaluate(PLACES, PLACED)
    page.get_by_label("Assistant's name").fill("Bella")
    page.get_by_label("Agent's experience").fill("Two lines")
    for name in ("Text messages", "Website visitors", "New leads"):
        if page.get_by_label(name, exact=True).count():
            page.get_by_label(name, exact=True).click()
    page.get_by_role("group", name="Lead types").get_by_label("Investor").click()
    expect(page.locator(".is-changed")).not_to_have_count(0)
    assert page.locator(".is-changed.form-switch").count() > 0
    assert page.evaluate(PLACES, PLACED) == places
    assert page.evaluate(OUT_OF_CARD) == []


CUT = """() => [...document.querySelectorAll("select")].filter((select) => {
  const style = getComputedStyle(select);
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = style.font;
  const room = select.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  const text = select.selectedOptions[0]?.textContent.trim() ?? "";
  return select.checkVisibility() && Math.floor(pen.measureText(text).width) > room;
}).map((select) => `${select.name}: ${select.selectedOptions[0].textContent}`)"""


@pytest.mark.parametrize("path", ["/", "/audit/", "/t/acme/history/", "/t/acme/names/", SETTINGS])
def test_looks__selects_on_a_phone__show_all_of_what_is_chosen(
    phone: Page, acme: PracticeCustomer, path: str
) -> None:
    phone.goto(path)
    assert phone.locator("select").count() > 0
    assert phone.evaluate(CUT) == []


def test_looks__buttons_next_to_long_texts_on_a_phone__keep_their_words_whole(
    phone: Page, new_page: NewPage, acme: PracticeCustomer
) -> None:
    sign_in(new_page(signed_in=False), OWNER)
    phone.goto("/accounts/security/")
    expect(phone.get_by_role("button", name="End the session").first).to_be_visible()
    for button in phone.locator("main .btn").all():
        box = button.bounding_box()
        assert box
        assert box["width"] > 40, button.inner_text()
