"""An interrupted run of the fault tests leaves no process behind."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import psutil
import pytest

from tools.processes import ROOT

pytestmark = pytest.mark.processes
MARK = "TEST_RUN_MARK"


def marked(mark: str) -> list[psutil.Process]:
    """Every process, apart from zombies, that was started with this mark in its environment."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == mark:
                found.append(process)
    return found


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def test_interrupt__two_workers_with_consoles_running__nothing_is_left() -> None:
    mark = secrets.token_hex(8)
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-n", "2", "tests/faults/test_stalled_console.py"],
        cwd=ROOT,
        env={name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
        | {MARK: mark},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

    def has_console() -> bool:
        return any("gunicorn" in " ".join(process.cmdline()) for process in marked(mark))

    try:
        assert wait_until(has_console, 120), "no console was started"
        os.killpg(run.pid, signal.SIGINT)  # as Ctrl-C in a terminal does
        run.wait(60)
        assert wait_until(lambda: not marked(mark), 20), [one.cmdline() for one in marked(mark)]
    finally:
        for process in marked(mark):
            process.kill()
