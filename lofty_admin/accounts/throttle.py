"""How many wrong passwords and codes are taken, counted over all processes.

Only failures count, never correct tries. A try that is being checked holds a place, so that
guesses sent at once cannot pass before the first of them has failed; when all places are held,
others wait a moment for them, and correct ones get in one after the other.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from lofty_admin.accounts.models import SignInAttempt

MAX_WAIT = 5.0  # seconds for a place
_POLL = 0.05
_FORGOTTEN_AFTER = timedelta(seconds=30)  # a process that was killed while it checked
KEPT_FOR = timedelta(hours=1)  # longer than any limit looks back


@dataclass(frozen=True)
class Limit:
    """At most `amount` failures within `period` for what `key` names."""

    key: str
    amount: int
    period: timedelta

    @property
    def digest(self) -> str:
        """What is stored: an address that somebody typed is no business of the database's."""
        return hashlib.sha256(self.key.encode("utf-8", "surrogatepass")).hexdigest()


class Attempt:
    """A try that is being checked. Say how it ended."""

    def __init__(self, rows: Sequence[SignInAttempt]) -> None:
        self._pks = [row.pk for row in rows]

    def failed(self) -> None:
        SignInAttempt.objects.filter(pk__in=self._pks).update(is_failed=True)

    def succeeded(self) -> None:
        """It counts no more. Earlier failures do: a guesser may know one password."""
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
    """Forget all failures of this key."""
    SignInAttempt.objects.filter(key=limit.digest).delete()


def clear_old() -> None:
    """Delete what no limit looks at any more."""
    SignInAttempt.objects.filter(at__lt=_now() - KEPT_FOR).delete()


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)


def _lock(limits: Sequence[Limit]) -> None:
    """Who counts and takes a place does so alone, over all processes, until the commit."""
    numbers = sorted(int(limit.digest[:15], 16) for limit in limits)
    with connection.cursor() as cursor:
        for number in numbers:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def _taken(limit: Limit) -> tuple[int, int]:
    """How many failed, and how many are being checked."""
    now = _now()
    rows = SignInAttempt.objects.filter(key=limit.digest)
    failed = rows.filter(is_failed=True, at__gt=now - limit.period).count()
    return failed, rows.filter(is_failed=False, at__gt=now - _FORGOTTEN_AFTER).count()
