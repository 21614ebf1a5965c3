"""Probing connections: the class of each response, its event, and old results."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.urls import reverse
from django.utils import timezone

from lofty_admin.accounts.models import User
from lofty_admin.audit.models import AuditEvent
from lofty_admin.lofty.client import Scheme
from lofty_admin.lofty.errors import BudgetSpent
from lofty_admin.tenants.credentials import health_probe, token_store, token_verification
from lofty_admin.tenants.credentials.api_client import client_for
from lofty_admin.tenants.credentials.sales_agent import WrongAgent
from lofty_admin.tenants.errors import ConfirmationRequired
from lofty_admin.tenants.models import Connection, ConnectionHealth, Health, RateLimit, Tenant
from lofty_admin.tenants.tasks import probe as probe_job
from lofty_admin.tenants.tasks import probe_due
from tests.support.lofty_users import OTHER_TOKEN, TOKEN, Lofty, kinds
from tests.support.users import signed_in


def row() -> Connection:
    return Connection.objects.select_related("tenant").get(retired_at=None)


def age(hours: float) -> None:
    """As if the newest probe were so old."""
    ConnectionHealth.objects.update(checked_at=timezone.now() - timedelta(hours=hours))


def scopes(lofty: Lofty, *names: str) -> None:
    lofty.change("acme", tokens=[{"token": TOKEN, "scopes": list(names)}])


ANSWERS: list[tuple[Callable[[Lofty], object], Health, str]] = [
    (lambda lofty: None, Health.WORKS, ""),
    (lambda lofty: lofty.change("acme", revoke_all=True), Health.DEAD, "no longer accepts"),
    (
        lambda lofty: lofty.change("acme", tokens=[{"token": TOKEN, "scheme": "oauth"}]),
        Health.WRONG_SCHEME,
        "API key or an OAuth token",
    ),
    (lambda lofty: scopes(lofty, "me"), Health.SCOPE_MISSING, "missing scope"),
    (
        lambda lofty: lofty.fault(
            "acme",
            kind="status",
            on="GET",
            times=None,
            code=403,
            body={"code": "PERMISSION_DENIED"},
        ),
        Health.FORBIDDEN,
        "Ask for the permission in Lofty",
    ),
    (lambda lofty: lofty.change("acme", settings=None), Health.NO_AGENT, "no Sales Agent"),
    (
        lambda lofty: lofty.fault(
            "acme", kind="status", on="GET", times=None, code=429, body={"message": "x"}
        ),
        Health.LIMITED,
        "used up",
    ),
    (
        lambda lofty: lofty.fault("acme", kind="status", on="GET", times=None, code=500),
        Health.LOFTY_DOWN,
        "status 500",
    ),
    (
        lambda lofty: lofty.fault("acme", kind="drop_before", on="GET", times=None),
        Health.LOFTY_DOWN,
        "broke before",
    ),
]


@pytest.mark.parametrize(
    ("arrange", "found", "words"), ANSWERS, ids=[f"{a[1].value}-{n}" for n, a in enumerate(ANSWERS)]
)
def test_probe__each_answer__its_class_meaning_and_one_record(
    acme: Tenant,
    connection: Connection,
    lofty: Lofty,
    arrange: Callable[[Lofty], object],
    found: Health,
    words: str,
) -> None:
    age(30)
    arrange(lofty)
    for _ in range(2):
        health_probe.probe(row())
    after = row()
    assert after.health.status == found
    assert words in after.health.note
    assert not after.health.is_stale
    assert after.health.is_sound == (found == Health.WORKS)
    assert kinds() == ["credential.added", *(["credential.failed"] if found != "works" else [])]


def test_probe__costs_one_call(acme: Tenant, connection: Connection, lofty: Lofty) -> None:
    made = lofty.calls_made("acme")
    health_probe.probe(row())
    assert lofty.calls_made("acme") == made + 1


def test_probe__a_save_would_lack_calls__not_made(
    acme: Tenant, connection: Connection, lofty: Lofty
) -> None:
    until = timezone.now() + timedelta(seconds=30)
    RateLimit.objects.update(remaining=3, resets_at=until)
    made = lofty.calls_made("acme")
    with pytest.raises(BudgetSpent):
        health_probe.probe(row())
    assert lofty.calls_made("acme") == made


def test_probe__works_again__recorded_with_both_classes(
    acme: Tenant, connection: Connection, lofty: Lofty
) -> None:
    scopes(lofty, "me")
    health_probe.probe(row())
    client_for(acme).me()
    assert (
        row().health.status == Health.SCOPE_MISSING
    )  # another call proves nothing of the settings
    scopes(lofty, "me", "settings")
    health_probe.probe(row())
    assert row().health.status == Health.WORKS
    event = AuditEvent.objects.get(kind="credential.recovered")
    assert event.content["before"] == {"health": "scope_missing"}
    assert event.content["after"] == {"health": "works"}


def test_probe__sealed_token_damaged__unreadable_and_nothing_sent(
    acme: Tenant, connection: Connection, lofty: Lofty
) -> None:
    Connection.objects.update(sealed=b"LV1" + b"x" * 60)
    made = lofty.calls_made("acme")
    age(30)
    after = health_probe.probe(row())
    assert (after.health.status, after.health.is_stale) == (Health.UNREADABLE, False)
    assert lofty.calls_made("acme") == made


def test_probe__another_sales_agent__named_and_never_green(
    acme: Tenant, connection: Connection, owner: User, lofty: Lofty
) -> None:
    Tenant.objects.update(sales_agent_id=77)
    with pytest.raises(WrongAgent):
        token_store.test_connection(acme)
    health_probe.probe(row())
    client_for(acme).get_settings()
    stored = row()
    assert stored.health.status == Health.WRONG_AGENT
    assert stored.health.found_agent_id is not None
    html = signed_in(owner).get(reverse("tenants:connection", args=["acme"])).content.decode()
    assert f"The token opens Sales Agent <code>{stored.health.found_agent_id}</code>" in html


def accept(owner: User, number: object, **more: str) -> str:
    data = {"sales_agent_id": str(number), **more}
    url = reverse("tenants:connection_agent", args=["acme"])
    return signed_in(owner).post(url, data, follow=True).content.decode()


def test_accept_agent__confirmed__is_the_tenants_from_then_on(
    acme: Tenant, connection: Connection, owner: User, lofty: Lofty
) -> None:
    Tenant.objects.update(sales_agent_id=77)
    health_probe.probe(row())
    number = row().health.found_agent_id
    assert "Tick the box" in accept(owner, number)
    assert "Nothing was changed: Lofty now returns Sales Agent" in accept(owner, 12345, sure="on")
    assert "Tick the box" in accept(owner, "x", sure="on")
    assert f"is now {number}" in accept(owner, number, sure="on")
    acme.refresh_from_db()
    assert acme.sales_agent_id == number
    assert row().health.status == Health.WORKS
    event = AuditEvent.objects.get(kind="tenant.agent_changed")
    assert (event.content["before"], event.content["after"]) == (
        {"sales_agent_id": 77},
        {"sales_agent_id": number},
    )


def test_replace__token_of_another_sales_agent_of_the_same_user__asks(
    acme: Tenant, connection: Connection
) -> None:
    Tenant.objects.update(sales_agent_id=77)
    acme.refresh_from_db()
    with pytest.raises(ConfirmationRequired, match="but this tenant uses 77"):
        token_store.set_connection(acme, token_verification.check_token(Scheme.API_KEY, TOKEN))


@pytest.mark.parametrize("way", ["no scope", "no agent"])
def test_replace__token_that_cannot_read_the_settings__asks(
    acme: Tenant, lofty: Lofty, way: str
) -> None:
    if way == "no scope":
        scopes(lofty, "me")
    else:
        lofty.change("acme", settings=None)
    checked = token_verification.check_token(Scheme.API_KEY, TOKEN)
    with pytest.raises(ConfirmationRequired, match=r"[Nn]othing can be|nothing could be"):
        token_store.set_connection(acme, checked)
    token_store.set_connection(acme, checked, meant=True)
    assert row().health.last_good_at is None
    stored = token_store.set_connection(acme, checked, meant=True)
    assert stored.health.status == checked.health
    assert not stored.health.is_sound


def test_stale__no_probe_for_two_days__warning_and_no_green(
    acme: Tenant, connection: Connection, owner: User
) -> None:
    assert row().health.is_sound
    age(49)
    old = row()
    assert (old.health.is_stale, old.health.is_sound, old.health.status) == (
        True,
        False,
        Health.WORKS,
    )
    assert old.warnings == ["Not checked for two days"]
    for address in ("/", reverse("tenants:connection", args=["acme"])):
        html = signed_in(owner).get(address).content.decode()
        assert "Not checked for two days" in html
        of_tenant = html[html.find("<table") :]
        assert "text-success" not in of_tenant
    assert "Is the worker running?" in html


def test_due__daily_and_sooner_after_an_inconclusive_probe(
    acme: Tenant, connection: Connection
) -> None:
    now = timezone.now()
    assert not health_probe.due(now)
    assert health_probe.due(now + timedelta(hours=24)).count() == 1
    ConnectionHealth.objects.update(status=Health.LOFTY_DOWN)
    assert health_probe.due(now + timedelta(hours=1)).count() == 1
    assert not health_probe.due(now + timedelta(minutes=30))
    Tenant.objects.update(status="archived")
    assert not health_probe.due(now + timedelta(days=9))


@pytest.mark.parametrize(
    ("changed", "warned"),
    [
        ({}, False),
        ({"status": "dead"}, True),
        ({"status": "lofty_down"}, True),
        ({"status": "unknown"}, False),
        ({"checked_at": None}, True),
        ({"checked_at": -timedelta(hours=49)}, True),
        ({"expires_at": timedelta(days=29)}, True),
        ({"expires_at": timedelta(days=31)}, False),
        ({"expires_at": -timedelta(days=1)}, True),
        ({"failing_since": timedelta(0), "status": "dead"}, True),
    ],
    ids=str,
)
def test_warnings__anything_to_be_done__said(
    acme: Tenant, connection: Connection, changed: dict[str, Any], warned: bool
) -> None:
    now = timezone.now()
    model = Connection if "expires_at" in changed else ConnectionHealth
    model.objects.update(
        **{name: now + v if isinstance(v, timedelta) else v for name, v in changed.items()}
    )
    assert bool(row().warnings) == warned


def jobs() -> list[tuple[Any, ...]]:
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT args::text, scheduled_at FROM procrastinate_jobs"
            " WHERE task_name = 'tenants.probe'"
        )
        return list(cursor.fetchall())


def test_job__by_the_clock__one_for_each_that_is_due(acme: Tenant, connection: Connection) -> None:
    probe_due(0)
    assert jobs() == []
    age(24)
    probe_due(0)
    probe_due(0)
    ((arguments, _),) = jobs()
    assert TOKEN not in arguments
    assert str(connection.pk) in arguments
    probe_job(credential_id=str(connection.pk))
    assert not row().health.is_stale
    probe_job(credential_id=str(connection.pk))  # a second one has nothing to do


def test_job__too_few_calls_left__comes_again_when_there_are(
    acme: Tenant, connection: Connection, lofty: Lofty
) -> None:
    until = timezone.now() + timedelta(seconds=30)
    RateLimit.objects.update(remaining=0, resets_at=until)
    age(24)
    made = lofty.calls_made("acme")
    probe_job(credential_id=str(connection.pk))
    ((_, scheduled_at),) = jobs()
    assert scheduled_at == until
    assert lofty.calls_made("acme") == made


def check_tokens(*arguments: str) -> str:
    told = io.StringIO()
    call_command("check_tokens", *arguments, stdout=told)
    return told.getvalue()


def test_check_tokens__all__progress_and_verdict(
    acme: Tenant, globex: Tenant, connection: Connection, lofty: Lofty
) -> None:
    token_store.set_connection(globex, token_verification.check_token(Scheme.OAUTH, OTHER_TOKEN))
    told = check_tokens("--all")
    assert "[1/2] acme: Works" in told
    assert "All 2 work." in told
    lofty.change("globex", revoke_all=True)
    with pytest.raises(CommandError, match=r"1 of 2 need attention: globex\."):
        check_tokens("--all")
    assert "[1/1] acme: Works" in check_tokens("--tenant", "acme")


def test_check_tokens__calls_used_up__waits_for_them(acme: Tenant, connection: Connection) -> None:
    until = timezone.now() + timedelta(seconds=1)
    RateLimit.objects.update(remaining=0, resets_at=until)
    told = check_tokens("--tenant", "acme")
    assert "waits until" in told
    assert "All 1 work." in told


@pytest.mark.parametrize("slug", ["unknown", "acme"])
def test_check_tokens__nothing_to_check__says_so(acme: Tenant, slug: str) -> None:
    with pytest.raises(CommandError, match="Nothing was checked"):
        check_tokens("--tenant", slug)
