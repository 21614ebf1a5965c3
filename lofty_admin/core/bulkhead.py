"""A bulkhead: waiting for another system may use only part of a process's threads.

    bulkhead = Bulkhead(8, reserved=2, per_key=3)
    with bulkhead.slot("tenant:7", "user:3"):
        ...a call that may take long...

Without it, one slow system takes every thread and the whole console stops answering. Nothing ever
queues for a slot: a page that gets none can say so at once.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class NoFreeSlotError(Exception):
    """Every slot this caller may use is taken. Nothing was called."""


class Bulkhead:
    """Limit the calls in progress to `total` slots, shared by the threads of one process.

    reserved: slots that only callers with priority may take. per_key: slots that one key, such as a
    tenant or a user, may hold at a time. Callers marked slow share at most half of the slots that
    are not reserved, so that many slow systems together leave room for those that answer.
    """

    def __init__(self, total: int, *, reserved: int = 0, per_key: int | None = None) -> None:
        self.total = total
        self._ordinary = max(1, total - reserved)
        self._for_slow = max(1, self._ordinary // 2)
        self.per_key = per_key or total
        self._lock = threading.Lock()
        self._taken = 0
        self._slow = 0
        self._held: Counter[str] = Counter()

    @contextmanager
    def slot(self, *keys: str, priority: bool = False, slow: bool = False) -> Iterator[None]:
        """Hold one slot, or raise NoFreeSlotError at once when there is none for these keys."""
        slow = slow and not priority
        self._take(keys, priority=priority, slow=slow)
        try:
            yield
        finally:
            self._give_back(keys, slow=slow)

    @property
    def taken(self) -> int:
        """Return the number of slots in use now."""
        return self._taken

    def _take(self, keys: tuple[str, ...], *, priority: bool, slow: bool) -> None:
        with self._lock:
            limit = self.total if priority else self._ordinary
            if (
                self._taken >= limit
                or (slow and self._slow >= self._for_slow)
                or any(self._held[key] >= self.per_key for key in keys)
            ):
                raise NoFreeSlotError
            self._taken += 1
            self._slow += slow
            self._held.update(keys)

    def _give_back(self, keys: tuple[str, ...], *, slow: bool) -> None:
        with self._lock:
            self._taken -= 1
            self._slow -= slow
            self._held.subtract(keys)
            for key in keys:
                if self._held[key] <= 0:
                    del self._held[key]
