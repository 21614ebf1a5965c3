"""Start several processes together, and stop them together."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NoReturn
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parent.parent
RAN_WELL = 60.0  # seconds after which the pause before a restart is short
LONGEST_PAUSE = 60.0
GRACE = 130.0  # seconds: a save in flight may take that long


class Stopped(Exception):
    """A user or the system asked to stop (Ctrl-C, SIGTERM)."""


@dataclass
class Child:
    """A process, its command, and when to restart it if it ended."""

    name: str
    command: tuple[str, ...]
    env: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] = field(init=False)
    started: float = 0.0
    pause: float = 0.5
    again_at: float | None = None

    def start(self) -> None:
        """Start it as the head of its own process group, so that Ctrl-C reaches only us."""
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.env,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )
        self.started, self.again_at = time.monotonic(), None

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def keep_running(self) -> None:
        """Restart it if it ended, after a pause that doubles while it keeps ending soon."""
        now = time.monotonic()
        if self.is_running:
            return
        if self.again_at is None:
            ran_well = now - self.started > RAN_WELL
            self.pause = 1.0 if ran_well else min(2 * self.pause, LONGEST_PAUSE)
            self.again_at = now + self.pause
            ended = f"{self.name} ended by itself (code {self.process.returncode})"
            print(f"{ended}: see {self.log}. It starts again in {self.pause:.0f} s.", flush=True)
        elif now >= self.again_at:
            self.start()


class Processes:
    """Named child processes."""

    def __init__(self) -> None:
        self._children: dict[str, Child] = {}

    def start(self, name: str, *command: str, env: Mapping[str, str], log: Path) -> None:
        child = self._children[name] = Child(name, command, dict(env), log)
        child.start()

    def keep_running(self) -> NoReturn:
        """Restart every process that ends, until Stopped is raised."""
        while True:
            for child in self._children.values():
                child.keep_running()
            time.sleep(0.3)

    def alive(self, name: str) -> bool:
        return self._children[name].is_running

    def stop(self) -> None:
        """Stop the processes in reverse order of starting, gently first."""
        for child in reversed(self._children.values()):
            if child.is_running:
                child.process.send_signal(signal.SIGTERM)
            try:
                child.process.wait(GRACE)
            except subprocess.TimeoutExpired:
                os.killpg(child.process.pid, signal.SIGKILL)
        self._children.clear()


def stop_on_signals() -> None:
    """Raise Stopped once on SIGINT or SIGTERM; ignore them while stopping."""

    def handle(number: int, frame: FrameType | None) -> None:
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signal_number, signal.SIG_IGN)
        raise Stopped

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)


def manage(*arguments: str, env: Mapping[str, str], given: str = "") -> str:
    """Run manage.py and return its output. Exits with that output if it fails."""
    return python("manage.py", *arguments, env=env, given=given)


def python(*arguments: str, env: Mapping[str, str], given: str = "") -> str:
    """Run any Python program and return its output. Exits with that output if it fails."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=dict(env),
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def free_port(wanted: int = 0) -> int:
    """Return `wanted` if it is free, else any free port."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            # Like the servers: a port closed a moment ago is free again.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port")


def wait_until_answers(url: str, still_there: Callable[[], bool], seconds: float = 30) -> bool:
    """Return whether `url` answers 200 in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and still_there():
        try:
            with urlopen(url, timeout=2) as answer:  # noqa: S310 - our own loopback address
                if answer.status == 200:
                    return True
        except (URLError, OSError):
            time.sleep(0.1)
    return False
