"""The name picker adds the names that were searched for."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.deployment import Deployment
from tests.support.page_steps import (
    SETTINGS,
    agent_not_picked,
    apply,
    expect_outcome,
    paste,
    pick,
    review,
    setting,
)
from tests.support.practice_customer import PracticeCustomer

pytestmark = pytest.mark.browser
# Faster than any answer: both events in one turn of the page's loop.
TYPE_AND_ENTER = """(input, text) => {
  input.value = text;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  const enter = { key: "Enter", keyCode: 13, bubbles: true, cancelable: true };
  input.dispatchEvent(new KeyboardEvent("keydown", enter));
}"""

# In one call: the page may be scrolling.
BOTTOM_AND_TOP = """(upper, lower) =>
  [upper.getBoundingClientRect().bottom, lower.getBoundingClientRect().top]"""

# As on a phone that is too slow: the tasks in which searches start never come.
NEVER_THEIR_TURN = """{
  const later = window.setTimeout;
  window.setTimeout = (call, ...more) => (more.length ? later(call, ...more) : 0);
}"""


def test_picker__wanted_before_its_turn__starts_at_once_and_has_every_letter(
    page: Page, acme: PracticeCustomer
) -> None:
    page.add_init_script(NEVER_THEIR_TURN)
    page.goto(SETTINGS)
    agents, offices = setting(page, "Agents"), setting(page, "Offices")
    expect(agents.get_by_text("2 selected")).to_be_visible()
    expect(page.locator("[data-picker] [role=combobox]")).to_have_count(0)
    agents.get_by_role("textbox").click()
    page.keyboard.type("agent12@")
    expect(agents.get_by_role("combobox")).to_be_focused()
    expect(agents.get_by_role("combobox")).to_have_value("agent12@")
    expect(agents.locator(".ts-dropdown .option")).to_contain_text("agent12@acme.example.com")
    offices.locator(".item-remove").last.focus()
    page.keyboard.press("Tab")
    page.keyboard.type("x")
    expect(offices.get_by_role("combobox")).to_be_focused()
    expect(offices.get_by_role("combobox")).to_have_value("x")


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
    search.fill("no one of this name")
    expect(page.get_by_text("No results for “no one of this name”.")).to_be_visible()
    search.fill("")
    pick(page, "Agents", agent, agent)
    expect(page.locator("[data-save-bar]")).to_contain_text("1 unsaved change")


def test_picker__offices_whole_and_as_a_tree__say_what_is_not_included(
    page: Page, acme: PracticeCustomer, deployment: Deployment
) -> None:
    (office,) = deployment.query(
        "SELECT o.lofty_id, o.name, array_agg(a.lofty_id) AS agents"
        " FROM tenants_tenant t JOIN directory_entry o ON o.tenant_id = t.id"
        " JOIN directory_entry a ON a.tenant_id = o.tenant_id AND a.kind = 'agent'"
        " AND a.belongs_to = o.lofty_id"
        " WHERE t.slug = 'acme' AND o.kind = 'office' AND NOT a.lofty_id = ANY(%s) GROUP BY 1, 2"
        " ORDER BY 1 DESC LIMIT 1",
        acme.settings["agentIds"],
    )
    page.goto(SETTINGS)
    agents, offices = setting(page, "Agents"), setting(page, "Offices")
    count = len(office["agents"])
    agents.get_by_role("combobox").press_sequentially(office["name"])
    expect(page.locator(".ts-dropdown .active")).to_contain_text(f"All {count} in {office['name']}")
    page.keyboard.press("Enter")
    message = f"{count} agents of {office['name']} added. Agents who join the office later"
    expect(agents.get_by_text(message)).to_be_visible()
    expect(page.get_by_role("status").filter(has_text=message)).to_have_count(1)
    page.keyboard.press("Escape")
    expect(agents.get_by_role("combobox")).to_have_attribute("aria-expanded", "false")
    expect(agents.get_by_text(f"{2 + count} selected")).to_be_visible()

    offices.get_by_role("button", name="Remove all").click()
    offices.get_by_role("combobox").focus()
    expect(offices.locator(".active")).to_contain_text("3 offices below it, not included")
    page.keyboard.press("Enter")
    expect(offices.get_by_text("The 3 offices below it are not included.")).to_be_visible()
    expect(offices.get_by_text("1 selected")).to_be_visible()
    offices.get_by_role("button", name="Add these too").click()
    expect(offices.get_by_text("4 selected")).to_be_visible()
    review(page)
    expect(page.locator(".members li")).to_have_count(count + 2)


@pytest.mark.parametrize("separator", [",", ".", " ", "\u202f", "'"])
def test_picker__pasted_id_with_thousands_separators__is_one_id(
    page: Page, acme: PracticeCustomer, deployment: Deployment, separator: str
) -> None:
    agent_id, _agent = agent_not_picked(deployment, acme)
    page.goto(SETTINGS)
    agents = setting(page, "Agents")
    paste(agents.get_by_role("combobox"), f"{agent_id:,}".replace(",", separator))
    expect(agents.get_by_text("1 entry added")).to_be_visible()
    expect(agents.locator(f"[data-value='{agent_id}']")).to_be_visible()
    expect(agents.get_by_text("3 selected")).to_be_visible()


def test_picker__pasted_text_that_is_no_list__is_searched_for(
    page: Page, acme: PracticeCustomer
) -> None:
    page.goto(SETTINGS)
    agents = setting(page, "Agents")
    search = agents.get_by_role("combobox")
    search.fill("x")
    search.press("Home")
    paste(search, "agent12@acme.example.com")
    expect(search).to_have_value("agent12@acme.example.comx")
    search.press("End")
    search.press("Backspace")
    expect(agents.locator(".ts-dropdown .option")).to_contain_text("agent12@acme.example.com")
    expect(agents.get_by_text("2 selected")).to_be_visible()


def test_picker__stored_ids_of_another_kind__no_names_are_offered_until_asked(
    page: Page, acme: PracticeCustomer
) -> None:
    acme.change(settings={"agentIds": [844510972070138]})
    page.goto(SETTINGS)
    agents = setting(page, "Agents")
    expect(agents.get_by_text("it may be another kind of ID")).to_be_visible()
    search = agents.get_by_role("combobox")
    search.focus()
    expect(agents.locator(".ts-dropdown")).to_contain_text("Names aren't offered here")
    expect(agents.locator(".ts-dropdown [data-selectable]")).to_have_count(0)
    search.press_sequentially("844510972070139")
    expect(agents.locator(".ts-dropdown")).to_contain_text("Add unknown ID 844510972070139")
    search.fill("")
    agents.get_by_role("button", name="Offer names anyway").click()
    expect(agents.locator(".ts-dropdown [data-selectable]").first).to_be_visible()


def test_picker__pasted_list__added_and_the_rest_kept_in_view(
    page: Page, acme: PracticeCustomer, deployment: Deployment
) -> None:
    agent_id, agent = agent_not_picked(deployment, acme)
    first, other = acme.settings["agentIds"]
    page.goto(SETTINGS)
    agents = setting(page, "Agents")
    paste(
        agents.get_by_role("combobox"),
        f"{agent} <agent1@ACME.example.com>; {agent_id}, 1002\nBob Who",
    )
    expect(
        agents.get_by_text("1 entry added · 1 was already selected · 1 unknown ID · 1 not found")
    ).to_be_visible()
    missing = agents.get_by_label("Not found (1):")
    expect(missing).to_have_value("Bob Who")
    agents.get_by_role("combobox").press_sequentially("a")
    expect(agents.locator(".ts-dropdown .option").first).to_be_visible()
    dropdown = agents.locator(".ts-dropdown").element_handle()
    bottom, top = missing.evaluate(BOTTOM_AND_TOP, dropdown)
    assert bottom <= top  # not under the list that is open
    agents.get_by_role("combobox").fill("")
    agents.get_by_role("button", name="Add unknown ID 1002").click()
    expect(agents.locator(".item", has_text="unknown (1002)")).to_be_visible()
    agents.locator(f"[data-value='{first}'] .item-remove").focus()
    page.keyboard.press("Delete")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Delete")
    expect(agents.locator(".item")).to_have_count(2)
    expect(agents.get_by_text("unknown (1002) removed.")).to_be_visible()
    agents.get_by_role("button", name="Undo").click()
    agents.get_by_role("combobox").press_sequentially("1002003")
    expect(page.locator(".ts-dropdown .active")).to_contain_text("Add unknown ID 1002003")
    agents.get_by_role("combobox").fill("")
    review(page)
    apply(page)
    expect_outcome(page, "Verified")
    assert set(acme.settings["agentIds"]) == {other, agent_id, 1002}
