"""Requests that wait until a user releases them (the fault kind `hold`)."""

import itertools
import threading
from datetime import UTC, datetime

from tools.practice_lofty.messages import Call


class Holds:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._held: dict[int, tuple[dict[str, object], threading.Event]] = {}

    def hold(self, call: Call, seconds: float, when: str) -> None:
        """Block this thread until released, or for `seconds`."""
        go_on = threading.Event()
        with self._lock:
            number = next(self._numbers)
            self._held[number] = (_describe(number, call, when), go_on)
        go_on.wait(seconds)
        with self._lock:
            del self._held[number]

    def listed(self) -> list[dict[str, object]]:
        with self._lock:
            return [description for description, _ in self._held.values()]

    def release(self, slug: str | None = None) -> int:
        """Let the held requests of one customer, or of all, go on; how many they were."""
        with self._lock:
            freed = [
                event
                for description, event in self._held.values()
                if slug in (None, description["slug"]) and not event.is_set()
            ]
        for event in freed:
            event.set()
        return len(freed)


def _describe(number: int, call: Call, when: str) -> dict[str, object]:
    return {
        "id": number,
        "slug": call.slug,
        "method": call.method,
        "path": call.path,
        "when": when,
        "since": datetime.now(UTC).isoformat(),
    }
