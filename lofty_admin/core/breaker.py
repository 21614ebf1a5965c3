"""A circuit breaker: after many failures in a row, calls stop for a while.

Each key (a host, a tenant) has a circuit of its own. An open circuit refuses every call. After
`pause` seconds it lets a single reading call through: if that succeeds all calls go on, if it
fails the pause starts again. State is kept per process.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

# A probe whose process lost its thread must not keep the circuit open forever.
LONGEST_PROBE = 60.0


class CircuitOpenError(Exception):
    """Calls for this key have stopped. Nothing was called.

    seconds: how long to wait before another attempt makes sense.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__("too many calls failed in a row")


@dataclass
class _Circuit:
    failures: int = 0
    failed_at: float = 0.0
    probe_until: float = 0.0


class Breaker:
    """Open a key's circuit after `limit` failures in a row, and keep it open for `pause` seconds.

    A circuit without a new failure for `forget` seconds is closed again.
    """

    def __init__(
        self,
        *,
        limit: int = 20,
        pause: float = 30.0,
        forget: float = 600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit, self._pause, self._forget, self._clock = limit, pause, forget, clock
        self._lock = threading.Lock()
        self._circuits: dict[str, _Circuit] = {}

    def admit(self, *keys: str, is_read: bool) -> None:
        """Raise CircuitOpenError unless the circuits of all keys let this call through."""
        with self._lock:
            now = self._clock()
            circuits = [self._circuits[key] for key in keys if self._is_open(key, now)]
            for circuit in circuits:
                again_at = max(circuit.failed_at + self._pause, circuit.probe_until)
                if now < again_at or not is_read:
                    raise CircuitOpenError(max(again_at - now, 1.0))
            for circuit in circuits:
                circuit.probe_until = now + LONGEST_PROBE

    def note(self, *keys: str, ok: bool) -> None:
        """Record whether an admitted call succeeded."""
        with self._lock:
            now = self._clock()
            for key in keys:
                if ok:
                    self._circuits.pop(key, None)
                else:
                    self._note_failure(key, now)

    def withdraw(self, *keys: str) -> None:
        """Give up an admitted call that was never made, so that another call may be the probe."""
        with self._lock:
            for key in keys:
                if circuit := self._circuits.get(key):
                    circuit.probe_until = 0.0

    def clear(self) -> None:
        """Clear all recorded failures."""
        with self._lock:
            self._circuits.clear()

    def _note_failure(self, key: str, now: float) -> None:
        circuit = self._circuits.setdefault(key, _Circuit())
        if now - circuit.failed_at > self._forget:
            circuit.failures = 0
        circuit.failures += 1
        circuit.failed_at, circuit.probe_until = now, 0.0

    def _is_open(self, key: str, now: float) -> bool:
        circuit = self._circuits.get(key)
        if circuit is None or circuit.failures < self._limit:
            return False
        if now - circuit.failed_at > self._forget:
            del self._circuits[key]
            return False
        return True
