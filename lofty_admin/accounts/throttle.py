"""Limit wrong passwords and codes, counted across all processes.

Only failures count, never correct attempts. An attempt that is being checked holds a slot, so that
guesses sent at once cannot pass before the first of them has failed; when all slots are held,
others wait briefly for them, and correct ones get in one after the other.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction
from django.db.models import Count, Q

from lofty_admin.accounts.models import SignInAttempt
from lofty_admin.core import clocks

MAX_WAIT = 5.0  # seconds to wait for a slot
_POLL = 0.05
_FORGOTTEN_AFTER = timedelta(seconds=30)  # for a process that was killed during a check
KEPT_FOR = timedelta(hours=1)  # longer than any limit's period


@dataclass(frozen=True)
class Limit:
    """At most `amount` failures within `period` for what `key` names."""

    key: str
    amount: int
    period: timedelta

    @property
    def digest(self) -> str:
        """The key as it is stored: the database must not hold addresses that visitors typed."""
        return hashlib.sha256(self.key.encode("utf-8", "surrogatepass")).hexdigest()


class Attempt:
    """An attempt that is being checked. Report how it ended."""

    def __init__(self, rows: Sequence[SignInAttempt]) -> None:
        self._pks = [row.pk for row in rows]

    def failed(self) -> None:
        SignInAttempt.objects.filter(pk__in=self._pks).update(is_failed=True)

    def succeeded(self) -> None:
        """Stop counting this attempt.

        Earlier failures still count: a guesser may know one password.
        """
        SignInAttempt.objects.filter(pk__in=self._pks).delete()


def begin(limits: Sequence[Limit]) -> Attempt | None:
    """Return the attempt if no limit is reached, or None after too many failures."""
    until = time.monotonic() + MAX_WAIT
    while True:
        with transaction.atomic():
            _lock(limits)
            taken = [_taken(limit) for limit in limits]
            if any(
                failed >= limit.amount for limit, (failed, _) in zip(limits, taken, strict=True)
            ):
                return None
            if all(sum(one) < limit.amount for limit, one in zip(limits, taken, strict=True)):
                rows = [SignInAttempt(key=limit.digest, at=_now()) for limit in limits]
                return Attempt(SignInAttempt.objects.bulk_create(rows))
        if time.monotonic() >= until:
            return None
        time.sleep(_POLL)


def forget(limit: Limit) -> None:
    """Delete all failures of this key."""
    SignInAttempt.objects.filter(key=limit.digest).delete()


def clear_old() -> None:
    """Delete attempts older than any limit's period, and those of a clock that was ahead."""
    SignInAttempt.objects.filter(clocks.happened_long_ago("at", _now(), KEPT_FOR)).delete()


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)


def _lock(limits: Sequence[Limit]) -> None:
    """Lock the limits until the commit, across all processes, to count and take a slot alone."""
    numbers = sorted(int(limit.digest[:15], 16) for limit in limits)
    with connection.cursor() as cursor:
        for number in numbers:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def _taken(limit: Limit) -> tuple[int, int]:
    """Return how many attempts have failed, and how many are being checked.

    A single query: between two, an attempt could fail and be counted by neither.
    """
    now = _now()
    # A failure dated by a clock that was ahead would count until that time comes.
    rows = SignInAttempt.objects.filter(key=limit.digest, at__lte=now + clocks.SKEW)
    counts = rows.aggregate(
        failed=Count("pk", filter=Q(is_failed=True, at__gt=now - limit.period)),
        checking=Count("pk", filter=Q(is_failed=False, at__gt=now - _FORGOTTEN_AFTER)),
    )
    return counts["failed"], counts["checking"]
