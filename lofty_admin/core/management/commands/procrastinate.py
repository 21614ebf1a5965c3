"""procrastinate's command; its worker outlives an unavailable database.

By itself a worker ends, with exit code 0, when one of its database connections is cut. Here it
starts again in the same process, also while connections are refused, until it is asked to stop.
"""

import asyncio
import logging
import signal
import time
from contextlib import suppress
from types import FrameType
from typing import Any

from procrastinate import App, cli
from procrastinate.contrib.django.management.commands import procrastinate
from procrastinate.worker import Worker

from lofty_admin.core.queue import put_back_stalled

logger = logging.getLogger(__name__)
LONGEST_PAUSE = 10.0  # seconds
RAN_WELL = 60.0  # seconds after which the next failure is taken for a new one


class Command(procrastinate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        if options.get("func") is not cli.worker_ or not options.get("wait", True):
            super().handle(*args, **options)
            return
        keeper = WorkerKeeper()
        keeper.run(lambda: super(Command, self).handle(*args, **{**options, "func": keeper.work}))


class WorkerKeeper:
    """Runs a worker again and again until SIGTERM or SIGINT."""

    def __init__(self) -> None:
        self._is_stopped = False
        self._dead_worker: int | None = None

    def run(self, attempt: Any) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        failures = 0
        while not self.is_stopped():
            started = time.monotonic()
            with suppress(KeyboardInterrupt):
                reason = _failure_of(attempt)
                if self.is_stopped():  # a signal came meanwhile
                    return
                failures = 1 if time.monotonic() - started > RAN_WELL else failures + 1
                pause = min(LONGEST_PAUSE, 0.5 * 2**failures)
                logger.error("The worker ended (%s). It starts again in %.0f s.", reason, pause)
                time.sleep(pause)

    def is_stopped(self) -> bool:
        return self._is_stopped

    async def work(self, app: App, **options: Any) -> None:
        """One worker, until it fails or is asked to stop."""
        if self._dead_worker is not None:
            await app.job_manager.unregister_worker(self._dead_worker)
            self._dead_worker = None
            await put_back_stalled(app)
        app.perform_import_paths()  # type: ignore[no-untyped-call]
        given = {name: value for name, value in options.items() if value is not None}
        worker = app._worker(**given, install_signal_handlers=False)
        try:
            await self._until_stopped(worker)
        finally:
            self._dead_worker = worker.worker_id

    async def _until_stopped(self, worker: Worker) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop_worker, worker)
        try:
            await worker.run()  # type: ignore[no-untyped-call]
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
                signal.signal(number, self._stop)

    def _stop_worker(self, worker: Worker) -> None:
        self._is_stopped = True
        worker.stop()  # type: ignore[no-untyped-call]

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """While no worker runs: it may be waiting for the database, or for its next try."""
        self._is_stopped = True
        raise KeyboardInterrupt


def _failure_of(attempt: Any) -> str:
    """Why the attempt ended. procrastinate prints the details of what it raised."""
    try:
        attempt()
    except SystemExit:
        return "it could not continue"
    except Exception:
        logger.exception("The worker failed")
        return "it failed"
    return "the database closed its connections"
