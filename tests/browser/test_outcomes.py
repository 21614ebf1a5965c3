"""Applying in Chromium: sent exactly once, and every outcome is shown."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.axe import faults
from tests.support.browser_pages import NewPage
from tests.support.deployment import Deployment, wait_for
from tests.support.page_steps import apply, expect_outcome, rename, review, save
from tests.support.practice_customer import PracticeCustomer
from tools.practice_control import control

pytestmark = pytest.mark.browser


def names_sent(acme: PracticeCustomer, since: int) -> list[str]:
    return [put["body"]["assistantName"] for put in acme.puts[since:]]


def test_apply__double_click__sends_once(page: Page, acme: PracticeCustomer) -> None:
    sent = len(acme.puts)
    rename(page, "Bella")
    review(page)
    acme.misbehave("delay", seconds=0.4)
    page.get_by_role("button", name="Apply to Acme Realty").dblclick()
    expect_outcome(page, "Verified")
    assert names_sent(acme, sent) == ["Bella"]


def test_apply__reload_and_back_afterwards__sends_nothing_more(
    page: Page, acme: PracticeCustomer
) -> None:
    sent = len(acme.puts)
    save(page, "Bella")
    outcome = page.url
    page.reload()
    expect_outcome(page, "Verified")
    page.go_back()
    expect_outcome(page, "Verified")
    again = page.context.new_page()
    again.goto(outcome)
    expect_outcome(again, "Verified")
    assert names_sent(acme, sent) == ["Bella"]


def test_apply__the_same_review_twice__shows_the_one_outcome(
    page: Page, acme: PracticeCustomer
) -> None:
    """As after the back button where a browser still has the page."""
    sent = len(acme.puts)
    rename(page, "Bella")
    review(page)
    form = page.locator("form[data-once]")
    url = form.get_attribute("action") or ""
    fields: dict[str, str | float | bool] = {
        name: form.locator(f"[name={name}]").input_value()
        for name in ("revision", "csrfmiddlewaretoken")
    }
    apply(page)
    expect_outcome(page, "Verified")
    answer = page.request.post(url, form=fields, headers={"Referer": page.url})
    assert answer.url == page.url
    assert names_sent(acme, sent) == ["Bella"]


def test_unknown__it_had_arrived__check_now_verifies(page: Page, acme: PracticeCustomer) -> None:
    acme.misbehave("drop_after")
    save(page, "Bella")
    expect_outcome(page, "Unknown")
    expect(page.get_by_text("may or may not have been made")).to_be_visible()
    page.get_by_role("button", name="Check now").click()
    expect_outcome(page, "Verified")
    expect(page.get_by_role("button", name="Check now")).to_have_count(0)


def test_unknown__it_never_arrived__is_not_applied_after_two_readings(
    page: Page, acme: PracticeCustomer
) -> None:
    sent = len(acme.puts)
    acme.misbehave("drop_before")
    save(page, "Bella")
    expect_outcome(page, "Unknown")
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_text("Lofty does not have the change yet")).to_be_visible()
    page.get_by_role("button", name="Check now").click()
    expect_outcome(page, "Not applied")
    assert names_sent(acme, sent) == ["Bella"]
    assert acme.settings["assistantName"] == "Anna"


def test_in_flight__held_at_lofty__the_page_renews_itself(
    page: Page, new_page: NewPage, acme: PracticeCustomer, deployment: Deployment
) -> None:
    rename(page, "Bella")
    review(page)
    acme.misbehave("hold", when="after")
    page.get_by_role("button", name="Apply to Acme Realty").click(no_wait_after=True)
    held = wait_for("the PUT", lambda: control(acme.url, "GET", "held")["held"])
    assert len(held) == 1
    watching = new_page()
    watching.goto(operation_url(deployment))
    expect_outcome(watching, "Being sent")
    assert faults(watching) == []
    watching.evaluate("window.stillThisPage = true")
    control(acme.url, "POST", "release", {"slug": "acme"})
    expect_outcome(watching, "Verified")
    expect(watching.get_by_role("heading", name="Verified")).to_be_focused()
    expect(watching).to_have_title(re.compile("^Verified: Acme Realty"))
    assert watching.evaluate("window.stillThisPage")
    expect_outcome(page, "Verified")


def operation_url(deployment: Deployment) -> str:
    statement = "SELECT id FROM agentsettings_operation WHERE settled_at IS NULL"
    (row,) = deployment.query(statement)
    return f"/t/acme/operations/{row['id']}/"


def test_three_way__another_user_was_faster__choose_review_apply(
    page: Page, acme: PracticeCustomer
) -> None:
    sent = len(acme.puts)
    rename(page, "Bella")
    page.get_by_label("Fixed phone number").fill("+1 415 555 2671")
    review(page)
    acme.change(settings={"assistantName": "Carla", "followUpRole": "Agent"})
    apply(page)
    expect_outcome(page, "Not sent")
    assert len(acme.puts) == sent
    choice = page.get_by_role("group", name="Assistant's name")
    expect(choice).to_contain_text("When you opened the page: Anna")
    expect(choice.get_by_label("Carla")).not_to_be_checked()
    choice.get_by_label("Bella").check()
    page.get_by_role("button", name="Continue to review").click()
    expect(page.get_by_role("heading", level=2)).to_contain_text("2 changes for Acme Realty")
    apply(page)
    expect_outcome(page, "Verified")
    now = acme.settings
    assert (now["assistantName"], now["fixedNumber"]) == ("Bella", "+14155552671")
    assert now["followUpRole"] == "Agent"


def test_late__accepted_and_visible_later__waits_and_then_says_verified(
    page: Page, acme: PracticeCustomer
) -> None:
    acme.misbehave("apply_later", seconds=2)
    save(page, "Bella")
    expect_outcome(page, "Unknown")
    expect(page.get_by_text("does not show the change yet")).to_be_visible()
    expect(page.get_by_text("Nothing else can be applied to this tenant")).to_be_visible()
    wait_for("Lofty to show it", lambda: acme.settings["assistantName"] == "Bella")
    page.get_by_role("button", name="Check now").click()
    expect_outcome(page, "Verified")


def test_decision__values_of_another_user__are_shown_before_the_change_is_closed(
    page: Page, acme: PracticeCustomer
) -> None:
    acme.misbehave("drop_before")
    save(page, "Bella")
    acme.change(settings={"assistantName": "Carla"})
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_role("heading", name="Resolve this change")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Found in Lofty")).to_be_visible()
    expect(page.get_by_role("cell", name="Carla")).to_be_visible()
    assert faults(page) == []
    acme.change(settings={"assistantName": "Dora"})
    close = page.get_by_role("button", name="I've checked Lofty: close this change")
    close.click()
    expect(page.get_by_text("Check them again")).to_be_visible()
    expect(page.get_by_role("cell", name="Dora")).to_be_visible()
    close.click()
    expect_outcome(page, "Not applied")
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
