"""The steps of the main job, as a user takes them."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.support.deployment import PASSWORD, Deployment
from tests.support.practice_customer import PracticeCustomer

SETTINGS = "/t/acme/settings/"


def sign_in(page: Page, email: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Tenants", exact=True)).to_be_visible()


def setting(page: Page, label: str) -> Locator:
    """A list component: its radio buttons, checkboxes, picker."""
    return page.get_by_role("group", name=label, exact=True)


def rename(page: Page, name: str) -> None:
    page.goto(SETTINGS)
    page.get_by_label("Assistant's name").fill(name)


def review(page: Page) -> None:
    page.get_by_role("button", name="Review changes").click()
    expect(page.get_by_role("heading", name="not sent yet")).to_be_visible()


def apply(page: Page, *, confirm: bool = True) -> None:
    """Confirm each widening change, unless `confirm` is false, and apply."""
    for box in page.locator("[name=confirmed]").all() if confirm else ():
        box.check()
    page.get_by_role("button", name="Apply to Acme Realty").click()


def save(page: Page, name: str) -> None:
    """Rename the assistant and apply the change, up to the page with the outcome."""
    rename(page, name)
    review(page)
    apply(page)
    page.wait_for_url("**/operations/*/")


def expect_outcome(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=2).first).to_have_text(re.compile(words))


def expect_message(page: Page, words: str) -> None:
    """At the top of the page, where it stays; the announcer has the same for a while."""
    expect(page.locator("[data-message]", has_text=words)).to_be_visible()


def pick(page: Page, label: str, text: str, name: str) -> None:
    """Search in a picker and take the first found, by keyboard."""
    search = setting(page, label).get_by_role("combobox")
    search.focus()
    search.press_sequentially(text)
    expect(page.locator(".ts-dropdown .active", has_text=name)).to_be_visible()
    search.press("Enter")
    expect(setting(page, label).get_by_text(f"{name} added.")).to_be_visible()


def paste(search: Locator, text: str) -> None:
    """As from the clipboard."""
    search.evaluate(
        """(input, text) => {
          const clipboardData = new DataTransfer();
          clipboardData.setData("text/plain", text);
          const options = { clipboardData, bubbles: true, cancelable: true };
          input.dispatchEvent(new ClipboardEvent("paste", options));
        }""",
        text,
    )


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until it has the focus."""
    for _ in range(80):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reaches {wanted}")


def agent_not_picked(deployment: Deployment, acme: PracticeCustomer) -> tuple[int, str]:
    """(id, name) of an agent whose name is no part of another's."""
    rows = deployment.query("SELECT lofty_id, name FROM directory_entry WHERE kind = 'agent'")
    free = [row for row in rows if row["lofty_id"] not in acme.settings["agentIds"]]
    return next(
        (row["lofty_id"], row["name"])
        for row in free
        if sum(row["name"] in other["name"] for other in rows) == 1
    )
