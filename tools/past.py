"""A clock for making the demo's history, which shall be a week old on its first day.

Nothing in the console can set the time of a record, and this does not change that: it bends the
clock of the one process that calls it, before the demo's console has been started.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from unittest.mock import patch

from django.utils import timezone


class Clock:
    """What `django.utils.timezone.now` tells: runs on from where it was last set."""

    def __init__(self) -> None:
        self._behind = timedelta(0)
        self._never_before = datetime.min.replace(tzinfo=UTC)

    def now(self, tz: tzinfo | None = None) -> datetime:
        return datetime.now(tz) - self._behind

    def set(self, at: datetime) -> None:
        """Raises ValueError for a time before one it was set to, and for the future.

        A log whose times go back and forth is no history.
        """
        now = datetime.now(UTC)
        if not self._never_before <= at <= now:
            raise ValueError(f"The clock cannot go from {self._never_before} to {at}.")
        self._never_before, self._behind = at, now - at


@contextmanager
def bent_clock() -> Iterator[Clock]:
    """In this process, until the end of the block. PostgreSQL's own clock is as it was."""
    clock = Clock()

    class Bent(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return clock.now(tz)

    with patch.object(timezone, "datetime", Bent):
        yield clock
