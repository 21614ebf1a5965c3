"""The search for names: what is picked is what was looked for."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import (
    SETTINGS,
    agent_not_picked,
    apply,
    expect_outcome,
    pick,
    review,
    setting,
)
from tests.deployment import Deployment
from tests.practice import PracticeCustomer

pytestmark = pytest.mark.browser
# Faster than any answer: both events in one turn of the page's loop.
TYPE_AND_ENTER = """(input, text) => {
  input.value = text;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  const enter = { key: "Enter", keyCode: 13, bubbles: true, cancelable: true };
  input.dispatchEvent(new KeyboardEvent("keydown", enter));
}"""


def test_picker__a_member_removed_with_the_mouse__is_removed(
    page: Page, acme: PracticeCustomer
) -> None:
    gone, kept = acme.settings["agentIds"]
    page.goto(SETTINGS)
    setting(page, "Agents").locator(f"[data-value='{gone}'] .item-remove").click()
    review(page)
    expect(page.locator(".members li")).to_have_count(1)
    apply(page)
    expect_outcome(page, "Verified")
    assert acme.settings["agentIds"] == [kept]


def test_picker__enter_before_the_answer__picks_nothing(
    page: Page, acme: PracticeCustomer, deployment: Deployment
) -> None:
    _, agent = agent_not_picked(deployment, acme)
    page.goto(SETTINGS)
    search = setting(page, "Agents").get_by_role("combobox")
    search.focus()
    expect(page.locator(".ts-dropdown .option").first).to_be_visible()
    search.evaluate(TYPE_AND_ENTER, agent)
    expect(page.locator(".ts-dropdown .option")).to_have_count(1)
    expect(page.locator(".ts-dropdown .active")).to_contain_text(agent)
    expect(page.locator(".ts-dropdown .active")).to_contain_text("@acme.example.com")
    expect(setting(page, "Agents").locator(".item")).to_have_count(2)
    assert page.url.endswith(SETTINGS)


def test_picker__the_same_search_again__finds_the_same(
    page: Page, acme: PracticeCustomer, deployment: Deployment
) -> None:
    _, agent = agent_not_picked(deployment, acme)
    page.goto(SETTINGS)
    pick(page, "Agents", agent, agent)
    search = setting(page, "Agents").get_by_role("combobox")
    expect(search).to_have_value("")
    search.press("Backspace")
    search.fill("nobody of this name")
    expect(page.get_by_text("Nothing else found for “nobody of this name”.")).to_be_visible()
    search.fill("")
    pick(page, "Agents", agent, agent)
    expect(page.locator("[data-save-bar]")).to_contain_text("1 change, not sent yet")
