"""Jobs that wait at most once."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued


def defer_once(
    task: str,
    about: UUID,
    *,
    queue: str,
    at: datetime | None = None,
    alone: bool = False,
    **arguments: str,
) -> None:
    """A job about something, at `at` if given. Nothing if one about it is waiting already.

    alone: it does not begin while another one about the same thing runs.
    """
    key = f"{task}:{about}"
    lock = key if alone else None
    job = app.configure_task(task, queue=queue, lock=lock, queueing_lock=key, schedule_at=at)
    try:
        with transaction.atomic():
            job.defer(**arguments)
    except AlreadyEnqueued:
        return
