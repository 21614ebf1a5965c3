"""The main job in Chromium: open, change, review, apply, see the history, go back."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser_pages import OWNER, NewPage
from tests.support.deployment import Deployment
from tests.support.page_steps import (
    SETTINGS,
    agent_not_picked,
    apply,
    expect_outcome,
    pick,
    rename,
    review,
    setting,
    sign_in,
    tab_to,
)
from tests.support.practice_customer import PracticeCustomer

pytestmark = pytest.mark.browser
LISTS = ("activeDays", "leadTypes", "agentIds", "officeIds")


def change_one_of_each_kind(page: Page, agent: str) -> None:
    page.get_by_label("Assistant's name").fill("Bella")
    page.get_by_label("Agent's experience").fill("Two lines\nof text & <markup>")
    page.get_by_label("Fixed phone number").fill("+1 415 555 2671")
    page.get_by_label("Texting number country").select_option("CA")
    page.get_by_label("Incoming calls").select_option(label="Not transferred")
    page.get_by_label("Text messages").uncheck()
    page.get_by_label("Active from").select_option(label="10 PM")
    expect(page.locator("#hours-said")).to_contain_text("the next day")
    setting(page, "Active days").get_by_label("Saturday").check()
    setting(page, "Lead types").get_by_label("Investor").check()
    setting(page, "Agents").get_by_role("combobox").press("Backspace")
    pick(page, "Agents", agent[:4].lower(), agent)
    setting(page, "Offices").get_by_label("All offices").check()


def test_main_job__one_setting_of_each_kind__is_verified_and_goes_back(
    new_page: NewPage, acme: PracticeCustomer, deployment: Deployment
) -> None:
    before, puts = acme.settings, len(acme.puts)
    agent_id, agent = agent_not_picked(deployment, acme)
    page = new_page(signed_in=False)
    sign_in(page, OWNER)
    page.locator("#found").get_by_role("link", name="Acme Realty").click()

    change_one_of_each_kind(page, agent)
    expect(page.locator("[data-save-bar]")).to_contain_text("11 unsaved changes")
    review(page)
    expect(page.get_by_role("heading", level=2)).to_contain_text("11 changes for Acme Realty")
    expect(page.get_by_role("row", name=re.compile("Agents"))).to_contain_text(agent)
    apply(page, confirm=False)
    expect(page.get_by_role("alert")).to_contain_text("Nothing was sent: confirm each change")
    assert len(acme.puts) == puts
    page.get_by_label("Offices: All offices instead of").check()
    page.get_by_label("Reason").fill("They asked for it")
    apply(page)

    expect_outcome(page, "Verified")
    now = acme.settings
    assert len(acme.puts) == puts + 1
    assert len(acme.puts[-1]["body"]) == 23
    assert (now["assistantName"], now["agentExperience"]) == (
        "Bella",
        "Two lines\nof text & <markup>",
    )
    assert (now["fixedNumber"], now["virtualNumberCountry"]) == ("+14155552671", "CA")
    assert (now["callTransferType"], now["textChannel"]) == ("Disabled", False)
    assert (now["startActiveHour"], now["officeIds"]) == (22, [-1])
    assert set(now["activeDays"]) == {1, 2, 3, 4, 5, 6}
    assert set(now["leadTypes"]) == {1, 2, 6}
    assert set(now["agentIds"]) == {before["agentIds"][0], agent_id}

    page.get_by_role("link", name="History").first.click()
    page.get_by_role("link", name=re.compile("Olivia Owner changed settings")).first.click()
    expect(page.get_by_text("They asked for it", exact=True)).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("Text messages"))).to_contain_text(
        "may not text leads"
    )
    page.get_by_role("button", name="Restore the state before this").click()
    expect(page.get_by_role("heading", level=2)).to_contain_text("11 changes for Acme Realty")
    apply(page)
    expect_outcome(page, "Verified")
    back = acme.settings
    for name in before:
        if name in LISTS:
            assert set(back[name]) == set(before[name]), name
        else:
            assert back[name] == before[name], name


def test_main_job__by_keyboard_only__works(
    page: Page, acme: PracticeCustomer, deployment: Deployment
) -> None:
    agent_id, agent = agent_not_picked(deployment, acme)
    page.goto(SETTINGS)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_label("Assistant's name"))
    page.keyboard.press("Control+A")
    page.keyboard.type("Bella")
    tab_to(page, setting(page, "Agents").get_by_role("combobox"))
    page.keyboard.type(agent[:4])
    expect(page.locator(".ts-dropdown .active", has_text=agent)).to_be_visible()
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("button", name="Review changes"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=2)).to_contain_text("2 changes for Acme Realty")
    tab_to(page, page.get_by_label("1 agent added"))
    page.keyboard.press("Space")
    tab_to(page, page.get_by_role("button", name="Apply to Acme Realty"))
    page.keyboard.press("Enter")
    expect_outcome(page, "Verified")
    expect(page.get_by_role("heading", name="Verified")).to_be_focused()
    assert acme.settings["assistantName"] == "Bella"
    assert agent_id in acme.settings["agentIds"]


def test_settings__nothing_picked__error_has_the_focus_and_leads_to_the_setting(
    page: Page, acme: PracticeCustomer
) -> None:
    rename(page, "Bella")
    for _ in range(2):
        setting(page, "Agents").get_by_role("combobox").press("Backspace")
    page.get_by_role("button", name="Review changes").click()
    problem = page.get_by_role("alert")
    expect(problem).to_be_focused()
    expect(problem).to_contain_text("Nothing was sent.")
    problem.get_by_role("link", name="Agents: nothing is selected").click()
    expect(setting(page, "Agents").get_by_role("radio").first).to_be_focused()
    expect(page.get_by_label("Assistant's name")).to_have_value("Bella")
    expect(page.locator("[data-save-bar]")).to_contain_text("2 unsaved changes")


def test_palette__by_keyboard__finds_opens_and_announces(
    page: Page, acme: PracticeCustomer
) -> None:
    page.goto("/t/acme/history/")
    page.keyboard.press("Control+K")
    search = page.get_by_role("combobox", name="Find a tenant, page, or action")
    expect(search).to_be_focused()
    chosen = page.get_by_role("dialog").get_by_role("option", selected=True)
    expect(page.get_by_role("listbox", name="Results")).to_be_visible()
    page.keyboard.type("conn")
    expect(chosen).to_contain_text("Connection")
    expect(search).to_have_attribute("aria-activedescendant", "palette-option-0")
    page.keyboard.press("ArrowDown")
    expect(chosen).to_contain_text("Connect, replace, or paste")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/t/acme/connection/$"))  # and until its scripts have run
    page.keyboard.press("Control+K")
    page.keyboard.type("acme")
    page.keyboard.press("Enter")  # at once: it waits for what was typed
    page.wait_for_url(re.compile("/t/acme/settings/$"))  # and until its scripts have run
    page.keyboard.press("Control+K")
    expect(page.get_by_role("listbox", name="Results")).to_be_visible()
    page.keyboard.press("Escape")
    expect(search).to_be_hidden()
    page.get_by_role("button", name="Pin Acme Realty").click()
    expect(page.get_by_role("button", name="Pin Acme Realty")).to_be_focused()
    expect(page.get_by_role("button", name="Pin Acme Realty", pressed=True)).to_be_visible()


def test_palette__typed_on_after_enter__opens_nothing(page: Page, acme: PracticeCustomer) -> None:
    """That Enter came before any answer, and was for other words."""
    page.goto("/t/acme/history/")
    page.keyboard.press("Control+K")
    listed = page.get_by_role("listbox", name="Results")
    expect(listed).to_be_visible()
    held: list[Route] = []
    page.route(re.compile("/find/"), lambda route: held.append(route))
    page.keyboard.type("conn")
    page.keyboard.press("Enter")
    page.keyboard.type("ection")
    page.wait_for_timeout(1000)  # longer than it waits for the next letter
    with page.expect_response(re.compile("q=connection")):
        held[-1].continue_()
    expect(listed.get_by_role("option", selected=True)).to_contain_text("Connection")
    page.wait_for_timeout(500)
    expect(page).to_have_url(re.compile("/t/acme/history/$"))


def test_shortcuts__single_keys__work_off_fields_and_can_be_switched_off(
    page: Page, acme: PracticeCustomer
) -> None:
    palette = page.get_by_role("dialog", name="Go to")
    page.goto("/t/acme/history/")
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.type("/?]")
    expect(page.get_by_label("Search")).to_have_value("/?]")
    page.goto("/t/acme/people/")
    with page.expect_navigation(), page.expect_request("**/t/acme/beside/?to=next&tab=people"):
        page.keyboard.press("]")
    expect(page).to_have_url(re.compile(r"/t/[\w-]+/people/$"))
    page.keyboard.press("/")
    expect(palette.get_by_role("listbox")).to_be_visible()
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()
    page.keyboard.press("Shift+?")
    page.get_by_role("switch", name="Single-key shortcuts").uncheck()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.press("Shift+?")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Control+K")
    expect(palette.get_by_role("listbox")).to_be_visible()


def test_settings__one_setting_reset__is_announced_and_the_rest_stays(
    page: Page, acme: PracticeCustomer
) -> None:
    """Of each kind; also when the form came back from the review with other values."""
    rename(page, "Bella")
    setting(page, "Agents").get_by_role("combobox").press("Backspace")
    setting(page, "Active days").get_by_label("Every day").check()
    page.get_by_label("Text messages").uncheck()
    review(page)
    page.get_by_role("button", name="Back to the form").click()
    expect(page.locator("[data-save-bar]")).to_contain_text("4 unsaved changes")
    page.get_by_role("button", name="Reset Agents to the value in Lofty").click()
    expect(setting(page, "Agents").locator(".item")).to_have_count(2)
    expect(setting(page, "Agents").get_by_label("Only these")).to_be_focused()
    expect(page.locator("#announcer")).to_contain_text("Agents was reset to the value in Lofty")
    page.get_by_role("button", name="Reset Active days to the value in Lofty").click()
    expect(setting(page, "Active days").get_by_label("Only these")).to_be_checked()
    page.get_by_role("button", name="Reset Text messages to the value in Lofty").click()
    expect(page.get_by_label("Text messages")).to_be_checked()
    expect(page.locator("[data-save-bar]")).to_contain_text("1 unsaved change")
    expect(page.locator(".is-changed")).to_have_count(1)
    review(page)
    expect(page.get_by_role("heading", level=2)).to_contain_text("1 change for Acme Realty")
