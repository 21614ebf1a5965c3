"""Report whether a worker is alive. Without one, no background work happens.

procrastinate writes each worker's heartbeat every ten seconds and deletes it when the worker stops;
a job stores every minute that jobs run, so that the time of the last run is known.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.http import HttpRequest
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateWorker

from lofty_admin.core import clocks
from lofty_admin.core.models import Pulse

MISSING_AFTER = timedelta(minutes=3)
_WORKER = "worker"


def note_alive() -> None:
    """Store that a job runs now."""
    Pulse.objects.update_or_create(name=_WORKER, defaults={"at": timezone.now()})


def last_alive() -> datetime | None:
    """Return when a worker was last alive; None if there never was one. One query."""
    beats = ProcrastinateWorker.objects.order_by().values_list("last_heartbeat")
    # A time written by a clock that was ahead would hide a missing worker until it comes.
    credible = timezone.now() + clocks.SKEW
    noted = Pulse.objects.filter(name=_WORKER, at__lte=credible).values_list("at")
    return max((at for (at,) in beats.union(noted, all=True)), default=None)


def is_missing(last: datetime | None) -> bool:
    return last is None or timezone.now() - last > MISSING_AFTER


def worker_status() -> dict[str, str | None]:
    """Return the worker's status for /readyz: `status` is "alive" or "missing"."""
    last = last_alive()
    status = "missing" if is_missing(last) else "alive"
    return {"status": status, "last_alive": last.isoformat(timespec="seconds") if last else None}


def worker_warning(request: HttpRequest) -> dict[str, Callable[[], dict[str, datetime | None]]]:
    """Add `no_worker` to the template context.

    It is {"since": ...} when no worker is alive, else empty. Queried only by templates that use it.
    """

    def no_worker() -> dict[str, datetime | None]:
        last = last_alive()
        return {"since": last} if is_missing(last) else {}

    return {"no_worker": no_worker}
