"""`make run` and `make demo` restart a process that ends."""

import sys
import threading
import time
from pathlib import Path

import pytest

from tools.processes import Child, Processes


def lines(log: Path) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_a_process_that_ends__is_started_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "worker.log"
    child = Child("worker", (sys.executable, "-c", "print('started')"), {}, log)
    child.start()
    end = time.monotonic() + 20
    while lines(log) < 3:
        assert time.monotonic() < end
        child.keep_running()
        time.sleep(0.05)
    told = capsys.readouterr().out
    assert "worker ended by itself (code 0)" in told
    assert "in 1 s" in told
    assert "in 2 s" in told  # longer each time
    child.process.wait(10)


def test_others__continue_meanwhile(tmp_path: Path) -> None:
    processes = Processes()
    sleeping = (sys.executable, "-c", "import time; time.sleep(60)")
    processes.start("console", *sleeping, env={}, log=tmp_path / "console.log")
    processes.start("worker", sys.executable, "-c", "1", env={}, log=tmp_path / "worker.log")
    console = processes._children["console"].process.pid
    threading.Thread(target=processes.keep_running, daemon=True).start()
    time.sleep(3)
    assert processes.alive("console")
    assert processes._children["console"].process.pid == console
    processes._children["worker"].again_at = float("inf")  # the thread above leaves it alone
    processes.stop()
