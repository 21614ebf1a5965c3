"""`make demo`, as README promises it: started, used, stopped, started again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from tools.processes import ROOT


@contextmanager
def demo(var: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The running demo with its data under `var`, and what it wrote to demo.json."""
    report = var / "demo.json"
    report.unlink(missing_ok=True)
    ours = ("LOFTY_", "DATABASE_URL", "SECRET_KEY", "VAULT_", "AUDIT_", "FINGERPRINT_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.demo"],
        cwd=ROOT,
        env={**env, "CONSOLE_VAR": str(var), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_for(report.exists, process)
        yield process, json.loads(report.read_text())
    finally:
        process.terminate()  # not SIGKILL: it must stop its own processes
        process.communicate(timeout=60)


def wait_for(condition: Any, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end, "the demo does not get ready"
        time.sleep(0.1)


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310 - the demo's own loopback address
            return bool(answer.status == 200)
    except URLError:
        return False


def test_demo__started_stopped_and_started_again__keeps_its_data_and_leaves_nothing_running(
    tmp_path: Path,
) -> None:
    with demo(tmp_path) as (process, told):
        assert answers(f"{told['console_url']}/readyz")
        assert answers(told["sandbox_url"])
        assert {one["role"] for one in told["sign_ins"]} >= {"superuser", "manager", "viewer"}
        assert all(one["sandbox_token"] for one in told["tenants"])
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 3
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert not any(child.is_running() for child in children)
        assert not answers(f"{told['console_url']}/healthz")
    begun = time.monotonic()
    with demo(tmp_path) as (process, again):
        assert time.monotonic() - begun < 30
        assert again == told, "same addresses, same sign-ins"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
