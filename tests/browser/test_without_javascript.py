"""Everything except search works without JavaScript."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.browser_pages import NewPage
from tests.support.page_steps import SETTINGS, apply, expect_outcome, review, setting
from tests.support.practice_customer import PracticeCustomer

pytestmark = pytest.mark.browser


def test_main_job__without_javascript__works(new_page: NewPage, acme: PracticeCustomer) -> None:
    first, second = acme.settings["agentIds"]
    page = new_page(java_script_enabled=False)
    page.goto(SETTINGS)
    page.get_by_label("Assistant's name").fill("Bella")
    expect(page.get_by_role("img", name=re.compile(" AM to .* PM"))).to_be_visible()
    picked = setting(page, "Agents").get_by_role("textbox")
    expect(picked).to_have_value(f"{first},{second}")
    expect(picked).to_have_accessible_name("Agents: IDs separated by commas")
    picked.fill(f"{second}, 4711")
    setting(page, "Active days").get_by_label("Every day").check()
    review(page)
    expect(page.get_by_role("heading", level=2)).to_contain_text("3 changes")
    expect(page.locator(".members")).to_contain_text("unknown (4711)")
    page.get_by_label("Active on").check()
    page.get_by_label("1 agent added: unknown (4711)").check()
    apply(page)
    expect_outcome(page, "Verified")
    now = acme.settings
    assert (now["assistantName"], now["activeDays"]) == ("Bella", [])
    assert set(now["agentIds"]) == {second, 4711}
