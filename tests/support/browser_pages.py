"""Pages in Chromium: their sizes and how they are opened."""

from typing import Protocol

from playwright.sync_api import Page

from tests.support.axe import faults

OWNER = "owner@example.com"


class NewPage(Protocol):
    def __call__(
        self, *, signed_in: bool = True, session_ends: bool = False, **options: object
    ) -> Page: ...


PHONE = {"width": 390, "height": 844}


HEADINGS = """() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
  .filter((heading) => heading.checkVisibility()).map((heading) => Number(heading.tagName[1]))"""


def look(page: Page, name: str) -> None:
    """The page as it is open must be right in both themes."""
    page.wait_for_load_state()  # a click is over when the next page begins to arrive
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], name
    levels = page.evaluate(HEADINGS)
    assert levels.count(1) == 1, name
    assert all(after <= before + 1 for before, after in zip([0, *levels], levels, strict=False))
    assert faults(page) == [], name
