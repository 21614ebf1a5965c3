"""Locks in the database that stop the console between two of its statements."""

from threading import Thread
from types import TracebackType
from typing import Self

from tests.support.deployment import Deployment, wait_for

HEAD = "SELECT 1 FROM audit_audithead FOR UPDATE"
"""whoever wants to record something has to wait"""


class Lock:
    """`statement` takes it. Held until the end of the `with` block, or `release`."""

    def __init__(self, deployment: Deployment, statement: str) -> None:
        self._deployment = deployment
        self._connection = deployment.connect()
        self._connection.execute("BEGIN")
        self._pid = self._connection.info.backend_pid
        self._thread = Thread(target=self._connection.execute, args=[statement.encode()])

    def __enter__(self) -> Self:
        self.ask()
        self.wait_until_held()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def ask(self) -> None:
        """Ask for the lock and queue for it."""
        self._thread.start()

    def wait_until_queued(self) -> None:
        waiting = "SELECT 1 FROM pg_locks WHERE pid = %s AND NOT granted"
        wait_for("the lock to be asked for", lambda: self._deployment.query(waiting, self._pid))

    def wait_until_held(self) -> None:
        self._thread.join(10)
        assert not self._thread.is_alive(), "the lock was not given"

    def wait_until_it_blocks(self) -> None:
        stopped = "SELECT 1 FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
        wait_for("the lock to block", lambda: self._deployment.query(stopped, self._pid))

    def release(self) -> None:
        self._connection.close()
