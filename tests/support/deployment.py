"""The console as deployed: real processes, with their own database and practice Lofty.

    with Deployment(tmp_path) as deployment:
        deployment.add_person("owner@example.com", name="Olivia Owner")
        acme = deployment.add_tenant("acme", roles={"owner@example.com": "manager"})
        deployment.console.start()
        ... deployment.console.url ...; acme.misbehave("drop_after"); deployment.console.kill()

`acme` is the PracticeCustomer behind the tenant. Every user's password is PASSWORD. Everything is
on free ports, the logs are in the folder given, and all of it is gone at the end.
"""

import fcntl
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from tests.support.command_server import CommandServer
from tests.support.database_template import on_server, template, url_of
from tests.support.event_rules import faults_of
from tests.support.parent_death import end_with_parent
from tests.support.practice_customer import PracticeCustomer
from tools.practice_control import control
from tools.practice_lofty.seed import NO_LIMIT
from tools.processes import ROOT, free_port, wait_until_answers

Found = TypeVar("Found")
PASSWORD = "correct horse battery staple"
OAUTH_ID = "deployed-console"
STATIC_LIST = ROOT / "staticfiles" / "staticfiles.json"


class Process:
    """A command with a process group of its own: a signal reaches all of it at once."""

    def __init__(
        self, command: list[str], env: Mapping[str, str], log: Path, url: str = "", ready: str = ""
    ) -> None:
        self.url = url
        self.log = log
        self._command, self._env, self._ready = command, env, ready
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, **env: str) -> None:
        """Start it, with these more in its environment, and wait until it answers."""
        assert not self.is_running, "it runs already"
        with self.log.open("ab") as sink:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env={**self._env, **env},
                stdout=sink,
                stderr=sink,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        if self._ready and not wait_until_answers(self.url + self._ready, lambda: self.is_running):
            self.kill()
            raise AssertionError(f"it did not start:\n{self.log.read_text()[-3000:]}")

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """kill -9, the whole group at once."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(10)

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """As a service manager does it: gently, and hard after ten seconds."""
        if self._process is not None and self.is_running:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
        self.kill()

    def _signal(self, number: int) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


class Deployment:
    """`env` goes to every process (LOFTY_DEADLINE_SECONDS="5" ...); `seeded`: see sandbox.seed."""

    practice: Process
    console: Process
    worker: Process
    made_up = 0  # how many records at the start of the log a test wrote, not a process

    def __init__(self, folder: Path, *, seeded: bool = False, **env: str) -> None:
        self.folder = folder
        self._database = f"deployment_{os.getpid()}_{secrets.token_hex(3)}"
        self.database_url = url_of(self._database)
        self.env = {
            **os.environ,
            "DATABASE_URL": self.database_url,
            "DJANGO_SETTINGS_MODULE": "tests.support.deployed_settings",
            **env,
        }
        self._commands: CommandServer | None = None
        self._seeded = seeded

    def __enter__(self) -> Self:
        names = [sql.Identifier(name) for name in (self._database, template())]
        on_server(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
        try:
            self._prepare()
        except BaseException:
            self._clear_away()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            assert kind is not None or self._faulty_events() == []
        finally:
            self._clear_away()

    def _faulty_events(self) -> list[str]:
        """What the events of these processes lack."""
        statement = "SELECT body FROM audit_auditevent WHERE seq > %s ORDER BY seq"
        bodies = self.query(statement, self.made_up)
        return [fault for row in bodies for fault in faults_of(json.loads(row["body"]))]

    def manage(self, *arguments: str, given: str = "", expect: int = 0, **env: str) -> str:
        """Run manage.py, `given` being its input; what it wrote. It must exit with `expect`."""
        if env:
            with CommandServer({**self.env, **env}) as commands:
                code, output = commands.run(list(arguments), given)
        else:
            code, output = self._command_server().run(list(arguments), given)
        assert code == expect, f"manage.py {arguments[0]}: {code}\n{output}"
        return output

    def _command_server(self) -> CommandServer:
        """Return the one that runs, or a new one if a test has changed the environment."""
        if self._commands is None or self._commands.env != self.env:
            self._stop_commands()
            self._commands = CommandServer(self.env)
        return self._commands

    def _stop_commands(self) -> None:
        if self._commands:
            self._commands.stop()

    def connect(self) -> psycopg.Connection[dict[str, Any]]:
        """A connection of the test's own, past the console; each statement commits by itself."""
        return psycopg.connect(self.database_url, autocommit=True, row_factory=dict_row)

    def query(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """The rows a statement returns; none if it returns none."""
        with self.connect() as connection:
            rows = connection.execute(statement.encode(), values)
            return rows.fetchall() if rows.description else []

    def add_person(self, email: str, *, name: str, superuser: bool = False) -> None:
        rights = ["--superuser"] if superuser else []
        self.manage(
            "person", "add", email, "--name", name, *rights, "--password-stdin", given=PASSWORD
        )

    def add_tenant(
        self, slug: str, *, roles: Mapping[str, str] | None = None, **spec: object
    ) -> PracticeCustomer:
        """A tenant and its customer at the practice Lofty (`spec`: the fields of seed.Spec).

        `roles` maps e-mail addresses to viewer, editor or manager.
        """
        customer = PracticeCustomer.add(self.practice.url, slug, **spec)
        scheme = "api-key" if spec.get("scheme") == "api_key" else "oauth-token"
        name = str(spec.get("name", slug.capitalize()))
        arguments = ("--name", name, "--scheme", scheme, "--token-stdin", "--unchecked", "--meant")
        self.manage("tenant", "add", slug, *arguments, given=customer.token)
        # As if the daily check had been made: it must not use up the faults of a test.
        self.query(
            "UPDATE tenants_connectionhealth SET checked_at = now() WHERE checked_at IS NULL"
        )
        for email, role in (roles or {}).items():
            self.manage("tenant", "grant", slug, email, role)
        return customer

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.practice = self._practice_lofty()
        self.practice.start()
        self.env["LOFTY_API_BASE_URL"] = self.practice.url
        self.console = self._console()
        self._register_app()
        self.worker = self._process("worker", ["manage.py", "procrastinate", "worker"])
        self._collect_static()

    def _register_app(self) -> None:
        """The console as an OAuth app of the practice Lofty."""
        app = {"client_id": OAUTH_ID, "client_secret": secrets.token_urlsafe(24)}
        back = f"{self.console.url}/oauth/lofty/callback"
        control(
            self.practice.url, "POST", "apps", {**app, "redirect_url": back, "rate_limit": NO_LIMIT}
        )
        self.env["LOFTY_OAUTH_CLIENT_ID"] = OAUTH_ID
        self.env["LOFTY_OAUTH_CLIENT_SECRET"] = app["client_secret"]
        self.env["LOFTY_OAUTH_AUTHORIZE_URL"] = f"{self.practice.url}/page/vendor-auth.html"
        self.env["LOFTY_OAUTH_TOKEN_URL"] = f"{self.practice.url}/api/user-web/oauth/token"

    def _practice_lofty(self) -> Process:
        port = free_port()
        command = ["-m", "tools.practice_lofty", "--port", str(port)]
        command += ["--db", str(self.folder / "practice.sqlite3")]
        command += ["--seed"] if self._seeded else []
        return self._process("practice", command, port, "/_control/healthz")

    def _console(self) -> Process:
        port = free_port()
        command = ["-m", "gunicorn", "-c", "python:lofty_admin.gunicorn_config"]
        self.env["CONSOLE_BIND"] = f"127.0.0.1:{port}"
        self.env["WEB_WORKERS"] = "1"
        return self._process("console", command, port, "/readyz")

    def _process(self, name: str, command: list[str], port: int = 0, ready: str = "") -> Process:
        url = f"http://127.0.0.1:{port}" if port else ""
        log = self.folder / f"{name}.log"
        return Process([sys.executable, *command], self.env, log, url, ready)

    def _collect_static(self) -> None:
        """The pages need the collected files; two test processes must not collect them at once."""
        with (ROOT / "var" / "static.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _static_is_collected():
                self.manage("collectstatic", "--no-input", "-v0")

    def _clear_away(self) -> None:
        self._stop_commands()
        for name in ("worker", "console", "practice"):
            if process := getattr(self, name, None):
                process.resume()
                process.stop()
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        on_server(drop.format(sql.Identifier(self._database)))


def _static_is_collected() -> bool:
    sources = [file for file in (ROOT / "static").rglob("*") if file.is_file()]
    newest = max(file.stat().st_mtime for file in sources)
    return STATIC_LIST.exists() and STATIC_LIST.stat().st_mtime >= newest


def wait_for(what: str, condition: Callable[[], Found], seconds: float = 10) -> Found:
    """Poll `condition` until it returns something true, and return that; fail after `seconds`."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"waited {seconds} s for: {what}"
        time.sleep(0.01)
    return found
