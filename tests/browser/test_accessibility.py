"""Every page of the URLconf passes axe-core in both themes and fits a phone and 200 % zoom."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.axe import faults
from tests.support.browser_pages import NewPage
from tests.support.browser_site import Site, kind
from tests.support.browser_world import ROSA
from tests.support.deployment import PASSWORD

pytestmark = pytest.mark.browser
# CSS pixels: a large screen, the same at 200 % zoom, a phone
WIDE, ZOOMED, PHONE = 1440, 720, 390
# What GET of an address gives that is no page of its own. Who only takes a POST is not asked.
NO_PAGE = {
    **dict.fromkeys(["healthz", "readyz"], "no page"),
    **dict.fromkeys(
        ["directory:search", "directory:office", "fleet:import_template", "tenants:search"],
        "no page",
    ),
    **dict.fromkeys(
        ["directory:freshness", "agentsettings:hours"], "part of a page"
    ),  # within `settings`
    **dict.fromkeys(
        ["accounts:sso_login", "accounts:sso_callback"], "404"
    ),  # this console has no provider
    **dict.fromkeys(
        ["tenants:tenant", "fleet:neighbor_tenant", "history:export", "history:export_all"],
        "leads on",
    ),
    "set_language": "leads on",
    # Asks for the password first; kept for one browser: test_session_ends looks at that one.
    "accounts:sessions_end": "leads on",
    "accounts:unsent_form": "404",
    # With a passkey, a code of an invitation, Lofty's answer; codes are shown once, after a proof:
    # test_second_step, test_people, test_connecting look at these.
    **dict.fromkeys(["mfa_login_webauthn", "mfa_reauthenticate_webauthn"], "leads on"),
    **dict.fromkeys(
        ["accounts:invitation_accept", "tenants:connect", "tenants:connect_confirm"], "leads on"
    ),
    **dict.fromkeys(["mfa_view_recovery_codes", "mfa_authenticate"], "leads on"),
    "tenants:oauth_callback": "400",
}
STATES = {
    "no token": "/t/dogwood/settings/",
    "no history": "/t/dogwood/history/?q=xyzzy",
    "nothing found": "/?q=xyzzy",
    "not there": "/t/unknown/settings/",
}


def right(page: Page, name: str) -> None:
    """The page as it is open fits any width, and axe finds nothing."""
    page.wait_for_load_state()  # a click is over when the next page begins to arrive
    for width in (PHONE, ZOOMED, WIDE):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    assert faults(page) == [], name


def not_pages(page: Page, paths: dict[str, str]) -> dict[str, str]:
    """Looks at those that give a page; what the others give."""
    others = {}
    for name, path in paths.items():
        came = kind(page, path)
        if came == "page":
            page.goto(path)
            right(page, name)
        elif came != "takes a POST":
            others[name] = came
    return others


def test_every_page__from_the_urlconf__has_no_fault(
    rosa: Page, new_page: NewPage, site: Site
) -> None:
    """As a superuser; what redirects is tried without a second factor, then signed out."""
    others = not_pages(rosa, site.paths)
    for signed_in in (True, False):
        person = new_page(signed_in=signed_in, reduced_motion="reduce")
        left = not_pages(person, {name: site.paths[name] for name in others})
        others = {name: came for name, came in others.items() if name in left}
    assert others == NO_PAGE


def test_every_state__of_a_page__has_no_fault(rosa: Page, new_page: NewPage) -> None:
    for name, path in STATES.items():
        rosa.goto(path)
        right(rosa, name)
    rosa.goto("/t/cedar/history/")
    opener = rosa.get_by_role("link", name="go to another tenant")
    opener.click()
    expect(rosa.get_by_role("listbox", name="Results")).to_be_visible()
    right(rosa, "palette")
    rosa.keyboard.press("Escape")
    expect(opener).to_be_focused()
    menu = rosa.get_by_role("button", name="Rosa Root")
    menu.click()
    right(rosa, "menu")
    rosa.get_by_role("button", name="Keyboard shortcuts").click()
    expect(rosa.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    right(rosa, "shortcuts")
    rosa.keyboard.press("Escape")
    expect(menu).to_be_focused()
    line = rosa.locator(".event-line").first
    line.click()
    expect(rosa.locator("#drawer [data-event-title]")).to_be_focused()
    right(rosa, "drawer")
    rosa.get_by_role("button", name="Close").click()
    expect(line).to_be_focused()
    visitor = new_page(signed_in=False, reduced_motion="reduce")
    visitor.goto("/accounts/login/")
    visitor.get_by_label("Email").fill(ROSA)
    visitor.get_by_label("Password").fill(PASSWORD)
    visitor.get_by_role("button", name="Sign in").click()
    visitor.wait_for_url("**/login/step/")
    right(visitor, "second factor")
