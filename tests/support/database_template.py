"""A database with all migrations, made once and copied for each run."""

import fcntl
import hashlib
import os
import subprocess
import sys
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from tools.processes import ROOT


def url_of(database: str) -> str:
    """The database of this name on the tests' server."""
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{database}").geturl()


def on_server(statement: sql.Composed) -> None:
    with psycopg.connect(url_of("postgres"), autocommit=True) as connection:
        connection.execute(statement)


def template() -> str:
    """Its name. Other migrations, ours or of a new version of a library, make another one."""
    name = f"template_{_state_of_migrations()}"
    (ROOT / "var").mkdir(exist_ok=True)
    with (ROOT / "var" / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_there(name):
            _make(name)
    return name


def _state_of_migrations() -> str:
    files = [ROOT / "requirements.txt", *sorted(ROOT.glob("lofty_admin/*/migrations/*.py"))]
    files += [
        ROOT / "lofty_admin" / "settings.py",
        ROOT / "lofty_admin" / "audit" / "log" / "triggers.py",
    ]
    state = hashlib.sha256()
    for file in files:
        state.update(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    return state.hexdigest()[:16]


def _is_there(name: str) -> bool:
    with psycopg.connect(url_of("postgres")) as connection:
        rows = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        return rows.fetchone() is not None


def _make(name: str) -> None:
    """Under another name until it is complete: who is killed meanwhile leaves no half of one."""
    raw, whole = sql.Identifier(f"{name}_raw"), sql.Identifier(name)
    on_server(sql.SQL("DROP DATABASE IF EXISTS {}").format(raw))
    on_server(sql.SQL("CREATE DATABASE {}").format(raw))
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--no-input", "-v0"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url_of(f"{name}_raw")},
        check=True,
    )
    on_server(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(raw, whole))
