"""Calls per minute, counted per credential in a fixed window, as X-RateLimit headers say."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

WINDOW = 60.0
"""seconds"""


@dataclass(frozen=True)
class Budget:
    limit: int
    remaining: int
    reset_at: int
    """epoch seconds"""
    over: bool = False

    @property
    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset_at),
        }


class Limiter:
    """Lives in memory: a restart begins new windows."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[float, int]] = {}

    def spend(self, key: str, limit: int) -> Budget:
        """Count one call; `over` when the window had none left (which is then not counted)."""
        with self._lock:
            started, used = self._window(key)
            over = used >= limit
            self._windows[key] = (started, used if over else used + 1)
            return self._budget(key, limit, over)

    def look(self, key: str, limit: int) -> Budget:
        with self._lock:
            return self._budget(key, limit, over=False)

    def set_used(self, key: str, used: int) -> None:
        with self._lock:
            self._windows[key] = (self._clock(), used)

    def clear(self) -> None:
        with self._lock:
            self._windows.clear()

    def _window(self, key: str) -> tuple[float, int]:
        now = self._clock()
        started, used = self._windows.get(key, (now, 0))
        return (started, used) if now < started + WINDOW else (now, 0)

    def _budget(self, key: str, limit: int, over: bool) -> Budget:
        started, used = self._window(key)
        return Budget(limit, max(0, limit - used), math.ceil(started + WINDOW), over)
