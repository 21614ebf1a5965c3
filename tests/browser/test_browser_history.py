"""Back, Forward, Reload and a second tab work at every step and lose nothing that was typed."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.page_steps import SETTINGS, apply, expect_outcome, rename, review, setting
from tests.support.practice_customer import PracticeCustomer

pytestmark = pytest.mark.browser
NAME = "Assistant's name"


def expect_edited(page: Page, name: str = "Bella") -> None:
    """The form with the edits of `edit`."""
    expect(page.get_by_label(NAME)).to_have_value(name)
    expect(page.get_by_label("Text messages")).not_to_be_checked()
    expect(setting(page, "Agents").get_by_label("Everyone")).to_be_checked()
    expect(page.locator("[data-save-bar]")).to_contain_text("3 unsaved changes")


def expect_review(page: Page) -> None:
    heading = page.get_by_role("heading", name="not sent yet")
    expect(heading).to_have_text(re.compile("3 changes for Acme Realty"))


def edit(page: Page, name: str = "Bella") -> None:
    rename(page, name)
    page.get_by_label("Text messages").uncheck()
    setting(page, "Agents").get_by_label("Everyone").check()


def test_back__from_the_review_and_forward_and_reload__shows_the_edits(
    page: Page, acme: PracticeCustomer
) -> None:
    edit(page)
    review(page)
    for _ in range(2):
        page.go_back()
        expect_edited(page)
        page.reload()
        expect_edited(page)
        page.go_forward()
        expect_review(page)
        page.reload()
        expect_review(page)


def test_back__edited_again_after_back__the_same_draft_with_the_new_values(
    page: Page, acme: PracticeCustomer
) -> None:
    edit(page)
    review(page)
    draft = page.url
    page.go_back()
    page.get_by_label(NAME).fill("Carla")
    review(page)
    assert page.url == draft
    expect(page.get_by_role("row", name=NAME)).to_contain_text("Carla")
    page.get_by_role("button", name="Back to the form").click()
    expect_edited(page, "Carla")
    for _ in range(3):
        page.go_back()
        page.go_forward()
    expect_edited(page, "Carla")


def test_back__from_the_result_and_forward__shows_the_outcome_and_sends_once(
    page: Page, acme: PracticeCustomer
) -> None:
    sent = len(acme.puts)
    edit(page)
    review(page)
    page.locator("#confirm-agentIds").check()
    apply(page)
    expect_outcome(page, "Verified")
    outcome = page.url
    page.reload()
    expect_outcome(page, "Verified")
    for _ in range(2):  # the review, then the form: both are this change now
        page.go_back()
        expect_outcome(page, "Verified")
        assert page.url == outcome
    page.go_forward()
    expect_outcome(page, "Verified")
    assert len(acme.puts) == sent + 1


def test_back__refused_form__errors_and_what_was_typed_survive_reload_back_and_forward(
    page: Page, acme: PracticeCustomer
) -> None:
    edit(page)
    setting(page, "Agents").get_by_label("Only these").check()
    for _ in acme.settings["agentIds"]:
        setting(page, "Agents").get_by_role("combobox").press("Backspace")
    page.get_by_role("button", name="Review changes").click()
    for step in (page.reload, page.go_back, page.go_forward):
        step()
        expect(page.get_by_label(NAME)).to_have_value("Bella")
        expect(page.get_by_role("alert")).to_contain_text("nothing is selected")


def test_back__refused_apply__ticks_and_reason_survive(page: Page, acme: PracticeCustomer) -> None:
    edit(page)
    setting(page, "Active days").get_by_label("Every day").check()
    review(page)
    page.locator("#confirm-agentIds").check()
    page.get_by_label("Reason").fill("They asked\nfor it")
    apply(page, confirm=False)
    for step in (lambda: None, page.reload, page.go_back, page.go_forward):
        step()
    expect(page.get_by_label("Reason")).to_have_value("They asked\nfor it")
    expect(page.locator("#confirm-agentIds")).to_be_checked()


def test_back__reason_typed_on_the_review__is_there_again(
    page: Page, acme: PracticeCustomer
) -> None:
    edit(page)
    review(page)
    page.get_by_label("Reason").fill("They asked for it")
    page.go_back()
    expect_edited(page)
    page.go_forward()
    expect(page.get_by_label("Reason")).to_have_value("They asked for it")


def test_back__three_way_page__back_reload_and_on_to_the_review_and_back(
    page: Page, acme: PracticeCustomer
) -> None:
    rename(page, "Bella")
    review(page)
    acme.change(settings={"assistantName": "Carla", "followUpRole": "Agent"})
    apply(page)
    expect_outcome(page, "Not sent")
    page.reload()
    page.go_back()
    expect_outcome(page, "Not sent")
    page.go_forward()
    page.get_by_label("Yours:").check()
    page.get_by_role("button", name="Continue to review").click()
    expect(page.get_by_role("heading", name="not sent yet")).to_be_visible()
    page.go_back()
    expect_outcome(page, "Not sent")
    page.go_forward()
    page.reload()
    apply(page)
    expect_outcome(page, "Verified")
    assert acme.settings["assistantName"] == "Bella"


def test_back__restore_and_undo__the_review_is_an_ordinary_page(
    page: Page, acme: PracticeCustomer
) -> None:
    rename(page, "Bella")
    review(page)
    apply(page)
    expect_outcome(page, "Verified")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="not sent yet")).to_be_visible()
    page.reload()
    page.go_back()
    expect_outcome(page, "Verified")
    page.go_forward()
    expect(page.get_by_role("heading", name="not sent yet")).to_be_visible()


def test_second_tab__same_draft__the_older_page_sends_nothing_that_it_did_not_show(
    page: Page, acme: PracticeCustomer
) -> None:
    edit(page)
    review(page)
    second = page.context.new_page()
    second.goto(f"{page.url}edit/")
    expect_edited(second)
    second.get_by_label(NAME).fill("Carla")
    review(second)
    page.locator("#confirm-agentIds").check()
    apply(page)
    expect(page.get_by_role("alert")).to_contain_text("Nothing was sent: this draft was edited")
    expect(page.get_by_role("row", name=NAME)).to_contain_text("Carla")


def test_home_and_settings__list_the_draft__continued_and_discarded(
    page: Page, acme: PracticeCustomer
) -> None:
    edit(page, "Zelda")
    review(page)
    draft = page.url
    page.goto("/")
    page.locator(f'a[href$="{draft.rsplit("/settings")[1]}"]').click()
    expect_review(page)
    page.goto(SETTINGS)
    expect(page.get_by_label(NAME)).to_have_value("Anna")
    page.locator(f'a[href$="{draft.rsplit("/drafts/")[1]}edit/"]').click()
    expect_edited(page, "Zelda")
    page.get_by_role("link", name="Discard", exact=True).click()
    expect(page.get_by_role("heading", name="Discard this draft for Acme Realty?")).to_be_visible()
    page.get_by_role("link", name="Keep").click()
    expect_review(page)
    page.get_by_role("link", name="Discard", exact=True).click()
    page.get_by_role("button", name="Discard draft").click()
    expect(page).to_have_url(re.compile(f"{SETTINGS}$"))
    page.go_back()
    page.go_back()
    expect(page.get_by_role("heading", name="This draft can't be opened")).to_be_visible()


def test_in_flight__settled_while_the_review_is_open__apply_becomes_available(
    page: Page, acme: PracticeCustomer
) -> None:
    """And what was typed meanwhile stays."""
    acme.misbehave("drop_after")
    rename(page, "Bella")
    review(page)
    apply(page)
    expect_outcome(page, "Unknown")
    other = page.context.new_page()
    rename(other, "Carla")
    review(other)
    button = other.get_by_role("button", name="Apply to Acme Realty")
    expect(button).to_be_disabled()
    expect(other.get_by_text("isn't confirmed yet")).to_be_visible()
    other.get_by_label("Reason").fill("after that")
    page.get_by_role("button", name="Check now").click()
    expect_outcome(page, "Verified")
    expect(button).to_be_enabled()
    expect(other.get_by_label("Reason")).to_have_value("after that")
