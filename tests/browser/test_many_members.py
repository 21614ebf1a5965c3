"""A customer of 5,000 members: small pages, and a search that finds names in any script."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.deployment import Deployment
from tests.support.page_steps import paste, pick, setting
from tests.support.practice_customer import PracticeCustomer

pytestmark = pytest.mark.browser
SETTINGS = "/t/giant/settings/"
MOST = 100_000  # bytes of HTML
FIRST_ID = 844_424_930_000_000


@pytest.fixture(scope="module")
def giant(deployment: Deployment) -> PracticeCustomer:
    """200 each of 5,000 agents, 300 offices, 500 ponds are picked; ids have 15 digits."""
    customer = deployment.add_tenant(
        "giant",
        members=5000,
        offices=300,
        ponds=500,
        selected=200,
        first_id=FIRST_ID,
        rate_limit=100_000,
    )
    deployment.manage("sync_directory", "--tenant", "giant")
    customer.change(settings={"leadSources": []})
    return customer


def test_settings__two_hundred_of_five_thousand_picked__small_page_that_opens_them(
    page: Page, giant: PracticeCustomer, deployment: Deployment
) -> None:
    html = page.request.get(SETTINGS).body()
    assert len(giant.settings["agentIds"]) == 200
    assert len(html) < MOST
    gone = giant.settings["agentIds"][3]
    mark = "UPDATE directory_entry SET gone_since = now() WHERE lofty_id = %s RETURNING lofty_id"
    assert deployment.query(mark, gone)
    page.goto(SETTINGS)
    agents = setting(page, "Agents")
    expect(agents.get_by_text("200 selected, 1 of them no longer in Lofty")).to_be_visible()
    expect(setting(page, "Lead ponds").get_by_text("200 selected")).to_be_visible()
    expect(agents.locator(".item")).to_have_count(0)
    agents.get_by_text("Show selected").click()
    expect(agents.locator(".item")).to_have_count(100)
    agents.get_by_role("searchbox").fill(str(gone))
    expect(agents.get_by_text("1 of 1 shown")).to_be_visible()
    expect(agents.locator(".item")).to_contain_text("no longer in Lofty")
    agents.locator(".item-remove").click()
    expect(agents.get_by_text("199 selected", exact=True)).to_be_visible()
    agents.get_by_role("button", name="Undo").click()
    expect(agents.get_by_text("200 selected, 1 of them no longer in Lofty")).to_be_visible()
    expect(page.locator("[data-save-bar]")).to_be_hidden()
    # All at once, and back: nothing has changed then.
    paste(
        agents.get_by_role("combobox"),
        "\n".join(f"agent{n}@giant.example.com" for n in range(1, 5001)),
    )
    expect(agents.get_by_text("4,800 entries added · 200 were already selected")).to_be_visible()
    expect(agents.get_by_text("5,000 selected")).to_be_visible()
    agents.get_by_role("button", name="Remove all").click()
    expect(agents.get_by_role("button", name="Undo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(agents.get_by_text("5,000 selected")).to_be_visible()


def test_picker__accented_and_chinese_names__are_found_and_reviewed_by_name(
    page: Page, giant: PracticeCustomer, deployment: Deployment
) -> None:
    picked = giant.settings["agentIds"]
    accented, plain = free_agent(deployment, picked, "Núñez$"), "Nunez"
    chinese = free_agent(deployment, picked, "[一-龥]{2}")
    page.goto(SETTINGS)
    pick(page, "Agents", f"{accented['name'].split()[0]} {plain}", accented["name"])
    pick(page, "Agents", chinese["name"], chinese["name"])
    page.get_by_role("button", name="Review changes").click()
    added = page.locator(".members li")
    expect(added).to_have_count(2)
    expect(added.first).to_contain_text(accented["name"])
    expect(added.last).to_contain_text(chinese["name"])
    expect(page.locator("summary", has_text="200 selected")).to_be_visible()
    expect(page.locator("summary", has_text="202 selected")).to_be_visible()


def test_picker__search_in_what_is_picked__ignores_accents_and_case(
    page: Page, giant: PracticeCustomer, deployment: Deployment
) -> None:
    (agent, *_) = deployment.query(
        "SELECT lofty_id FROM directory_entry WHERE kind = 'agent' AND name ~ 'Núñez$'"
    )
    others = [i for i in giant.settings["agentIds"] if i != agent["lofty_id"]][:150]
    giant.change(settings={"agentIds": [*others, agent["lofty_id"]]})
    page.goto(SETTINGS)
    agents = setting(page, "Agents")
    agents.get_by_text("Show selected").click()
    expect(agents.locator(".item")).to_have_count(100)
    agents.get_by_role("searchbox").fill("NUNEZ")
    expect(agents.locator(f"[data-value='{agent['lofty_id']}']")).to_be_visible()
    shown = agents.locator(".item bdi").all_text_contents()
    assert shown
    assert all(name.endswith("Núñez") for name in shown)


def free_agent(deployment: Deployment, picked: list[int], pattern: str) -> dict[str, str]:
    """An agent not picked, of the name that comes first in the search."""
    (row, *_) = deployment.query(
        "SELECT name FROM directory_entry WHERE kind = 'agent' AND name ~ %s"
        " AND lofty_id != ALL(%s) ORDER BY folded LIMIT 1",
        pattern,
        picked,
    )
    return row
