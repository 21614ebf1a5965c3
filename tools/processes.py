"""Several processes started together, stopped together."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parent.parent
GRACE = 130.0  # seconds: a save in flight may take that long


class Stopped(Exception):
    """Somebody asked for the end (Ctrl-C, SIGTERM)."""


class Processes:
    """Named child processes. Each is the head of a group of its own: Ctrl-C reaches only us."""

    def __init__(self) -> None:
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str, env: Mapping[str, str], log: Path) -> None:
        with log.open("ab") as sink:
            self._running[name] = subprocess.Popen(
                command, cwd=ROOT, env=dict(env), stdout=sink, stderr=sink, start_new_session=True
            )

    def wait(self) -> str:
        """Until one of them ends by itself: returns its name."""
        while True:
            for name, process in self._running.items():
                if process.poll() is not None:
                    return name
            time.sleep(0.3)

    def alive(self, name: str) -> bool:
        return self._running[name].poll() is None

    def stop(self) -> None:
        """In reverse order of starting, gently first."""
        for process in reversed(self._running.values()):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        self._running.clear()


def stop_on_signals() -> None:
    """SIGINT and SIGTERM raise Stopped, once; while stopping they are ignored."""

    def handle(number: int, frame: FrameType | None) -> None:
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signal_number, signal.SIG_IGN)
        raise Stopped

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)


def manage(*arguments: str, env: Mapping[str, str], given: str = "") -> str:
    """Run manage.py; its output. Ends this program with that output if it fails."""
    return python("manage.py", *arguments, env=env, given=given)


def python(*arguments: str, env: Mapping[str, str], given: str = "") -> str:
    """The same for any program in Python."""
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
    """`wanted` if it is free, else any free port."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            # As the servers do: a port left a moment ago is free again.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port")


def wait_until_answers(url: str, still_there: Callable[[], bool], seconds: float = 30) -> bool:
    """Whether `url` answers 200 in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and still_there():
        try:
            with urlopen(url, timeout=2) as answer:  # noqa: S310 - our own loopback address
                if answer.status == 200:
                    return True
        except (URLError, OSError):
            time.sleep(0.1)
    return False
