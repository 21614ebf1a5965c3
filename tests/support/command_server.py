"""Runs manage.py commands in forks of one process: loading Django each time takes a second.

    with CommandServer(env) as commands:
        code, output = commands.run(["tenant", "add", "acme"], given="token")

Each command is a process of its own, with the environment of the server.
"""

import json
import os
import select
import subprocess
import sys
import traceback
from collections.abc import Mapping
from tempfile import TemporaryFile
from typing import IO, NoReturn, Self

from tools.processes import ROOT

MODULE = "tests.support.command_server"
LONGEST_COMMAND = 120  # seconds


class CommandServer:
    """`env` is what it was started with; for another environment start another one."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = dict(env)
        self._process = subprocess.Popen(
            [sys.executable, "-m", MODULE],
            cwd=ROOT,
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, arguments: list[str], given: str) -> tuple[int, str]:
        """Run `manage.py` with these arguments and input; return exit code and output."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([arguments, given]) + "\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], LONGEST_COMMAND)
        assert ready, f"manage.py {arguments[0]} takes longer than {LONGEST_COMMAND} s"
        code, output = json.loads(self._process.stdout.readline())
        return code, output

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it; it has no command to wait for."""
        self._process.kill()
        self._process.communicate()


def main() -> None:
    import django
    from django.core.checks import run_checks

    django.setup()
    run_checks()  # loads the URLconf, with all views
    for line in sys.stdin:
        arguments, given = json.loads(line)
        sys.stdout.write(json.dumps(_run_in_fork(arguments, given)) + "\n")
        sys.stdout.flush()


def _run_in_fork(arguments: list[str], given: str) -> tuple[int, str]:
    with TemporaryFile("w+") as source, TemporaryFile("w+") as sink:
        source.write(given)
        source.seek(0)
        child = os.fork()
        if child == 0:
            _run(arguments, source, sink)
        _, status = os.waitpid(child, 0)
        sink.seek(0)
        return os.waitstatus_to_exitcode(status), sink.read()


def _run(arguments: list[str], source: IO[str], sink: IO[str]) -> NoReturn:
    from django.core.management import execute_from_command_line

    for number, file in enumerate((source, sink, sink)):
        os.dup2(file.fileno(), number)
    # What the parent has read ahead, or not yet written, is not this command's.
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
    code = 0
    try:
        execute_from_command_line(["manage.py", *arguments])
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
