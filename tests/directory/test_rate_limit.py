"""A sync stays within the call limit and leaves the calls that a save needs."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from lofty_admin.directory.eta import in_words, time_left
from lofty_admin.directory.models import Entry, EntryKind, SyncState
from lofty_admin.directory.sync import advance, open_sync
from lofty_admin.tenants.credentials.api_client import LAST_MOMENTS, RESERVE, reserve_calls
from lofty_admin.tenants.models import Connection, RateLimit, Tenant
from tests.support.directory import Connect, calls_made
from tests.support.practice_customer import PracticeCustomer
from tools.practice_lofty import limits


def next_minute(customer: PracticeCustomer) -> None:
    """What a minute does, without waiting for it."""
    customer.change(rate_used=0)
    RateLimit.objects.update(resets_at=timezone.now() - timedelta(seconds=1))


def last_moments() -> datetime:
    ends = Connection.objects.get().rate_limit.resets_at
    assert ends is not None
    return ends - LAST_MOMENTS


def test_sync__ten_calls_a_minute__waits_for_the_next_minute_and_leaves_a_save_its_calls(
    acme: Tenant, connect: Connect
) -> None:
    customer = connect(members=500, rate_limit=10)
    sync = open_sync(acme)
    minutes, made = 0, 0
    while (until := advance(sync.pk)) is not None:
        sync.refresh_from_db()
        assert sync.state == SyncState.WAITING
        assert sync.resume_at == until
        assert until == last_moments()
        assert calls_made(customer) == 10 - RESERVE
        expected = ("2 minutes", "2 minutes", "a minute", "a minute")[minutes]
        assert in_words(time_left(sync)) == f"about {expected} left"
        minutes, made = minutes + 1, made + calls_made(customer)
        next_minute(customer)
    sync.refresh_from_db()
    assert (sync.state, sync.done) == (SyncState.DONE, 500)
    assert Entry.objects.filter(tenant=acme, kind=EntryKind.AGENT).count() == 500
    assert made + calls_made(customer) == 5 + 20
    assert minutes == 4


def test_sync__calls_spent_elsewhere__waits_without_a_single_call(
    acme: Tenant, connect: Connect
) -> None:
    customer = connect(rate_limit=10)
    until = timezone.now() + timedelta(seconds=40)
    RateLimit.objects.update(limit=10, remaining=RESERVE, resets_at=until)
    sync = open_sync(acme)
    assert advance(sync.pk) == until - LAST_MOMENTS
    assert calls_made(customer) == 0


def test_sync__last_moments_of_the_minute__uses_what_would_be_lost(
    acme: Tenant, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "WINDOW", LAST_MOMENTS.total_seconds() - 1)
    customer = connect(members=30, rate_limit=10)
    customer.change(rate_used=8)
    assert advance(open_sync(acme).pk) == Connection.objects.get().rate_limit.resets_at
    assert calls_made(customer) == 10


def test_sync__last_moments_while_a_save_needs_its_calls__leaves_them(
    acme: Tenant, connect: Connect
) -> None:
    customer = connect(members=30, rate_limit=10)
    until = timezone.now() + timedelta(seconds=4)
    RateLimit.objects.update(limit=10, remaining=4, resets_at=until)
    reserve_calls(acme, 3)
    assert advance(open_sync(acme).pk) == until
    assert calls_made(customer) == 0


def test_sync__lofty_says_too_many__waits_until_lofty_allows_and_continues(
    acme: Tenant, connect: Connect
) -> None:
    customer = connect(members=20, rate_limit=10)
    customer.change(rate_used=10)
    sync = open_sync(acme)
    until = advance(sync.pk)
    assert until is not None
    assert timedelta(seconds=30) < until - timezone.now() <= timedelta(seconds=62)
    sync.refresh_from_db()
    assert (sync.state, sync.message) == (SyncState.WAITING, "")
    next_minute(customer)
    assert advance(sync.pk) is None
    sync.refresh_from_db()
    assert (sync.state, sync.done) == (SyncState.DONE, 20)


def test_sync__limit_below_what_a_save_needs__still_makes_progress(
    acme: Tenant, connect: Connect
) -> None:
    customer = connect(members=3, rate_limit=2)
    sync = open_sync(acme)
    for _ in range(10):
        if advance(sync.pk) is None:
            break
        next_minute(customer)
    sync.refresh_from_db()
    assert sync.state == SyncState.DONE


def test_sync__lofty_fails_and_few_calls_are_left__tries_again_without_those_of_a_save(
    acme: Tenant, connect: Connect
) -> None:
    customer = connect(members=30, rate_limit=10)
    customer.misbehave("status", on="GET", path="/v1.0/members", times=None, code=500)
    sync = open_sync(acme)
    until = advance(sync.pk)
    sync.refresh_from_db()
    assert (sync.state, sync.message) == (SyncState.WAITING, "")
    assert calls_made(customer) == 10 - RESERVE  # me, quota, org, ponds, pipelines, a try
    assert until == last_moments()
    assert time_left(sync) is None  # not one page of agents was seen


def test_sync__large_pages_refused_and_few_calls__asks_too_much_only_once(
    acme: Tenant, connect: Connect
) -> None:
    customer = connect(members=100, rate_limit=4, options={"oversize": "refuse"})
    sync = open_sync(acme)
    made = 0
    while advance(sync.pk) is not None:
        made += calls_made(customer)
        next_minute(customer)
    sync.refresh_from_db()
    assert (sync.state, sync.done) == (SyncState.DONE, 100)
    assert made + calls_made(customer) == 5 + 1 + 4
