"""The pages of the settings, used as a browser without JavaScript does."""

import re

from django.test import Client

from lofty_admin.audit.models import AuditEvent
from tests.support.pages import Page, form_of, text_of

SETTINGS = "/t/acme/settings/"


def review(client: Client, **changed: list[str]) -> Page:
    """The review of these changes, or the form again if it has errors."""
    fields = form_of(client.get(SETTINGS), f"{SETTINGS}review/")
    return client.post(f"{SETTINGS}review/", {**fields, **changed}, follow=True)


def apply_url(page: Page) -> str:
    """Where a review's form leads."""
    match = re.search(r'action="(/t/[\w-]+/settings/drafts/[\w-]+/apply/)"', page.content.decode())
    assert match, f"no review: {text_of(page)[:300]}"
    return match[1]


def review_form(page: Page) -> dict[str, list[str]]:
    return form_of(page, apply_url(page))


def back_to_form(client: Client, page: Page, **more: list[str]) -> Page:
    """The button of the review."""
    url = apply_url(page).replace("/apply/", "/edit/")
    return client.post(url, {**review_form(page), **more}, follow=True)


def save(client: Client, page: Page, **more: list[str]) -> Page:
    """Apply a review, with every box ticked unless `more` says otherwise."""
    fields = review_form(page)
    fields["confirmed"] = re.findall(r'name="confirmed" value="(\w+)"', page.content.decode())
    return client.post(apply_url(page), {**fields, **more}, follow=True)


def go_back(client: Client, event: AuditEvent, side: str = "before") -> Page:
    return client.post(f"/t/acme/history/{event.pk}/go-back/", {"side": side}, follow=True)


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "{{7*7}}{% debug %}",
    "javascript:alert(1)",
    "\u202eevil",
    "nul\x00nul",
    "half \ud800 a character",
    "x" * 100_000,
]
