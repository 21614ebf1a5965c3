"""The jobs, on the real queue with a real worker."""

from datetime import timedelta

import pytest
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from lofty_admin.audit.models import AuditEvent
from lofty_admin.directory import tasks
from lofty_admin.directory.models import Sync, SyncState
from lofty_admin.directory.sync import open_sync, start_sync
from lofty_admin.tenants.credentials.token_store import remove_connection
from lofty_admin.tenants.models import Tenant
from tests.support.directory import Connect
from tests.support.manage_process import start_manage


def waiting_jobs() -> list[ProcrastinateJob]:
    jobs = ProcrastinateJob.objects.filter(task_name="directory.sync", status="todo")
    return list(jobs.order_by("id"))


def work() -> None:
    """A worker that does what is due and ends."""
    worker = start_manage("procrastinate", "worker", "--one-shot", "--queues", "directory")
    said = worker.communicate(timeout=60)[0]
    assert worker.returncode == 0, said


def test_start_sync__twice__one_sync_and_one_job_with_ids_only(acme: Tenant) -> None:
    sync = start_sync(acme)
    assert start_sync(acme).pk == sync.pk
    (job,) = waiting_jobs()
    assert job.args == {"tenant_id": str(acme.pk), "sync_id": str(sync.pk)}


@pytest.mark.django_db(transaction=True)
def test_worker__job_waiting__names_are_read(acme: Tenant, connect: Connect) -> None:
    connect(members=60)
    sync = start_sync(acme)
    work()
    sync.refresh_from_db()
    assert (sync.state, sync.done) == (SyncState.DONE, 60)
    assert waiting_jobs() == []
    assert ProcrastinateJob.objects.get(queue_name="directory").status == "succeeded"


@pytest.mark.django_db(transaction=True)
def test_worker__calls_spent__next_job_waits_for_the_reset(acme: Tenant, connect: Connect) -> None:
    connect(members=60, rate_limit=5)
    sync = start_sync(acme)
    work()
    sync.refresh_from_db()
    assert sync.state == SyncState.WAITING
    (job,) = waiting_jobs()
    assert job.scheduled_at == sync.resume_at
    assert start_sync(acme).pk == sync.pk
    assert waiting_jobs() == [job]


def test_worker__job_comes_due__is_found_within_a_second() -> None:
    assert app.worker_defaults["fetch_job_polling_interval"] <= 1


def test_sync_directory__job_runs_twice__second_time_does_nothing(
    acme: Tenant, connect: Connect
) -> None:
    connect(members=5)
    sync = open_sync(acme)
    for _ in range(2):
        tasks.sync_directory(tenant_id=str(acme.pk), sync_id=str(sync.pk))
    assert AuditEvent.objects.filter(kind="directory.synced").count() == 1
    assert waiting_jobs() == []


def test_nightly__only_active_tenants_with_a_token(
    acme: Tenant, globex: Tenant, connect: Connect
) -> None:
    connect()
    archived = Tenant.objects.create(slug="old", name="Old", status=Tenant.Status.ARCHIVED)
    tasks.nightly(timestamp=0)
    assert [sync.tenant for sync in Sync.objects.all()] == [acme]
    assert Sync.objects.get().actor.name == "Nightly refresh of names"
    assert not Sync.objects.filter(tenant__in=[globex, archived]).exists()


def test_nightly__token_was_removed__left_alone(acme: Tenant, connect: Connect) -> None:
    connect()
    remove_connection(acme)
    tasks.nightly(timestamp=0)
    assert not Sync.objects.exists()


def test_recover__process_died__gets_a_new_job(acme: Tenant) -> None:
    sync = open_sync(acme)
    Sync.objects.update(state=SyncState.RUNNING)
    tasks.recover(timestamp=0)
    assert waiting_jobs() == []
    Sync.objects.update(heartbeat_at=timezone.now() - Sync.STALE_AFTER - timedelta(seconds=1))
    tasks.recover(timestamp=0)
    tasks.recover(timestamp=0)
    assert [job.args["sync_id"] for job in waiting_jobs()] == [str(sync.pk)]
