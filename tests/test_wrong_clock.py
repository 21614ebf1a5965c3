"""The clock is forty years ahead for a moment, then right: nothing stays blocked or unchecked.

What this does to the log's own safeguards is in tests/audit/test_wrong_clock.py.
"""

import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from lofty_admin.accounts import throttle, unsent
from lofty_admin.accounts.models import Invitation, SignInAttempt, UnsentForm, User
from lofty_admin.accounts.reauth import is_recently_authenticated
from lofty_admin.accounts.sessions import SEEN_AT, SIGNED_IN_AT, expiry_reason
from lofty_admin.accounts.throttle import Limit
from lofty_admin.agentsettings.models import Operation, State
from lofty_admin.agentsettings.reconcile import due
from lofty_admin.agentsettings.snapshots import read_live
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.log.record import sum_up_refusals
from lofty_admin.audit.models import AuditEvent, RefusalCount
from lofty_admin.core.clocks import is_ahead, is_held, is_recent
from lofty_admin.core.queue import defer_once
from lofty_admin.core.worker_status import is_missing, last_alive, note_alive
from lofty_admin.directory import sync as directory
from lofty_admin.directory.models import Sync, SyncState
from lofty_admin.fleet import import_job
from lofty_admin.fleet.models import Import, ImportState
from lofty_admin.history.export_views import shown
from lofty_admin.history.models import Export, Format
from lofty_admin.tenants.credentials import health_probe, oauth_flow, token_refresh
from lofty_admin.tenants.credentials.api_client import calls_left, require_calls
from lofty_admin.tenants.models import (
    Connection,
    ConnectionHealth,
    ConnectionKind,
    Health,
    PendingConnection,
    RateLimit,
    Tenant,
    TokenRefresh,
)
from tests.agentsettings.conftest import lofty
from tests.support.practice_customer import PracticeCustomer
from tests.support.requests import get_request
from tests.support.settings_changes import plan_for
from tests.support.users import signed_in
from tests.support.wrong_clock import YEARS_AHEAD, wrong_clock

__all__ = ["lofty"]
NOW = datetime(2026, 11, 30, tzinfo=UTC)
LATER = NOW + YEARS_AHEAD
HOUR = timedelta(hours=1)


def test_clocks__impossible_times__do_not_count() -> None:
    assert [is_ahead(NOW + HOUR, NOW), is_ahead(NOW, NOW), is_ahead(NOW - HOUR, NOW)] == [1, 0, 0]
    assert is_recent(NOW - HOUR / 2, NOW, HOUR)
    assert not is_recent(NOW - HOUR, NOW, HOUR)
    assert not is_recent(LATER, NOW, HOUR)
    assert is_held(NOW + HOUR, NOW, HOUR)
    assert not is_held(NOW, NOW, HOUR)
    assert not is_held(LATER, NOW, HOUR)


def test_budget__of_a_clock_ahead__does_not_block_the_tenant(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    with wrong_clock():
        reset = timezone.now() + timedelta(seconds=40)
    RateLimit.objects.update(limit=10, remaining=0, resets_at=reset)
    assert calls_left(acme).remaining is None
    require_calls(acme, 3)


def test_operation__leased_by_a_clock_ahead__is_settled(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    operation = Operation.objects.create(
        id=uuid4(),
        tenant=acme,
        base={"id": 1},
        wanted={"id": 1},
        changed=["assistantName"],
        reason="",
        actor_name="Emil",
        state=State.PREPARED,
        lease_until=timezone.now() + YEARS_AHEAD,
    )
    assert not operation.is_held
    assert due() == [operation]


def test_reading__known_from_a_clock_ahead__changes_made_in_lofty_are_still_seen(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    with wrong_clock():
        read_live(acme)
    lofty.change(settings={"assistantName": "Changed directly in Lofty"})
    read_live(acme)
    assert AuditEvent.objects.filter(kind=Kind.SETTINGS_SEEN_CHANGED).count() == 1
    assert plan_for(acme, assistantName="Bella")


def test_sync__of_a_process_with_a_clock_ahead__is_taken_over(acme: Tenant) -> None:
    with wrong_clock():
        sync = directory.open_sync(acme)
    Sync.objects.update(state=SyncState.RUNNING, runner=uuid4())
    assert directory.stalled() == [sync]
    assert Sync.claim(sync.pk) is not None
    Sync.objects.update(state=SyncState.WAITING, resume_at=timezone.now() + YEARS_AHEAD)
    Sync.objects.update(heartbeat_at=timezone.now() - HOUR)
    assert directory.stalled() == [sync]


def test_probe__checked_by_a_clock_ahead__is_due_and_shown_as_unchecked(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    ConnectionHealth.objects.update(checked_at=timezone.now() + YEARS_AHEAD, status=Health.WORKS)
    connection = Connection.objects.get()
    assert connection.health.is_stale
    assert connection in health_probe.due(timezone.now())


@pytest.mark.parametrize("column", ["lease_until", "not_before"])
def test_renewal__held_back_by_a_clock_ahead__is_tried(
    acme: Tenant, lofty: PracticeCustomer, column: str
) -> None:
    Connection.objects.update(kind=ConnectionKind.CONNECTION, access_expires_at=timezone.now())
    TokenRefresh.objects.update(**{column: timezone.now() + YEARS_AHEAD})
    assert token_refresh.due(timezone.now()).exists()
    assert token_refresh._claim(Connection.objects.get()) is not None


def test_import__expiring_decades_from_now__is_erased(
    superuser: User, events_looked_at: list[str]
) -> None:
    with wrong_clock():
        made = import_job.read_list(superuser, "name,slug,scheme,token,groups\nInitech,,,,\n")
    assert import_job.erase_expired() == 1
    assert not Import.objects.filter(pk=made.pk, state=ImportState.READ).exists()
    events_looked_at.clear()  # one has a wrong time on purpose


def test_export__heartbeat_in_the_future__does_not_run_for_ever(owner: User) -> None:
    export = Export(user=owner, heartbeat_at=timezone.now() + YEARS_AHEAD)
    assert not export.is_running


def test_session__started_by_a_clock_ahead__is_over(owner: User) -> None:
    client: Client = signed_in(owner)
    assert client.get("/").status_code == 200
    for name in (SIGNED_IN_AT, SEEN_AT):
        session = client.session
        kept = session[SIGNED_IN_AT]
        session[name] = time.time() + YEARS_AHEAD.total_seconds()
        assert expiry_reason(session)
        session[SIGNED_IN_AT] = kept


def test_invitation__made_by_a_clock_ahead__is_expired(owner: User) -> None:
    invitation = Invitation(user=owner, email=owner.email)
    invitation.made_at = timezone.now() + YEARS_AHEAD
    assert invitation.is_expired
    invitation.made_at = timezone.now()
    assert not invitation.is_expired


def test_job__waiting_for_a_day_decades_from_now__is_pulled_forward(acme: Tenant) -> None:
    at = timezone.now() + YEARS_AHEAD
    defer_once("directory.sync", acme.pk, queue="directory", at=at, tenant_id="x", sync_id="y")
    defer_once("directory.sync", acme.pk, queue="directory", tenant_id="x", sync_id="y")
    job = ProcrastinateJob.objects.get(queueing_lock=f"directory.sync:{acme.pk}")
    assert job.scheduled_at is not None
    assert job.scheduled_at <= timezone.now()


def test_reauth__by_a_clock_ahead__does_not_count(owner: User) -> None:
    client = signed_in(owner)
    session = client.session
    request = get_request()
    request.user, request.session = owner, session
    assert is_recently_authenticated(request)
    session[SIGNED_IN_AT] = time.time() + YEARS_AHEAD.total_seconds()
    assert not is_recently_authenticated(request)


def test_wrong_passwords__in_a_moment_of_a_wrong_clock__lock_no_one_out(viewer: User) -> None:
    limit = Limit("person|victim@example.com", 5, timedelta(minutes=5))
    with wrong_clock():
        for _ in range(5):
            attempt = throttle.begin([limit])
            assert attempt is not None
            attempt.failed()
        assert throttle.begin([limit]) is None
    for _ in range(5):
        attempt = throttle.begin([limit])
        assert attempt is not None
        attempt.failed()
    assert throttle.begin([limit]) is None
    throttle.clear_old()
    assert SignInAttempt.objects.filter(at__gt=timezone.now() + HOUR).count() == 0


@pytest.mark.parametrize("page", ["account_login", "account_reauthenticate"])
def test_sign_in_pages__used_while_the_clock_is_wrong__leave_no_limit_behind(
    viewer: User, page: str
) -> None:
    """The limits of the library are kept in the cache, and are off."""
    client = signed_in(viewer)
    for _ in range(30):
        client.post(reverse(page), {"login": viewer.email, "password": "wrong"})
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM console_cache")
        assert cursor.fetchone() == (0,)


def test_refusals__counted_by_a_clock_ahead__are_summed_up(
    viewer: User, rf: RequestFactory, events_looked_at: list[str]
) -> None:
    RefusalCount.objects.create(
        source="ip:192.0.2.1",
        kind=Kind.ACCESS_REFUSED,
        minute=timezone.now() + YEARS_AHEAD,
        count=30,
        recorded=20,
        subjects=["/x/"],
        first_at=timezone.now(),
        last_at=timezone.now(),
    )
    assert sum_up_refusals() == 1
    assert not RefusalCount.objects.exists()


def test_worker__noted_alive_by_a_clock_ahead__is_still_missed(db: None) -> None:
    with wrong_clock():
        note_alive()
    assert is_missing(last_alive())
    note_alive()
    assert not is_missing(last_alive())


def test_unsent_form__kept_by_a_clock_ahead__is_erased(viewer: User) -> None:
    UnsentForm.objects.create(user=viewer, created_at=timezone.now() + YEARS_AHEAD, sealed=b"x")
    assert unsent.clear_expired() == 1


def test_connection__started_by_a_clock_ahead__is_ended(acme: Tenant, owner: User) -> None:
    PendingConnection.objects.create(
        tenant=acme, user=owner, stage="confirming", ends_at=timezone.now() + YEARS_AHEAD
    )
    assert oauth_flow.sweep() == 1


def test_export__of_a_clock_ahead__is_not_shown_for_ever(owner: User) -> None:
    Export.objects.create(
        user=owner, format=Format.CSV, up_to=1, heartbeat_at=timezone.now() + YEARS_AHEAD
    )
    assert shown(owner) is None
