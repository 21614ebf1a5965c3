"""Calls on behalf of a tenant: what is recorded about them, and what never leaves."""

from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from lofty_admin.lofty.client import Scheme
from lofty_admin.lofty.errors import BudgetSpent, NoSalesAgent, Unauthorised, Unknown
from lofty_admin.lofty.exchange import Budget, Exchange
from lofty_admin.tenants.credentials import token_store, token_verification
from lofty_admin.tenants.credentials.api_client import (
    LAST_MOMENTS,
    RESERVE,
    CallsLeft,
    ConnectionUnavailable,
    calls_left,
    client_for,
    record_exchange,
    release_calls,
    require_calls,
    require_spare_call,
    reserve_calls,
)
from lofty_admin.tenants.models import Connection, ConnectionHealth, Health, RateLimit, Tenant
from tests.support.lofty_users import NEXT_TOKEN, OTHER_TOKEN, TOKEN, Lofty, kinds


def answer(remaining: int, reset_at: datetime, status: int = 200) -> Exchange:
    return Exchange(
        method="GET",
        path="/v1.0/me",
        status=status,
        code=None,
        lofty_message=None,
        body_excerpt="",
        duration_ms=1,
        budget=Budget(limit=10, remaining=remaining, reset_at=reset_at),
    )


def test_client_for__stored_token__is_the_one_sent(
    acme: Tenant, connection: Connection, lofty: Lofty
) -> None:
    assert client_for(acme).me().member_user_id == connection.lofty_user["member_user_id"]


def test_client_for__oauth_token__goes_as_bearer(globex: Tenant, lofty: Lofty) -> None:
    token_store.set_connection(globex, token_verification.check_token(Scheme.OAUTH, OTHER_TOKEN))
    assert client_for(globex).get_settings().id > 0


def test_client_for__no_token__says_so(acme: Tenant) -> None:
    with pytest.raises(ConnectionUnavailable, match="no Lofty token"):
        client_for(acme)


def test_client_for__retired_or_foreign_token__refused(
    acme: Tenant, globex: Tenant, connection: Connection
) -> None:
    with pytest.raises(ConnectionUnavailable):
        client_for(globex, connection=connection)
    token_store.set_connection(acme, token_verification.check_token(Scheme.API_KEY, NEXT_TOKEN))
    connection.refresh_from_db()
    with pytest.raises(ConnectionUnavailable):
        client_for(acme, connection=connection)


@pytest.mark.parametrize("planted", ["other row", "old version", "flipped", "plaintext", "empty"])
def test_client_for__tampered_token__nothing_sent_and_recorded_once(
    acme: Tenant, globex: Tenant, connection: Connection, lofty: Lofty, planted: str
) -> None:
    other = token_store.set_connection(
        globex, token_verification.check_token(Scheme.OAUTH, OTHER_TOKEN)
    )
    sealed, version = bytes(connection.sealed), connection.version
    made = lofty.calls_made("acme") + lofty.calls_made("globex")
    values = {
        "other row": (bytes(other.sealed), version),
        "old version": (sealed, version + 1),
        "flipped": (sealed[:-1] + bytes([sealed[-1] ^ 1]), version),
        "plaintext": (TOKEN.encode(), version),
        "empty": (b"", version),
    }
    new_sealed, new_version = values[planted]
    Connection.objects.filter(pk=connection.pk).update(sealed=new_sealed, version=new_version)
    for _ in range(3):
        with pytest.raises(ConnectionUnavailable, match="can't be used") as caught:
            client_for(acme)
        assert TOKEN not in str(caught.value)
    assert lofty.calls_made("acme") + lofty.calls_made("globex") == made
    assert kinds().count("credential.failed") == 1
    health = ConnectionHealth.objects.get(connection__retired_at=None, connection__tenant=acme)
    assert (health.status, health.failing_since is None) == (Health.UNREADABLE, False)


def test_exchange__good_after_failing__works_again(
    acme: Tenant, connection: Connection, lofty: Lofty
) -> None:
    lofty.fault("acme", kind="status", on="GET", times=2, code=401, body={"code": "X"})
    for _ in range(2):
        with pytest.raises(Unauthorised):
            client_for(acme).quota()
    failing = Connection.objects.get(pk=connection.pk)
    assert failing.health.failing_since is not None
    assert failing.health.last_failure_at is not None
    assert failing.health.failing_since < failing.health.last_failure_at
    assert "no longer accepts" in failing.health.last_failure
    client_for(acme).quota()
    recovered = ConnectionHealth.objects.get(pk=connection.pk)
    assert (recovered.status, recovered.failing_since) == (Health.WORKS, None)
    assert kinds() == ["credential.added", "credential.failed", "credential.recovered"]


def test_exchange__lofty_fails__token_stays_healthy(
    acme: Tenant, connection: Connection, lofty: Lofty
) -> None:
    lofty.fault("acme", kind="status", on="GET", times=3, code=503, body="down")
    with pytest.raises(Unknown):
        client_for(acme).me()
    lofty.change("acme", settings=None)
    with pytest.raises(NoSalesAgent):
        client_for(acme).get_settings()
    health = ConnectionHealth.objects.get()
    assert (health.failing_since, health.last_good_at is None) == (None, False)


def test_calls_left__after_each_call__one_less(
    acme: Tenant, connection: Connection, lofty: Lofty
) -> None:
    before = calls_left(acme)
    client_for(acme).me()
    after = calls_left(acme)
    assert (before.limit, before.remaining, after.remaining) == (60, 58, 57)
    assert after.resets_at is not None
    assert timezone.now() < after.resets_at <= timezone.now() + timedelta(seconds=61)


def test_calls_left__window_over_or_no_token__unknown(acme: Tenant, connection: Connection) -> None:
    RateLimit.objects.update(remaining=0, resets_at=timezone.now())
    assert calls_left(acme) == CallsLeft(60, None, None)
    require_calls(acme, 3)
    token_store.remove_connection(acme)
    assert calls_left(acme) == CallsLeft(None, None, None)


def test_require_calls__fewer_left__says_until_when(acme: Tenant, connection: Connection) -> None:
    until = timezone.now() + timedelta(seconds=30)
    RateLimit.objects.update(remaining=2, resets_at=until)
    require_calls(acme, 2)
    with pytest.raises(BudgetSpent) as caught:
        require_calls(acme, 3)
    assert caught.value.until == until


def test_reserve_calls__window_about_to_end__waits_for_the_next(
    acme: Tenant, connection: Connection
) -> None:
    until = timezone.now() + timedelta(milliseconds=300)
    RateLimit.objects.update(limit=10, remaining=1, resets_at=until)
    reserve_calls(acme, 3)
    assert timezone.now() > until


def test_reserve_calls__too_few_and_long_to_wait__says_until_when(
    acme: Tenant, connection: Connection
) -> None:
    until = timezone.now() + LAST_MOMENTS + timedelta(seconds=5)
    RateLimit.objects.update(limit=10, remaining=2, resets_at=until)
    with pytest.raises(BudgetSpent) as caught:
        reserve_calls(acme, 3)
    assert caught.value.until == until


def test_spare_call__reserve__left_until_the_last_moments_unless_a_save_needs_it(
    acme: Tenant, connection: Connection
) -> None:
    until = timezone.now() + timedelta(seconds=30)
    RateLimit.objects.update(limit=10, remaining=RESERVE, resets_at=until)
    with pytest.raises(BudgetSpent) as caught:
        require_spare_call(acme)
    assert caught.value.until == until - LAST_MOMENTS
    RateLimit.objects.update(remaining=RESERVE + 1)
    require_spare_call(acme)
    soon = timezone.now() + timedelta(seconds=5)
    RateLimit.objects.update(remaining=RESERVE, resets_at=soon)
    require_spare_call(acme)
    RateLimit.objects.update(claimed_until=soon)
    with pytest.raises(BudgetSpent) as claimed:
        require_spare_call(acme)
    assert claimed.value.until == soon
    release_calls(acme)
    require_spare_call(acme)


def test_budget__answers_out_of_order__the_least_counts_within_a_window(
    acme: Tenant, connection: Connection
) -> None:
    reset_at = timezone.now() + timedelta(minutes=1)
    for remaining in (5, 7):
        record_exchange(acme, connection, answer(remaining, reset_at))
    assert calls_left(acme).remaining == 5
    record_exchange(acme, connection, answer(9, reset_at + timedelta(minutes=1)))
    assert calls_left(acme).remaining == 9


@pytest.mark.django_db(transaction=True)
def test_note_exchange__database_refuses__the_call_still_succeeds(
    acme: Tenant, connection: Connection, lofty: Lofty
) -> None:
    from django.db import connection as database

    with database.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE 'not now'; END $$;"
            "CREATE TRIGGER refuse BEFORE UPDATE ON tenants_ratelimit EXECUTE FUNCTION refuse()"
        )
    try:
        client = client_for(acme)
        with transaction.atomic():
            assert client.me().member_user_id
            assert Tenant.objects.filter(pk=acme.pk).exists()  # the transaction is still usable
        assert client.budget is not None
    finally:
        with database.cursor() as cursor:
            cursor.execute("DROP FUNCTION refuse CASCADE")
