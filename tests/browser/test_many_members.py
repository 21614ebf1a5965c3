"""A customer of 5,000 members: small pages, and a search that finds names of any script."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import pick, setting
from tests.deployment import Deployment
from tests.practice import PracticeCustomer

pytestmark = pytest.mark.browser
SETTINGS = "/t/giant/settings/"
MOST = 100_000  # bytes of HTML
FIRST_ID = 844_424_930_000_000


@pytest.fixture(scope="module")
def giant(deployment: Deployment) -> PracticeCustomer:
    """200 agents of 5,000 are picked; ids have 15 digits."""
    customer = deployment.add_tenant(
        "giant", members=5000, offices=300, selected=200, first_id=FIRST_ID, rate_limit=100_000
    )
    deployment.manage("sync_directory", "--tenant", "giant")
    # 200 in one list; the others as most customers have them.
    customer.change(settings={"leadSources": [], "officeIds": [-1], "leadPondIds": [-1]})
    return customer


def test_settings__two_hundred_of_five_thousand_picked__page_is_small(
    page: Page, giant: PracticeCustomer
) -> None:
    html = page.request.get(SETTINGS).body()
    assert len(giant.settings["agentIds"]) == 200
    assert len(html) < MOST
    page.goto(SETTINGS)
    expect(setting(page, "Agents").locator(".item")).to_have_count(200)


def test_picker__accented_and_chinese_names__are_found_and_reviewed_by_name(
    page: Page, giant: PracticeCustomer, deployment: Deployment
) -> None:
    picked = giant.settings["agentIds"]
    accented, plain = free_agent(deployment, picked, "Núñez$"), "Nunez"
    chinese = free_agent(deployment, picked, "[一-龥]{2}")
    page.goto(SETTINGS)
    pick(page, "Agents", f"{accented['name'].split()[0]} {plain}", accented["name"])
    pick(page, "Agents", chinese["name"], chinese["name"])
    page.get_by_role("button", name="Review the changes").click()
    added = page.locator(".members li")
    expect(added).to_have_count(2)
    expect(added.first).to_contain_text(accented["name"])
    expect(added.last).to_contain_text(chinese["name"])
    expect(page.locator("summary", has_text="200 picked")).to_be_visible()
    expect(page.locator("summary", has_text="202 picked")).to_be_visible()


def free_agent(deployment: Deployment, picked: list[int], pattern: str) -> dict[str, str]:
    """An agent not picked, of the name that comes first in the search."""
    (row, *_) = deployment.query(
        "SELECT name FROM directory_entry WHERE kind = 'agent' AND name ~ %s"
        " AND lofty_id != ALL(%s) ORDER BY folded LIMIT 1",
        pattern,
        picked,
    )
    return row
