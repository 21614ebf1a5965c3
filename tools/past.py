"""Set the clock back, so that the demo's history is a week old on its first day.

Nothing in the console can set the time of a record, and this does not change that: it changes the
clock of the process that calls it only, before the demo's console has been started.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from unittest.mock import patch

from django.utils import timezone


class Clock:
    """A replacement for `django.utils.timezone.now`: runs on from the time it was last set to."""

    def __init__(self) -> None:
        self._behind = timedelta(0)
        self._never_before = datetime.min.replace(tzinfo=UTC)

    def now(self, tz: tzinfo | None = None) -> datetime:
        return datetime.now(tz) - self._behind

    def set(self, at: datetime) -> None:
        """Set the time.

        Raises ValueError for a time before one it was set to, and for the future: the times of a
        log must not go backwards.
        """
        now = datetime.now(UTC)
        if not self._never_before <= at <= now:
            raise ValueError(f"The clock cannot go from {self._never_before} to {at}.")
        self._never_before, self._behind = at, now - at


@contextmanager
def bent_clock() -> Iterator[Clock]:
    """Use the changed clock in this process, until the end of the block.

    PostgreSQL's own clock is unchanged.
    """
    clock = Clock()

    class Bent(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return clock.now(tz)

    with patch.object(timezone, "datetime", Bent):
        yield clock
