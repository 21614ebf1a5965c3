"""Set the clock wrong for a moment. PostgreSQL's own clock stays right."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from typing import Any
from unittest.mock import patch

from django.utils import timezone

YEARS_AHEAD = timedelta(days=365 * 40)


@contextmanager
def wrong_clock(by: timedelta = YEARS_AHEAD) -> Iterator[None]:
    """Let this process believe, until the end of the block, that it is `by` later."""
    right = time.time

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz) + by

    with (
        patch.object(timezone, "datetime", Wrong),
        patch.object(time, "time", lambda: right() + by.total_seconds()),
    ):
        yield
