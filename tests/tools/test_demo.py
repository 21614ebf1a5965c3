"""`make demo` as README promises it: start, use, stop, start again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import psycopg
import pytest

from lofty_admin.audit.kinds import Outcome
from tools.processes import ROOT

pytestmark = pytest.mark.processes


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
    end = time.monotonic() + 240
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


def env_of_the_console(demo: int) -> dict[str, str]:
    children = psutil.Process(demo).children(recursive=True)
    return next(
        process.environ() for process in children if "gunicorn" in " ".join(process.cmdline())
    )


def look_at_the_history(env: dict[str, str]) -> None:
    """A week with every outcome in it, made by the services, whole in the chain, on every page."""
    assert verified_at_the_end(env) == 0
    run = [sys.executable, "manage.py", "audit_verify"]
    verified = subprocess.run(run, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert verified.returncode == 2, verified.stdout + verified.stderr  # 2: no anchor was given
    with psycopg.connect(env["DATABASE_URL"]) as connection:
        rows = connection.execute("SELECT kind, outcome, at FROM audit_auditevent ORDER BY seq")
        events = rows.fetchall()
        open_ones = connection.execute(
            "SELECT needs_person FROM agentsettings_operation WHERE settled_at IS NULL"
        ).fetchall()
    times = [at.astimezone(UTC) for _, _, at in events]
    moment = timedelta(seconds=10)  # the worker's jobs write at the same time
    assert all(b - a > -moment for a, b in pairwise(times)), "it jumps back in time"
    assert times[-1].date() - times[0].date() >= timedelta(days=7)  # at whatever hour it is made
    assert times[-1] <= datetime.now(UTC)
    assert {outcome for _, outcome, _ in events} >= set(Outcome.values)
    assert {kind for kind, _, _ in events} >= OF_A_WEEK
    assert open_ones == [(True,)], "one change waits for a person to look"


def verified_at_the_end(env: dict[str, str]) -> int:
    """How the demo's own verification ended; 0: as written, and not cut."""
    with psycopg.connect(env["DATABASE_URL"]) as connection:
        rows = connection.execute(
            "SELECT body FROM audit_auditevent WHERE kind = 'audit.verified' ORDER BY seq LIMIT 1"
        ).fetchone()
    assert rows, "the page about the history would say that it was never verified"
    return int(json.loads(rows[0])["detail"]["exit"])


OF_A_WEEK = {
    *("settings.seen_changed", "credential.failed", "credential.recovered", "credential.replaced"),
    *("invitation.sent", "person.deactivated", "member.removed", "audit.exported"),
    *("session.sign_in_failed", "access.refused", "directory.name_given"),
}


def test_demo__started_stopped_and_started_again__keeps_its_data_and_leaves_nothing_running(
    tmp_path: Path,
) -> None:
    with demo(tmp_path) as (process, told):
        assert answers(f"{told['console_url']}/readyz")
        assert answers(told["sandbox_url"])
        assert {sign_in["role"] for sign_in in told["sign_ins"]} >= {
            "superuser",
            "manager",
            "viewer",
        }
        assert all(tenant["sandbox_token"] for tenant in told["tenants"])
        console = env_of_the_console(process.pid)
        assert "AUDIT_SIGNING_KEY" not in console
        look_at_the_history(console)
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
