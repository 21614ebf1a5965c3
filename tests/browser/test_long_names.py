"""Names of 120 letters without a blank fit the narrowest phone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, ViewportSize, expect
from psycopg.sql import SQL, Identifier

from tests.support.browser_site import Site, kind
from tests.support.deployment import Deployment
from tests.support.page_steps import expect_outcome
from tests.support.practice_customer import PracticeCustomer

pytestmark = pytest.mark.browser
NARROW = ViewportSize(width=320, height=800)
LONG = ("Wolfeschlegelsteinhausenbergerdorff" * 4)[:120]
# Table, column: what people, customers and Lofty name.
NAMES = {
    "tenants_tenant": "name",
    "tenants_group": "name",
    "accounts_user": "name",
    "history_savedview": "name",
    "directory_entry": "name",
    "agentsettings_operation": "actor_name",
    "agentsettings_draft": "reason",
    "tenants_credential": "added_by",
}
MAX_LENGTH = {"history_savedview": 60}
TOO_WIDE = """() => [...document.querySelectorAll("body *")]
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && one.checkVisibility())
  .slice(0, 4).map((one) => one.outerHTML.slice(0, 120))"""


@pytest.fixture
def long_names(deployment: Deployment, site: Site) -> Iterator[None]:
    """Everything is renamed for one test."""
    with deployment.connect() as connection:
        for table, column in NAMES.items():
            names = {"table": Identifier(table), "column": Identifier(column)}
            connection.execute(SQL("ALTER TABLE {table} ADD was text").format(**names))
            copy = SQL("UPDATE {table} SET was = {column}, {column} = %s").format(**names)
            connection.execute(copy, [LONG[: MAX_LENGTH.get(table)]])
    yield
    with deployment.connect() as connection:
        for table, column in NAMES.items():
            names = {"table": Identifier(table), "column": Identifier(column)}
            back = SQL("UPDATE {table} SET {column} = was WHERE was IS NOT NULL").format(**names)
            connection.execute(back)
            connection.execute(SQL("ALTER TABLE {table} DROP was").format(**names))


def fits(page: Page, name: str) -> str:
    """What is too wide on the page; empty if nothing."""
    page.wait_for_load_state()
    width = page.evaluate("document.documentElement.scrollWidth")
    return "" if width <= NARROW["width"] else f"{name}: {width} {page.evaluate(TOO_WIDE)}"


def test_every_page__with_long_names__is_no_wider_than_the_phone(
    rosa: Page,
    site: Site,
    long_names: None,
    deployment: Deployment,
) -> None:
    rosa.set_viewport_size(NARROW)
    too_wide = list(walk_a_change(rosa, deployment))
    for name, path in site.paths.items():
        if kind(rosa, path) == "page":
            rosa.goto(path)
            too_wide.append(fits(rosa, name))
    assert "\n".join(one for one in too_wide if one) == ""


def walk_a_change(page: Page, deployment: Deployment) -> Iterator[str]:
    """From the form to the history, the assistant and the one who changes it having long names."""
    cedar = PracticeCustomer(deployment.practice.url, "cedar")
    cedar.change(settings={"assistantName": LONG, "agentExperience": LONG})
    page.goto("/t/cedar/settings/")
    yield fits(page, "settings with long values")
    page.get_by_label("Assistant's name").fill(LONG[1:])
    page.get_by_role("button", name="Review changes").click()
    page.get_by_label("Reason").fill(LONG)
    page.get_by_role("button", name="Share with editors").click()
    expect(page.get_by_text("Send the address below to a colleague")).to_be_visible()
    yield fits(page, "review")
    draft = page.url
    page.goto("/t/cedar/settings/")
    yield fits(page, "settings with drafts")
    page.goto("/")
    yield fits(page, "home with drafts")
    page.goto(f"{draft}discard/")
    yield fits(page, "discard")
    page.goto(draft)
    cedar.change(settings={"assistantName": LONG[2:]})
    page.get_by_role("button", name="Apply to").click()
    expect_outcome(page, "Not sent")
    yield fits(page, "three-way")
    page.get_by_label("Yours:").check()
    page.get_by_role("button", name="Continue to review").click()
    page.get_by_role("button", name="Apply to").click()
    expect_outcome(page, "Verified")
    yield fits(page, "outcome")
    page.goto("/t/cedar/history/")
    page.locator(".event-line").first.click()
    expect(page.get_by_role("heading", name="changed settings")).to_be_visible()
    yield fits(page, "drawer")
    cedar.misbehave("html", on="GET", times=None, code=401)
    page.goto("/t/cedar/settings/")
    yield fits(page, "unreadable")
    cedar.behave()
