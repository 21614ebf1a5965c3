"""Every address with every role, walked from the URLconf, so that none is forgotten.

Each view is named in NEEDS with what it asks of a person; one that is not named fails. From that
follows what each role gets: the page, "sign in", 403, 404, and whether it is recorded.
"""

from functools import cache
from uuid import uuid4

import pytest
from django.db import connection as database
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from lofty_admin.accounts.models import User
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.models import AuditEvent
from lofty_admin.tenants.models import Role, Tenant
from tests.support.practice_customer import PracticeCustomer
from tests.support.recipes import ADD_PAGE, assert_registered
from tests.support.routes import ROUTES, Route, by_name
from tests.support.settings_changes import connect
from tests.support.world import EXAMPLE_SETTINGS, POSTED, World
from tools.practice_lofty.server import Sandbox

OPEN, OWN, SUPERUSER = "open", "own", "superuser"
MINE = "mine"  # a row of one person, here the superuser's; for others it is not there
TOLD = (
    "told"  # of the person, as OWN; but without the way to a sign-in, which would keep Lofty's code
)
MIDWAY = "midway"  # for a user between password and second factor; others are sent to the start
NOT_SET_UP = "not set up"  # not there without single sign-on, which this test's console has not
ELSEWHERE = "elsewhere"  # kept for the browser it was typed in, which none of these is
ITS_TENANT = "its tenant"  # a row whose tenant is not in the address: for who may look at that
NEEDS: dict[str, str | Role] = {
    **dict.fromkeys(["healthz", "readyz", "set_language"], OPEN),
    **dict.fromkeys(["account_login", "account_logout", "account_inactive"], OPEN),
    **dict.fromkeys(["accounts:invitation", "accounts:invitation_accept"], OPEN),
    **dict.fromkeys(["mfa_authenticate", "mfa_login_webauthn"], MIDWAY),
    **dict.fromkeys(["accounts:sso_login", "accounts:sso_callback"], NOT_SET_UP),
    **dict.fromkeys(["account_change_password", "account_reauthenticate", "fleet:home"], OWN),
    **dict.fromkeys(
        ["mfa_reauthenticate", "mfa_reauthenticate_webauthn", "accounts:sign_in_again"], OWN
    ),
    **dict.fromkeys(
        ["mfa_index", "accounts:second_step", "mfa_activate_totp", "mfa_add_webauthn"], OWN
    ),
    **dict.fromkeys(["mfa_view_recovery_codes", "mfa_generate_recovery_codes"], OWN),
    **dict.fromkeys(["accounts:session_end", "accounts:sessions_end"], OWN),
    "accounts:signed_in": OWN,
    "accounts:unsent_form": ELSEWHERE,
    "accounts:step_remove": MINE,
    "tenants:oauth_callback": TOLD,
    **dict.fromkeys(
        [
            "fleet:palette",
            "history:list_all",
            "history:view_save",
            "history:export_all",
            "tenants:search",
        ],
        OWN,
    ),
    **dict.fromkeys(["tenants:groups", "tenants:group", "tenants:group_delete"], SUPERUSER),
    **dict.fromkeys(["fleet:import", "fleet:import_template", "fleet:import_run"], SUPERUSER),
    **dict.fromkeys(["fleet:import_start", "fleet:import_forget"], SUPERUSER),
    "history:event_anywhere": ITS_TENANT,
    "history:view_delete": MINE,
    "history:compare": Role.VIEWER,
    **dict.fromkeys(["audit:verification", "tenants:add"], SUPERUSER),
    **dict.fromkeys(["tenants:archive", "tenants:restore"], SUPERUSER),
    **dict.fromkeys(
        ["tenants:users", "tenants:user", "tenants:user_invite", "tenants:user_invite_again"],
        SUPERUSER,
    ),
    **dict.fromkeys(
        ["tenants:user_withdraw", "tenants:user_grant", "tenants:user_deactivate"], SUPERUSER
    ),
    **dict.fromkeys(
        ["tenants:user_reactivate", "tenants:user_promote", "tenants:user_demote"], SUPERUSER
    ),
    **dict.fromkeys(
        [
            "tenants:tenant",
            "agentsettings:settings",
            "history:list",
            "history:event",
            "agentsettings:operation",
        ],
        Role.VIEWER,
    ),
    **dict.fromkeys(
        ["directory:names", "directory:freshness", "directory:search", "history:receipt"],
        Role.VIEWER,
    ),
    **dict.fromkeys(["tenants:pin", "tenants:unpin", "fleet:neighbor_tenant"], Role.VIEWER),
    **dict.fromkeys(["directory:pasted", "directory:picked", "directory:office"], Role.VIEWER),
    **dict.fromkeys(["history:export", "agentsettings:hours"], Role.VIEWER),
    **dict.fromkeys(
        [
            "agentsettings:review",
            "agentsettings:apply",
            "agentsettings:check_now",
            "agentsettings:close_as_seen",
            "agentsettings:merge",
        ],
        Role.EDITOR,
    ),
    **dict.fromkeys(
        [
            "agentsettings:draft",
            "agentsettings:draft_edit",
            "agentsettings:draft_share",
            "agentsettings:draft_unshare",
            "agentsettings:draft_discard",
        ],
        Role.EDITOR,
    ),
    **dict.fromkeys(
        [
            "agentsettings:try_again",
            "history:go_back",
            "history:undo",
            "directory:refresh",
            "directory:name_source",
        ],
        Role.EDITOR,
    ),
    "agentsettings:copy": Role.EDITOR,
    **dict.fromkeys(
        ["tenants:edit", "tenants:members", "tenants:member_role", "tenants:member_remove"],
        Role.MANAGER,
    ),
    **dict.fromkeys(
        ["tenants:connection", "tenants:connection_test", "tenants:connection_replace"],
        Role.MANAGER,
    ),
    **dict.fromkeys(
        ["tenants:connection_remove", "tenants:connection_agent", "tenants:connect"], Role.MANAGER
    ),
    **dict.fromkeys(["tenants:connect_confirm", "tenants:connect_cancel"], Role.MANAGER),
}
# Recorded by the job that they start, when it is done.
RECORDED_LATER = {"directory:refresh"}
# What a person keeps for themselves: no record, by tests/support/event_drives.py.
BOOKMARKS = {"history:view_save", "history:view_delete", "tenants:pin", "tenants:unpin"}
BOOKMARKS |= {
    "agentsettings:review",
    "agentsettings:draft_edit",
    "agentsettings:merge",
    "agentsettings:try_again",
    "history:go_back",
    "history:undo",
    "agentsettings:copy",
}  # drafts
OF_THE_LOG = {
    *("audit_auditevent", "audit_audithead"),
    *("audit_auditindex", "audit_auditchoice", "audit_auditword"),
    *("audit_refusalcount", "audit_pulse"),  # counts of refusals; what /readyz writes
}
OBJECTS = {
    "pk",
    "operation_id",
    "draft_id",
    "event_id",
    "office_id",
}  # the arguments that name a row of a tenant
WHO = ["anonymous", "outsider", "viewer", "editor", "manager", "superuser"]
LEVELS = {"viewer": 10, "editor": 20, "manager": 30}
# Tables that may change whatever is looked at: who is signed in, where they were last, how often
# attempts were made.
NOT_COMPARED = {
    *("django_session", "usersessions_usersession"),
    *("tenants_visit", "console_cache", "accounts_signinattempt"),
}
# What looking at Lofty leaves behind: the newest answer, how the token did, and whose it is. Of the
# tenant's row that is one column, which is compared apart from the others.
ITS_AGENT = "tenants_tenant.sales_agent_id"
FROM_LOFTY = {
    *("agentsettings_lastknown", "tenants_connectionhealth", "tenants_ratelimit"),
    ITS_AGENT,
}
# /readyz writes one row to find out whether the database takes writes.
WRITTEN_TO_BE_TRIED = {"readyz": {"audit_pulse"}}
REFUSED = {302: "sign in", 403: "403", 404: "404", 405: "405"}


# --- what is expected -----------------------------------------------------------------------------
def expected(route: Route, who: str) -> str:
    need = NEEDS[route.name]
    if need == OPEN:
        return "allowed"
    if need == NOT_SET_UP:
        return "404" if who == "anonymous" else "404 without a record"
    if who == "anonymous":
        return "403" if need == TOLD else "sign in"
    if who == "outsider" and (route.in_tenant or need == ITS_TENANT):
        return "404"
    if need == ELSEWHERE:
        return "404 without a record"
    if need == MINE and who != "superuser":
        return "404 without a record"
    if need == SUPERUSER and who != "superuser":
        return "403"
    if isinstance(need, Role) and LEVELS.get(who, 100) < need:
        return "403"
    return "allowed"


def got(answer: HttpResponse) -> str:
    if answer.status_code >= 500 and answer.status_code not in (502, 503):
        return f"broken ({answer.status_code})"
    if answer.status_code == 302 and not answer["Location"].startswith("/accounts/login/"):
        return "allowed"
    return REFUSED.get(answer.status_code, "allowed")


# Who proves who they are in another of these ways is sent on to that.
SENT_ON = {"account_reauthenticate", "mfa_reauthenticate", "mfa_reauthenticate_webauthn"}


def methods(world: World, route: Route, url: str) -> set[str]:
    """Those the view takes, by what it says itself."""
    answer = world.client("superuser").generic("PROPFIND", url)
    if (
        answer.status_code != 405
    ):  # allauth redirects a user who is not asked here to where they are
        assert answer.status_code == 302
        assert NEEDS[route.name] in (OPEN, MIDWAY) or route.name in SENT_ON
        return {"GET", "POST"}
    return {"GET", "POST"} & set(answer["Allow"].split(", "))


def asked(world: World, route: Route, who: str, method: str, url: str, **headers: str) -> str:
    """Send one request and undo it; return the outcome in words, and what is missing."""
    point = transaction.savepoint()
    seen = AuditEvent.objects.count()
    data = POSTED.get(route.name, {}) if method == "POST" else {}
    client = world.client(who)
    answer = getattr(client, method.lower())(url, data, headers=headers)
    came = got(answer)
    if who != "anonymous" and came in ("403", "404"):
        new = AuditEvent.objects.filter(seq__gt=seen).values_list("kind", "actor_id")
        wanted = [(Kind.ACCESS_REFUSED.value, str(world.people[who].pk))]
        came += "" if list(new) == wanted else " without a record"
    transaction.savepoint_rollback(point)
    return came


# --- the tests ------------------------------------------------------------------------------------
def test_needs__every_view__named_and_no_other() -> None:
    found = {route.name for route in ROUTES}
    assert_registered(found, NEEDS, where="NEEDS of this test", recipe=ADD_PAGE)


def test_needs__tenant_roles__only_where_the_tenant_is_in_the_address() -> None:
    asking = {route.name for route in ROUTES if isinstance(NEEDS.get(route.name), Role)}
    assert asking == {route.name for route in ROUTES if route.in_tenant} - {
        name for name, need in NEEDS.items() if need == SUPERUSER
    }


@by_name
def test_matrix__every_role_and_method__gets_what_the_view_needs(
    world: World, route: Route
) -> None:
    url = reverse(route.name, kwargs=world.arguments(route))
    taken = methods(world, route, url)
    assert taken
    wrong = []
    for who in WHO:
        for method in ("GET", "POST"):
            wanted = expected(route, who)
            if method not in taken and wanted != "sign in":
                wanted = "405"
            came = asked(world, route, who, method, url)
            if came != wanted:
                wrong.append(f"{method} {url} by {who}: {came}, not {wanted}")
    assert not wrong


@by_name
def test_matrix__fragments__refused_like_pages(world: World, route: Route) -> None:
    url = reverse(route.name, kwargs=world.arguments(route))
    method = "GET" if "GET" in methods(world, route, url) else "POST"
    for who in ("outsider", "viewer"):
        came = asked(world, route, who, method, url, **{"HX-Request": "true"})
        assert came == expected(route, who)


WITH_OBJECTS = [route for route in ROUTES if route.in_tenant and OBJECTS & set(route.arguments)]


@pytest.mark.parametrize("route", WITH_OBJECTS, ids=[route.name for route in WITH_OBJECTS])
@pytest.mark.parametrize("who", ["manager", "superuser"])
def test_foreign_object__in_the_address__404_recorded_and_unchanged(
    world: World, route: Route, who: str
) -> None:
    url = reverse(route.name, kwargs=world.arguments(route, of=world.globex))
    for method in methods(world, route, url):
        before = contents()
        assert asked(world, route, who, method, url) == "404"
        assert contents() == before


@pytest.mark.parametrize("route", WITH_OBJECTS, ids=[route.name for route in WITH_OBJECTS])
def test_unknown_object__in_the_address__404(world: World, route: Route) -> None:
    nobody = {"pk": 987654321, "operation_id": uuid4(), "event_id": uuid4(), "office_id": 987654321}
    nobody["draft_id"] = uuid4()
    arguments = {name: nobody.get(name, value) for name, value in world.arguments(route).items()}
    url = reverse(route.name, kwargs=arguments)
    for method in methods(world, route, url):
        assert asked(world, route, "manager", method, url) == "404 without a record"


# --- GET changes nothing --------------------------------------------------------------------------
@cache
def table_names() -> list[str]:
    return database.introspection.table_names()


def contents() -> dict[str, str]:
    """A checksum of every table."""
    tables = sorted(set(table_names()) - NOT_COMPARED)
    parts = {table: (table, "t::text") for table in tables}
    table, column = ITS_AGENT.split(".")
    parts[table] = (table, f"(to_jsonb(t) - '{column}')::text")
    parts[ITS_AGENT] = (table, f"(t.id, t.{column})::text")
    one = "SELECT '{0}', md5(coalesce(string_agg({2}, '|' ORDER BY {2}), '')) FROM {1} t"
    with database.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(one.format(name, *of) for name, of in parts.items()))
        return dict(cursor.fetchall())


def changed(before: dict[str, str]) -> set[str]:
    after = contents()
    return {table for table in after if after[table] != before[table]}


def kinds_of_looking(client: Client, url: str) -> list[str]:
    """The kinds of what GET and HEAD recorded."""
    seq = AuditEvent.objects.count()
    client.get(url)
    client.head(url)
    kinds = AuditEvent.objects.filter(seq__gt=seq).values_list("kind", flat=True)
    return sorted(set(kinds))


@by_name
def test_get__by_every_role__changes_nothing(world: World, route: Route) -> None:
    url = reverse(route.name, kwargs=world.arguments(route))
    before = contents()
    for who in WHO:
        assert kinds_of_looking(world.client(who), url) in ([], ["access.refused"]), who
    assert changed(before) <= OF_THE_LOG


@by_name
def test_get__with_lofty_connected__stores_only_what_lofty_returned(
    world: World, route: Route, practice: Sandbox
) -> None:
    customer = PracticeCustomer.add(practice.url, "acme", settings=dict(EXAMPLE_SETTINGS))
    connect(world.acme, customer.token)
    url = reverse(route.name, kwargs=world.arguments(route))
    before = contents()
    assert kinds_of_looking(world.client("superuser"), url) == []
    assert changed(before) <= FROM_LOFTY | WRITTEN_TO_BE_TRIED.get(route.name, set())
    assert customer.puts == []


def test_contents__one_value_changed__seen(world: World) -> None:
    before = contents()
    User.objects.filter(pk=world.colleague.pk).update(name="Sam Other")
    assert changed(before) == {"accounts_user"}
    Tenant.objects.filter(pk=world.acme.pk).update(sales_agent_id=7)
    assert changed(before) == {"accounts_user", ITS_AGENT}
    Tenant.objects.filter(pk=world.acme.pk).update(note="A note")
    assert changed(before) == {"accounts_user", ITS_AGENT, "tenants_tenant"}


# --- whatever is changed is recorded --------------------------------------------------------------
@by_name
@pytest.mark.parametrize("sent", ["nothing", "something"])
def test_post__whatever_it_changes__is_recorded(
    world: World, route: Route, sent: str, practice: Sandbox
) -> None:
    customer = PracticeCustomer.add(practice.url, "acme", settings=dict(EXAMPLE_SETTINGS))
    connect(world.acme, customer.token)
    url = reverse(route.name, kwargs=world.arguments(route))
    data = POSTED.get(route.name, {}) if sent == "something" else {}
    known = {"token": customer.token, "agent": customer.look()["agent_id"]}
    data = {name: value.format(**known) for name, value in data.items()}
    client = world.client("superuser")
    before = contents()
    client.post(url, data)
    tables = changed(before) - FROM_LOFTY
    if tables and route.name not in RECORDED_LATER | BOOKMARKS:
        assert "audit_auditevent" in tables
    if sent == "something" and route.name in POSTED and route.name != "history:go_back":
        assert tables - OF_THE_LOG or route.name in TOKEN_ONLY


# What these change is in a place that looking at Lofty changes too.
TOKEN_ONLY = {"tenants:connection_replace", "tenants:connection_remove", "tenants:connection_agent"}
