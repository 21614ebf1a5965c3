"""Start and stop the practice Lofty: `python -m tools.practice_lofty`."""

import argparse
import os
import signal
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.practice_lofty.server import NotLoopbackError, Sandbox
from tools.practice_lofty.store import WrongVersionError

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
DEFAULT_DB = Path("var/sandbox.sqlite3")


class StartError(Exception):
    """The practice Lofty could not start; the text says why and what to do."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 = a free one")
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to listen on")
    parser.add_argument("--db", type=Path, default=DEFAULT_DB, help="SQLite file with its data")
    parser.add_argument("--seed", action="store_true", help="add the practice customers")
    parser.add_argument(
        "--console-url", default="", help="the demo's console: adds a page of things to try there"
    )
    parser.add_argument(
        "--port-file", type=Path, help="write the port to this file once it listens"
    )


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.practice_lofty", description=__doc__)
    add_arguments(parser)
    options = parser.parse_args(arguments)
    try:
        run(
            host=options.host,
            port=options.port,
            db=options.db,
            seeded=options.seed,
            port_file=options.port_file,
            console_url=options.console_url,
        )
    except StartError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def run(
    *, host: str, port: int, db: Path, seeded: bool, port_file: Path | None, console_url: str = ""
) -> None:
    """Serve until SIGTERM or SIGINT. Raises StartError. Must run in the main thread."""
    # Blocked here and in every thread, and waited for: a handler could run at any point, also
    # while the lock it needs is held.
    former = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        with _started(host, port, db, seeded, console_url) as sandbox:
            if port_file is not None:
                _write(port_file, sandbox.port)
            sys.stdout.write(f"practice Lofty on {sandbox.url}\n")
            sys.stdout.flush()
            signal.sigwait(STOP_SIGNALS)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def _started(host: str, port: int, db: Path, seeded: bool, console_url: str) -> Sandbox:
    try:
        return Sandbox(db, host=host, port=port, seeded=seeded, console_url=console_url)
    except (NotLoopbackError, WrongVersionError) as error:
        raise StartError(str(error)) from None
    except sqlite3.Error as error:
        raise StartError(f"The practice Lofty cannot use {db}: {error}.") from None
    except (OSError, OverflowError) as error:
        raise StartError(f"The practice Lofty cannot start on {host}:{port}: {error}.") from None


def _write(port_file: Path, port: int) -> None:
    """Whole or not at all: whoever waits for the file never reads half a number."""
    port_file.parent.mkdir(parents=True, exist_ok=True)
    draft = port_file.with_name(f"{port_file.name}.{os.getpid()}")
    draft.write_text(f"{port}\n", encoding="ascii")
    draft.replace(port_file)
