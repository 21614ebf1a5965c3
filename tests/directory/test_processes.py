"""Several processes sync at once, and processes are killed."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.utils import timezone

from lofty_admin.directory.models import Entry, EntryKind, Sync, SyncState
from lofty_admin.directory.sync import advance, open_sync
from lofty_admin.tenants.models import Tenant
from tests.support.directory import Connect, calls_made, wait_for
from tests.support.manage_process import start_manage
from tests.support.practice_customer import PracticeCustomer

pytestmark = pytest.mark.django_db(transaction=True)


def test_sync__killed_in_the_middle__next_process_continues_at_the_same_page(
    acme: Tenant, connect: Connect
) -> None:
    customer = connect(members=200)
    customer.misbehave("delay", on="GET", times=None, path="/v1.0/members", seconds=0.15)
    process = start_manage("sync_directory", "--tenant", "acme")
    wait_for(lambda: Sync.objects.filter(position__gte=50).exists())
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    left = Sync.objects.get()
    assert left.state == SyncState.RUNNING
    assert 50 <= left.position < 200
    entries = Entry.objects.filter(kind=EntryKind.AGENT)
    assert entries.count() == left.position

    assert advance(left.pk) is None  # it may still be alive
    assert Sync.objects.get().state == SyncState.RUNNING
    Sync.objects.update(heartbeat_at=timezone.now() - Sync.STALE_AFTER)
    customer.behave()
    wait_for(lambda: _none_on_its_way(customer))
    before = calls_made(customer)
    advance(left.pk)
    assert Sync.objects.get().state == SyncState.DONE
    assert calls_made(customer) - before == (200 - left.position) // 25
    assert entries.filter(gone_since=None).count() == 200


def _none_on_its_way(customer: PracticeCustomer) -> bool:
    """No call of the killed process is still being counted."""
    before = calls_made(customer)
    time.sleep(0.3)
    return calls_made(customer) == before


def test_open_sync__eight_at_once__all_get_the_same(acme: Tenant) -> None:
    def opened() -> object:
        try:
            return open_sync(acme).pk
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        syncs = {future.result() for future in [pool.submit(opened) for _ in range(8)]}
    assert len(syncs) == 1
    assert Sync.objects.count() == 1


def test_sync__two_processes_at_once__one_reads_and_both_end_well(
    acme: Tenant, connect: Connect
) -> None:
    customer = connect(members=400)
    customer.misbehave("delay", on="GET", times=None, path="/v1.0/members", seconds=0.2)
    both = [start_manage("sync_directory", "--tenant", "acme") for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert Sync.objects.count() == 1
    assert calls_made(customer) == 5 + 16
