"""The palette: its entries and their order for each user, the next tenant, the whole table."""

import re
from uuid import uuid4

from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from lofty_admin.accounts.models import User
from lofty_admin.agentsettings.models import Operation, State
from lofty_admin.fleet.palette import ACTIONS, MOST_TENANTS, PAGES
from lofty_admin.tenants.models import Membership, Pin, Role, Tenant, Visit
from tests.support.pages import text_of
from tests.support.recipes import ADD_PAGE, assert_registered
from tests.support.routes import ROUTES
from tests.support.users import Browsers, signed_in

BUTTON = "A button of its page, or a step of something begun there."
SIGNING_IN = "A part of signing in, or for those who cannot."
PART = "Gives a part of a page, a file, or an answer for a machine."
LEFT_OUT = {
    "set_language": "a button of the menu",
    **dict.fromkeys(["healthz", "readyz", "directory:search", "fleet:import_template"], PART),
    **dict.fromkeys(
        [
            "directory:pasted",
            "directory:picked",
            "directory:office",
            "directory:freshness",
            "agentsettings:hours",
        ],
        PART,
    ),
    "tenants:search": PART,
    **dict.fromkeys(["account_login", "account_inactive", "accounts:invitation"], SIGNING_IN),
    **dict.fromkeys(
        ["accounts:invitation_accept", "accounts:sso_login", "accounts:sso_callback"], SIGNING_IN
    ),
    **dict.fromkeys(["mfa_authenticate", "mfa_login_webauthn", "accounts:second_step"], SIGNING_IN),
    **dict.fromkeys(["account_reauthenticate", "mfa_reauthenticate"], SIGNING_IN),
    **dict.fromkeys(["mfa_reauthenticate_webauthn", "accounts:sign_in_again"], SIGNING_IN),
    **dict.fromkeys(["mfa_generate_recovery_codes", "accounts:step_remove"], BUTTON),
    **dict.fromkeys(
        [
            "accounts:session_end",
            "accounts:sessions_end",
            "history:view_save",
            "history:view_delete",
        ],
        BUTTON,
    ),
    **dict.fromkeys(
        [
            "fleet:import_start",
            "fleet:import_forget",
            "tenants:group_delete",
            "directory:name_source",
        ],
        BUTTON,
    ),
    **dict.fromkeys(["tenants:archive", "tenants:restore", "tenants:connection_replace"], BUTTON),
    **dict.fromkeys(
        ["tenants:connection_remove", "tenants:connection_agent", "tenants:member_role"], BUTTON
    ),
    **dict.fromkeys(
        [
            "tenants:connect",
            "tenants:connect_cancel",
            "tenants:connect_confirm",
            "tenants:oauth_callback",
        ],
        BUTTON,
    ),
    **dict.fromkeys(
        ["tenants:member_remove", "tenants:user_invite_again", "tenants:user_withdraw"], BUTTON
    ),
    **dict.fromkeys(
        ["tenants:user_grant", "tenants:user_deactivate", "tenants:user_reactivate"], BUTTON
    ),
    **dict.fromkeys(
        ["tenants:user_promote", "tenants:user_demote", "history:export", "history:export_all"],
        BUTTON,
    ),
    **dict.fromkeys(
        [
            "agentsettings:draft_edit",
            "agentsettings:draft_share",
            "agentsettings:draft_unshare",
            "agentsettings:draft_discard",
        ],
        BUTTON,
    ),
    **dict.fromkeys(
        [
            "agentsettings:review",
            "agentsettings:apply",
            "agentsettings:check_now",
            "agentsettings:close_as_seen",
            "agentsettings:merge",
        ],
        BUTTON,
    ),
    **dict.fromkeys(["agentsettings:try_again", "history:go_back", "history:undo"], BUTTON),
    **dict.fromkeys(
        ["tenants:group", "tenants:user", "fleet:import_run"],
        "One row of a list that has an entry.",
    ),
    **dict.fromkeys(["history:event", "history:event_anywhere"], "One row of the history."),
    "agentsettings:draft": "Listed on the home page and with its tenant's settings.",
    "agentsettings:operation": "Listed while it is in flight; then it is in the history.",
    "tenants:tenant": "Leads on to the settings, which have an entry.",
    "fleet:neighbor_tenant": "The keys [ and ] and two arrows on every page of a tenant.",
    "accounts:signed_in": "After signing in again in another tab; nothing to look up.",
    "accounts:unsent_form": "Where a form leads that could not be sent.",
    "fleet:palette": "It is this.",
}


def listed(client: Client, text: str = "", at: str = "") -> str:
    """The dialog's list, as text."""
    headers = {"HX-Request": "true"}
    return text_of(client.get(reverse("fleet:palette"), {"q": text, "at": at}, headers=headers))


def names(client: Client, text: str = "", at: str = "") -> list[str]:
    """The tenants found, in order."""
    html = client.get(reverse("fleet:palette"), {"q": text, "at": at}).content.decode()
    return re.findall(r'href="/t/([\w-]+)/settings/"[^>]*>\s*<bdi[^>]*>(?!Settings<)', html)


def test_table__every_address__has_an_entry_or_a_reason() -> None:
    everything = {route.name for route in ROUTES}
    entries = {entry.view for entry in (*PAGES, *ACTIONS)} - {""}
    where = "PAGES or ACTIONS of lofty_admin/fleet/palette.py, or LEFT_OUT of this test"
    assert_registered(everything, entries | LEFT_OUT.keys(), where=where, recipe=ADD_PAGE)
    assert not entries & LEFT_OUT.keys()


def test_table__every_entry__leads_somewhere_that_answers(superuser: User, acme: Tenant) -> None:
    for entry in (*PAGES, *ACTIONS):
        if not entry.view:
            continue
        url = reverse(entry.view, args=["acme"] if isinstance(entry.needs, Role) else [])
        client = signed_in(superuser)
        answer = client.post(url) if entry.posts else client.get(url)
        assert answer.status_code in (200, 302, 502), entry.label


def test_palette__three_roles__only_what_each_may_reach(
    browsers: Browsers, superuser: User, editor: User, acme: Tenant
) -> None:
    viewer, owner = listed(browsers.viewer, at="acme"), listed(browsers.owner, at="acme")
    assert "Pages of Acme Realty" in viewer
    for words in ("Settings", "Printable receipt", "Pin this tenant", "Sign out"):
        assert words in viewer
    for words in ("Connection", "Sync names", "Test the token", "Add a tenant"):
        assert words not in viewer
    assert "Sync names" in listed(signed_in(editor), at="acme")
    assert "Connection" in owner
    assert "Add a tenant" not in owner
    outsider = listed(browsers.outsider, at="acme") + listed(browsers.outsider, "acme", "acme")
    assert "Acme" not in outsider
    assert "Globex Homes" in outsider
    root = listed(signed_in(superuser), at="unknown")
    assert "Add a tenant" in root
    assert "Pages of" not in root


def test_palette__archived_tenant__nothing_that_would_be_refused(
    superuser: User, acme: Tenant
) -> None:
    Tenant.objects.update(status=Tenant.Status.ARCHIVED)
    text = listed(signed_in(superuser), at="acme")
    assert "Sync names" not in text
    assert "Pin this tenant" in text
    assert names(signed_in(superuser)) == []
    assert "acme, archived" in listed(signed_in(superuser), "acme")


def test_palette__words__found_by_label_other_names_and_tenant(
    browsers: Browsers, acme: Tenant
) -> None:
    assert "Connection" in listed(browsers.owner, "tok", at="acme")
    assert "History" in listed(browsers.owner, "acme hist", at="acme")
    assert "Switch between light and dark" in listed(browsers.viewer, "THEME")
    assert "No results." in listed(browsers.owner, "\x00<img>")


def test_palette__tenants__pinned_then_recent_then_by_name_and_best_match_first(
    superuser: User, outsider: User
) -> None:
    slugs = ["north", "acme-north", "northern", "zoo", "abc"]
    made = {slug: Tenant.objects.create(slug=slug, name=slug.title()) for slug in slugs}
    client, now = signed_in(superuser), timezone.now()
    Visit.objects.create(user=superuser, tenant=made["acme-north"], at=now)
    Visit.objects.create(user=outsider, tenant=made["abc"], at=now)
    Pin.objects.create(user=superuser, tenant=made["zoo"])
    assert names(client)[:3] == ["zoo", "acme-north", "abc"]
    assert "pinned" in listed(client)
    assert "recent" in listed(client)
    assert names(client, "north") == ["north", "northern", "acme-north"]
    assert "zoo" not in names(client, at="zoo")
    assert "Unpin this tenant" in listed(client, at="zoo")
    assert "Pin this tenant" in listed(client, at="abc")


def test_palette__very_many__bounded_says_so_and_costs_the_same(
    superuser: User, acme: Tenant, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    rows = [Tenant(slug=f"t{n}", name=f"T {n:03}") for n in range(200)]
    Tenant.objects.bulk_create(rows)
    client = signed_in(superuser)
    assert len(names(client, "t")) == MOST_TENANTS
    assert "There are more tenants" in listed(client, "T 0")
    assert "There are more tenants" not in listed(client, "T 007")
    with django_assert_max_num_queries(12):
        listed(client, "t", at="acme")


def test_palette__change_in_flight__leads_to_it_whoever_may_see_the_tenant(
    browsers: Browsers, acme: Tenant
) -> None:
    pending = Operation.objects.create(
        id=uuid4(),
        tenant=acme,
        state=State.UNKNOWN,
        base={},
        wanted={},
        changed=[],
        sent_at=timezone.now(),
        lease_until=timezone.now(),
    )
    page = browsers.viewer.get(reverse("fleet:palette"), {"q": "flight"})
    assert reverse("agentsettings:operation", args=["acme", pending.pk]) in page.content.decode()
    assert "Acme" not in listed(browsers.outsider, "flight")


def test_palette__as_a_page__links_and_buttons_without_a_listbox(browsers: Browsers) -> None:
    page = browsers.owner.get(reverse("fleet:palette"), {"q": "sync names", "at": "acme"})
    html = page.content.decode()
    assert '<form class="input-group mb-3" method="get" action="/find/"' in html
    assert 'formaction="/t/acme/names/refresh/"' in html
    assert 'role="listbox"' not in html
    part = browsers.owner.get(
        reverse("fleet:palette"), headers={"HX-Request": "true"}
    ).content.decode()
    assert 'role="listbox"' in part
    assert "<html" not in part


def test_palette__any_page__has_the_way_to_it_and_costs_no_list(
    superuser: User, acme: Tenant
) -> None:
    html = signed_in(superuser).get("/groups/").content.decode()
    assert f'href="{reverse("fleet:palette")}"' in html
    assert "Acme Realty" not in html


# --- the next tenant ------------------------------------------------------------------------------
def neighbor(client: Client, slug: str, tab: str, to: str = "next") -> str:
    answer = client.get(reverse("fleet:neighbor_tenant", args=[slug]), {"to": to, "tab": tab})
    return str(answer.headers["Location"])


def test_neighbor__by_name_among_visible_tenants__opens_the_same_page(
    viewer: User, acme: Tenant, globex: Tenant
) -> None:
    for slug, role in (("m-one", Role.MANAGER), ("z-last", Role.VIEWER)):
        other = Tenant.objects.create(slug=slug, name=slug)
        Membership.objects.create(user=viewer, tenant=other, role=role)
    Tenant.objects.create(slug="n-gone", name="n", status=Tenant.Status.ARCHIVED)
    client = signed_in(viewer)
    assert neighbor(client, "acme", "history") == "/t/m-one/history/"
    assert neighbor(client, "m-one", "names") == "/t/z-last/names/"
    assert neighbor(client, "z-last", "settings") == "/t/acme/settings/"
    assert neighbor(client, "acme", "settings", to="previous") == "/t/z-last/settings/"
    assert neighbor(client, "acme", "edit") == "/t/m-one/edit/"
    assert neighbor(client, "m-one", "edit") == "/t/z-last/", "they may not edit that one"
    assert neighbor(client, "acme", "../x") == "/t/m-one/"


def test_neighbor__only_one_tenant__stays_and_says_so(browsers: Browsers) -> None:
    assert neighbor(browsers.viewer, "acme", "history") == "/t/acme/history/"
    assert "You don't have access to any other tenant" in text_of(
        browsers.viewer.get("/t/acme/history/")
    )
