"""Jobs that one process has at a time, and that another one continues when the first one dies.

QUEUED -> RUNNING -> an end, which each kind of job names
            |  ^
            v  |  until `resume_at`
          WAITING
"""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Self
from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.utils import timezone

from lofty_admin.core import clocks

QUEUED, RUNNING, WAITING = "queued", "running", "waiting"
OPEN = (QUEUED, RUNNING, WAITING)


class LeaseLost(Exception):
    """Another process has this job now, or it has ended: this process must write nothing more."""


class LeasedJob(models.Model):
    """A job and its lease. The columns here say which process has it, and since when it is silent.

    runner: a new id for each claim; `save_progress` requires it. heartbeat_at: the last write of
    that process, which counts as dead after `STALE_AFTER`. resume_at: until when the job waits, for
    at most `MAX_PAUSE`. finished_at: None while the job is open.
    """

    STALE_AFTER: ClassVar[timedelta] = timedelta(minutes=3)  # longer than any single call may take
    MAX_PAUSE: ClassVar[timedelta] = timedelta(minutes=5)

    state = models.CharField(max_length=10, default=QUEUED)
    runner = models.UUIDField(null=True)
    heartbeat_at = models.DateTimeField(default=timezone.now)
    resume_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def is_alive(self) -> bool:
        """Return whether a process wrote to it recently."""
        return clocks.is_recent(self.heartbeat_at, timezone.now(), self.STALE_AFTER)

    @classmethod
    def claim(cls, pk: Any, **changes: Any) -> Self | None:
        """Take the job for this process, and return it; None if it ended or another one has it."""
        now = timezone.now()
        is_dead = clocks.happened_long_ago("heartbeat_at", now, cls.STALE_AFTER)
        free = Q(state__in=[QUEUED, WAITING]) | Q(is_dead, state=RUNNING)
        claim = {"state": RUNNING, "runner": uuid4(), "heartbeat_at": now, "resume_at": None}
        cls._default_manager.filter(free, pk=pk).update(**claim, **changes)
        return cls._default_manager.filter(pk=pk, runner=claim["runner"]).first()

    @classmethod
    def stalled(cls) -> "models.QuerySet[Self]":
        """Return the open jobs that no process seems to work on any more."""
        now, longest = timezone.now(), cls.MAX_PAUSE + cls.STALE_AFTER
        is_due = Q(resume_at=None) | clocks.is_over("resume_at", now - cls.STALE_AFTER, longest)
        is_dead = clocks.happened_long_ago("heartbeat_at", now, cls.STALE_AFTER)
        return cls._default_manager.filter(is_dead, is_due, state__in=OPEN)

    def save_progress(self, **changes: Any) -> None:
        """Write the changes and a heartbeat. Raises LeaseLost if another process has the job."""
        changes["heartbeat_at"] = timezone.now()
        ours = type(self)._default_manager.filter(pk=self.pk, runner=self.runner, state=RUNNING)
        if not ours.update(**changes):
            raise LeaseLost
        for name, value in changes.items():
            setattr(self, name, value)

    def pause(self, until: datetime, **changes: Any) -> None:
        """Let go of the job until then. Raises LeaseLost."""
        self.save_progress(**{"state": WAITING, "resume_at": until, **changes})
