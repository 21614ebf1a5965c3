"""Queue a job at most once, and put back the jobs of a dead worker."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from procrastinate import App
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.exceptions import AlreadyEnqueued, UniqueViolation
from procrastinate.jobs import Status

SECONDS_UNTIL_STALLED = 60
LONGEST_DELAY = timedelta(days=3)  # no job is deferred by more than this


def defer_once(
    task: str,
    about: UUID,
    *,
    queue: str,
    at: datetime | None = None,
    alone: bool = False,
    **arguments: str,
) -> None:
    """Defer a job about one record, at `at` if given, unless such a job is waiting already.

    alone: don't start it while another job about the same record runs.
    """
    key = f"{task}:{about}"
    lock = key if alone else None
    job = app.configure_task(task, queue=queue, lock=lock, queueing_lock=key, schedule_at=at)
    try:
        with transaction.atomic():
            job.defer(**arguments)
    except AlreadyEnqueued:
        _pull_forward(key, at or timezone.now())


def _pull_forward(key: str, at: datetime) -> None:
    """Move the waiting job to `at` if it waits for a day that no correct clock can have written."""
    waiting = ProcrastinateJob.objects.filter(queueing_lock=key, status="todo")
    waiting.filter(scheduled_at__gt=at + LONGEST_DELAY).update(scheduled_at=at)


async def put_back_stalled(app: App) -> None:
    """Put jobs whose worker died (no heartbeat) back into the queue; every job may run twice.

    If the next job about the same record waits already, the dead one would only delay it, so it is
    ended.
    """
    stalled = await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=SECONDS_UNTIL_STALLED)
    for job in stalled:
        try:
            await app.job_manager.retry_job(job)
        except UniqueViolation:  # of the queueing lock
            await app.job_manager.finish_job(job, Status.FAILED, delete_job=False)
