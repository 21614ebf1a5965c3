"""Refreshing access tokens: once, never lost, never in a loop."""

import json
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.db import OperationalError
from django.db import connection as database
from django.utils import timezone

from lofty_admin.audit.models import AuditEvent
from lofty_admin.lofty.client import Scheme
from lofty_admin.lofty.errors import GrantRefused, Unauthorised
from lofty_admin.tenants.credentials import token_refresh, token_store, token_verification
from lofty_admin.tenants.credentials.api_client import ConnectionUnavailable, client_for
from lofty_admin.tenants.credentials.secrets import open_from, open_newest
from lofty_admin.tenants.models import Connection, ConnectionKind, Health, Tenant
from lofty_admin.tenants.tasks import renew, renew_due
from tests.support.lofty_users import (
    NEXT_TOKEN,
    TOKEN,
    Lofty,
    connected,
    ends_in,
    kinds,
    set_refresh,
    set_row,
)
from tools.practice_lofty.seed import make_token


@pytest.fixture
def connection_of_acme(acme: Tenant, app: Lofty) -> Connection:
    return connected(acme, app)


def row() -> Connection:
    return Connection.objects.get(retired_at=None)


def renewals() -> int:
    return kinds().count("credential.renewed")


def grants_used(lofty: Lofty) -> int:
    """How many tokens Lofty gave out for this customer by the app."""
    found = lofty.control("GET", "customers/acme")["tokens"]
    return sum(token["client_id"] is not None for token in found)


def test_stored__connection__its_two_ends_are_known(connection_of_acme: Connection) -> None:
    stored = row()
    now = timezone.now()
    assert (stored.kind, stored.scheme) == (ConnectionKind.CONNECTION, "oauth")
    assert stored.access_expires_at is not None
    assert timedelta(minutes=59) < stored.access_expires_at - now <= timedelta(hours=1)
    assert stored.days_left == 179
    assert not stored.expires_soon
    assert bytes(stored.sealed_refresh)


def test_use__far_from_its_end__not_renewed(acme: Tenant, connection_of_acme: Connection) -> None:
    client_for(acme).me()
    assert renewals() == 0


@pytest.mark.parametrize("seconds", [100, -100], ids=["about to end", "past its end"])
def test_use__ends_too_soon__renewed_first(
    acme: Tenant, connection_of_acme: Connection, seconds: int
) -> None:
    ends_in(seconds)
    client_for(acme).me()
    renewed = row()
    assert (renewed.version, renewals()) == (2, 1)
    assert renewed.fingerprint != connection_of_acme.fingerprint
    assert open_from(renewed, "sealed") != open_from(connection_of_acme, "sealed")
    assert open_from(renewed, "sealed_refresh") != open_from(connection_of_acme, "sealed_refresh")
    client_for(acme).me()
    assert renewals() == 1


def test_use__token_that_lives_for_seconds_only__is_used_before_it_is_renewed(
    acme: Tenant, app: Lofty
) -> None:
    app.register(expires_in=60)
    connected(acme, app)
    client_for(acme).me()
    assert renewals() == 0


def test_renewal__recorded_with_version_and_fingerprint_and_no_secret(
    acme: Tenant, connection_of_acme: Connection
) -> None:
    ends_in(-1)
    token_refresh.renew(row())
    event = AuditEvent.objects.get(kind="credential.renewed")
    assert event.content["before"]["version"] == 1
    assert event.content["after"]["fingerprint"] == row().fingerprint
    assert open_from(row(), "sealed") not in event.body
    assert open_from(row(), "sealed_refresh") not in event.body


def test_job__ends_within_minutes__renewed_ahead(
    acme: Tenant, connection_of_acme: Connection
) -> None:
    ends_in(300)
    renew(credential_id=str(connection_of_acme.pk))
    renew(credential_id=str(connection_of_acme.pk))
    assert renewals() == 1
    event = AuditEvent.objects.get(kind="credential.renewed")
    assert event.who == "Renewal job"


def test_job__by_the_clock__carries_an_id_only(
    acme: Tenant, connection_of_acme: Connection
) -> None:
    ends_in(300)
    renew_due(0)
    renew_due(0)
    with database.cursor() as cursor:
        cursor.execute("SELECT args FROM procrastinate_jobs WHERE task_name = 'tenants.renew'")
        found = [json.loads(args) for (args,) in cursor.fetchall()]
    assert found == [{"credential_id": str(connection_of_acme.pk)}]


def test_due__archived_or_pasted_or_far__not(acme: Tenant, connection_of_acme: Connection) -> None:
    assert not token_refresh.due(timezone.now())
    ends_in(300)
    assert token_refresh.due(timezone.now()).count() == 1
    Tenant.objects.update(status="archived")
    assert not token_refresh.due(timezone.now())


def test_refused__refresh_token_is_dead__needs_a_user_and_no_loop(
    acme: Tenant, connection_of_acme: Connection, app: Lofty
) -> None:
    app.change("acme", revoke_all=True)
    ends_in(-1)
    for _ in range(3):
        with pytest.raises(ConnectionUnavailable, match="could not be renewed"):
            client_for(acme)
    stored = row()
    assert stored.token_refresh.authorise_again_since is not None
    assert stored.health.status == Health.AUTHORISE_AGAIN
    assert "Reconnect needed" in stored.warnings
    assert stored.health.failing_since is not None
    assert stored.token_refresh.failures == 1
    assert not token_refresh.due(timezone.now() + timedelta(days=1))
    assert kinds().count("credential.failed") == 1


def test_unreadable__refresh_token__the_token_in_use_serves_until_its_end(
    acme: Tenant, connection_of_acme: Connection
) -> None:
    set_row(sealed_refresh=b"LV1" + b"x" * 60)
    ends_in(100)
    assert client_for(acme).me().member_user_id
    assert row().health.status == Health.UNREADABLE


def test_connection__without_a_refresh_token__needs_a_user_at_its_end(
    acme: Tenant, connection_of_acme: Connection
) -> None:
    set_row(sealed_refresh=b"")
    ends_in(-1)
    with pytest.raises(ConnectionUnavailable, match="sent no refresh token"):
        client_for(acme)
    assert row().health.status == Health.AUTHORISE_AGAIN


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "code": 500},
        {"kind": "status", "code": 429, "body": {"message": "Too Many Requests"}},
        {"kind": "drop_before"},
        {"kind": "html"},
        {"kind": "status", "code": 401, "body": {"error": "invalid_client"}},
        {"kind": "status", "code": 404, "body": "not here"},
    ],
    ids=lambda fault: str(fault.get("code", fault["kind"])),
)
def test_failed__lofty_is_down__tried_again_later_with_the_same_refresh_token(
    acme: Tenant, connection_of_acme: Connection, app: Lofty, fault: dict[str, Any]
) -> None:
    app.fault("acme", on="POST", times=1, **fault)
    ends_in(-1)
    for _ in range(2):  # the second one waits out the pause, without a call
        with pytest.raises(ConnectionUnavailable, match="could not be renewed"):
            client_for(acme)
    failed = row()
    assert failed.token_refresh.authorise_again_since is None
    assert failed.token_refresh.failures == 1
    assert failed.token_refresh.not_before is not None
    assert failed.health.status == Health.NOT_RENEWED
    set_refresh(not_before=timezone.now())
    assert client_for(acme).me().member_user_id
    assert (row().token_refresh.failures, row().token_refresh.problem) == (0, "")
    assert row().health.status == Health.WORKS


def test_failed__repeatedly__pauses_grow(
    acme: Tenant, connection_of_acme: Connection, app: Lofty
) -> None:
    app.fault("acme", kind="status", on="POST", times=None, code=500)
    ends_in(100)
    pauses = []
    for _ in range(9):
        set_refresh(not_before=None)
        token_refresh.renew(row())
        until = row().token_refresh.not_before
        assert until is not None
        pauses.append(round((until - timezone.now()).total_seconds()))
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (30, 3600)


def test_answer_lost__lofty_used_the_refresh_token_up__authorise_again_says_why(
    acme: Tenant, connection_of_acme: Connection, app: Lofty
) -> None:
    app.fault("acme", kind="drop_after", on="POST", times=1)
    ends_in(-1)
    with pytest.raises(ConnectionUnavailable):
        client_for(acme)
    set_refresh(not_before=None)
    with pytest.raises(ConnectionUnavailable):
        client_for(acme)
    assert row().health.status == Health.AUTHORISE_AGAIN
    given = grants_used(app)
    set_refresh(not_before=None)
    with pytest.raises(ConnectionUnavailable):
        client_for(acme)
    assert grants_used(app) == given


def test_cut_off__after_the_answer_before_the_save__visible_and_no_loop(
    acme: Tenant, connection_of_acme: Connection, app: Lofty, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt  # what no handler of the console catches

    ends_in(-1)
    with monkeypatch.context() as patch:
        patch.setattr(token_refresh, "_store", die)
        with pytest.raises(KeyboardInterrupt):
            client_for(acme)
    assert row().token_refresh.lease_until is not None
    set_refresh(lease_until=timezone.now())  # as if its lease were over
    with pytest.raises(ConnectionUnavailable):
        client_for(acme)
    stored = row()
    assert stored.health.status == Health.AUTHORISE_AGAIN
    assert "was interrupted" in stored.health.note
    assert not token_refresh.due(timezone.now() + timedelta(days=1))


@pytest.mark.django_db(transaction=True)
def test_save__database_away_for_a_moment__the_new_token_is_not_lost(
    acme: Tenant, connection_of_acme: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, failures = token_refresh._store, [OperationalError("gone"), OperationalError("gone")]

    def stumble(*arguments: Any) -> None:
        if failures:
            raise failures.pop()
        store(*arguments)

    monkeypatch.setattr(token_refresh, "_store", stumble)
    ends_in(-1)
    client_for(acme).me()
    assert renewals() == 1


def test_late_response__another_process_gave_up_meanwhile__its_tokens_are_kept(
    acme: Tenant, connection_of_acme: Connection
) -> None:
    """B13: the holder was stopped past its lease; the next one was refused."""
    ends_in(-1)
    held = token_refresh._claim(row())
    assert held is not None
    tokens = token_refresh._ask(held)
    set_refresh(lease_until=timezone.now())
    token_refresh.renew(row())
    assert row().token_refresh.authorise_again_since is not None
    token_refresh._keep(held, tokens)
    kept = row()
    assert (kept.token_refresh.authorise_again_since, kept.health.failing_since) == (None, None)
    assert open_newest(kept, "sealed") == tokens.access_token
    assert client_for(acme).me().member_user_id


def test_late_refusal__the_row_was_renewed_meanwhile__changes_nothing(
    acme: Tenant, connection_of_acme: Connection, app: Lofty
) -> None:
    ends_in(-1)
    held = token_refresh._claim(row())
    assert held is not None
    set_refresh(lease_until=None)
    token_refresh.renew(row())
    token_refresh._not_renewed(held, GrantRefused())
    assert row().token_refresh.authorise_again_since is None
    assert row().version == 2


def test_replaced__while_lofty_is_asked__the_replacement_stays(
    acme: Tenant, connection_of_acme: Connection
) -> None:
    ends_in(-1)
    held = token_refresh._claim(row())
    assert held is not None
    tokens = token_refresh._ask(held)
    token_store.set_connection(
        acme, token_verification.check_token(Scheme.API_KEY, TOKEN), meant=True
    )
    token_refresh._keep(held, tokens)
    assert open_from(row(), "sealed") == TOKEN
    assert Connection.objects.exclude(sealed_refresh=b"").count() == 0


def test_refused_by_lofty__before_its_end__renewed_at_the_next_use(
    acme: Tenant, connection_of_acme: Connection, app: Lofty
) -> None:
    found = app.control("GET", "customers/acme")["tokens"]
    app.change(
        "acme",
        tokens=[{"token": t["token"], "revoked": True} for t in found if t["client_id"]],
    )
    with pytest.raises(Unauthorised):
        client_for(acme).quota()
    assert client_for(acme).quota().total is not None
    assert renewals() == 1


def test_refused_by_lofty__freshly_renewed__not_renewed_again(
    acme: Tenant, connection_of_acme: Connection, app: Lofty
) -> None:
    ends_in(-1)
    token_refresh.renew(row())
    app.fault("acme", kind="status", on="GET", times=4, code=401, body={"code": "X"})
    for _ in range(4):
        with pytest.raises(Unauthorised):
            client_for(acme).quota()
    assert renewals() == 1


def test_client_credentials__stored_and_renewed_by_its_key(acme: Tenant, app: Lofty) -> None:
    checked = token_verification.check_token(ConnectionKind.CLIENT_CREDENTIALS, TOKEN)
    stored = token_store.set_connection(acme, checked)
    assert (stored.last_four, stored.scheme) == ("WXYZ", "oauth")
    assert not bytes(stored.sealed_refresh)
    ends_in(-1)
    client_for(acme).me()
    renewed = row()
    assert open_newest(renewed, "sealed_key") == TOKEN
    assert renewed.fingerprint == stored.fingerprint
    assert renewed.version == 2
    app.change("acme", revoke_all=True)
    ends_in(-1)
    with pytest.raises(ConnectionUnavailable):
        client_for(acme)
    assert row().health.status == Health.AUTHORISE_AGAIN


@pytest.mark.django_db(transaction=True)
def test_use__eight_at_once__one_renewal(
    acme: Tenant, connection_of_acme: Connection, app: Lofty
) -> None:
    ends_in(-1)
    app.fault("acme", kind="delay", on="POST", times=50, seconds=0.5)
    given, answers = grants_used(app), list[object]()

    def use() -> None:
        try:
            answers.append(client_for(acme).me().member_user_id)
        finally:
            database.close()

    threads = [Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(answers) == 8
    assert grants_used(app) == given + 1
    assert renewals() == 1
    assert app.control("GET", "customers/acme/faults")["faults"][0]["times"] == 49  # asked once


def test_connection__end_within_a_month__warned_about(connection_of_acme: Connection) -> None:
    set_row(expires_at=timezone.now() + timedelta(days=29, hours=1))
    assert row().expires_soon
    assert "Expires in 29 days" in row().warnings
    set_row(expires_at=timezone.now() - timedelta(minutes=1))
    assert "Expired" in row().warnings


def test_pasted_key__jws__its_expiry_is_read_and_used_only_for_warnings(
    acme: Tenant, app: Lofty
) -> None:
    soon = timezone.now() + timedelta(days=10, hours=1)
    key = make_token("acme", "api_key", soon.timestamp())
    app.change("acme", tokens=[{"token": key, "scheme": "api_key"}])
    stored = token_store.set_connection(acme, token_verification.check_token(Scheme.API_KEY, key))
    assert stored.days_left == 10
    assert stored.expires_soon
    set_row(expires_at=timezone.now() - timedelta(days=1))
    assert client_for(acme).me().member_user_id  # the expiry it reports stops nothing


def test_pasted_token__opaque__end_unknown(acme: Tenant, app: Lofty) -> None:
    stored = token_store.set_connection(
        acme, token_verification.check_token(Scheme.API_KEY, NEXT_TOKEN)
    )
    assert (stored.expires_at, stored.days_left, stored.expires_soon) == (None, None, False)
