"""Leaving a page with unsaved changes asks first."""

import pytest
from playwright.sync_api import Dialog, Page, Route, expect

from tests.support.page_steps import SETTINGS, apply, expect_outcome, rename, review
from tests.support.practice_customer import PracticeCustomer

pytestmark = pytest.mark.browser


@pytest.fixture
def asked(page: Page) -> list[str]:
    """The kinds of dialogs that came up; each is answered with "stay"."""
    kinds: list[str] = []

    def stay(dialog: Dialog) -> None:
        kinds.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    return kinds


def leave(page: Page) -> None:
    tabs = page.get_by_role("navigation", name="Acme Realty")
    tabs.get_by_role("link", name="History").click(no_wait_after=True)


def test_leaving__with_changes__is_asked_and_stays(
    page: Page, acme: PracticeCustomer, asked: list[str]
) -> None:
    page.goto(SETTINGS)
    page.get_by_label("Assistant's name").press_sequentially("x")
    leave(page)
    expect(page.locator("[data-save-bar]")).to_contain_text("1 unsaved change")
    assert asked == ["beforeunload"]
    assert page.url.endswith(SETTINGS)


def test_leaving__changes_taken_back__is_not_asked(
    page: Page, acme: PracticeCustomer, asked: list[str]
) -> None:
    page.goto(SETTINGS)
    page.get_by_label("Assistant's name").press_sequentially("x")
    page.get_by_label("Assistant's name").press("Backspace")
    expect(page.locator("[data-save-bar]")).to_be_hidden()
    leave(page)
    page.wait_for_url("**/history/")
    assert asked == []


def test_leaving__to_review_back_and_apply__is_not_asked_and_loses_nothing(
    page: Page, acme: PracticeCustomer, asked: list[str]
) -> None:
    page.goto(SETTINGS)
    page.get_by_label("Assistant's name").press("End")
    page.get_by_label("Assistant's name").press_sequentially("x")
    review(page)
    page.get_by_role("button", name="Back to the form").click()
    expect(page.get_by_label("Assistant's name")).to_have_value("Annax")
    assert asked == []
    page.get_by_label("Assistant's name").press("End")
    page.get_by_label("Assistant's name").press_sequentially("y")
    leave(page)
    expect(page.get_by_label("Assistant's name")).to_have_value("Annaxy")
    assert asked == ["beforeunload"]
    review(page)
    apply(page)
    expect_outcome(page, "Verified")
    assert acme.settings["assistantName"] == "Annaxy"


def test_leaving__changed_before_the_scripts_came__is_counted_and_asked(
    page: Page, acme: PracticeCustomer, asked: list[str]
) -> None:
    """On a slow line: one script is held until everything is changed; others wait for it."""
    held: list[Route] = []
    page.route("**/static/changes*.js", lambda route: held.append(route))
    page.goto(SETTINGS, wait_until="commit")
    page.get_by_label("Assistant's name").fill("Bella")
    page.get_by_label("Text messages").uncheck()
    page.get_by_label("Active from").select_option(label="10 PM")
    page.get_by_role("group", name="Active days").get_by_label("Every day").check()
    held[0].continue_()
    expect(page.locator("[data-save-bar]")).to_contain_text("4 unsaved changes")
    expect(page.locator("#hours-said")).to_contain_text("10 PM")
    page.get_by_role("button", name="Reset Assistant's name to the value in Lofty").click()
    expect(page.get_by_label("Assistant's name")).to_have_value("Anna")
    leave(page)
    expect(page.locator("[data-save-bar]")).to_contain_text("3 unsaved changes")
    assert asked == ["beforeunload"]


WATCH_MAIN = """() => {
  const main = document.getElementById("content");
  const note = () => main.ariaBusy && sessionStorage.setItem("seen", main.className);
  new MutationObserver(note).observe(main, { attributes: true });
}"""


def test_leaving__discard__asks_how_much_and_stays(
    page: Page, acme: PracticeCustomer, asked: list[str]
) -> None:
    rename(page, "Bella")
    page.get_by_label("Text messages").uncheck()
    page.get_by_role("link", name="Discard", exact=True).click()
    expect(page.get_by_label("Assistant's name")).to_have_value("Bella")
    assert asked == ["confirm"]


def test_leaving__discard_confirmed__asked_once_and_lofty_being_slow_is_shown(
    page: Page, acme: PracticeCustomer
) -> None:
    questions: list[str] = []

    def agree(dialog: Dialog) -> None:
        questions.append(dialog.message)
        dialog.accept()

    page.on("dialog", agree)
    rename(page, "Bella")
    acme.misbehave("delay", on="GET", seconds=1.5)
    page.evaluate(WATCH_MAIN)
    page.get_by_role("link", name="Discard", exact=True).click()
    expect(page.get_by_label("Assistant's name")).to_have_value("Anna")
    assert questions == ["Discard 1 change? You can't get it back."]
    assert page.evaluate("sessionStorage.getItem('seen')") == "page-body is-waiting"
    expect(page.locator("#waiting-bar")).to_be_hidden()


def test_leaving__draft_without_new_edits__is_not_asked_because_it_is_kept(
    page: Page, acme: PracticeCustomer, asked: list[str]
) -> None:
    rename(page, "Bella")
    review(page)
    page.get_by_role("button", name="Back to the form").click()
    page.get_by_label("Assistant's name").press("End")  # the page was used
    leave(page)
    page.wait_for_url("**/history/")
    assert asked == []
