"""Yesterday's database is restored under a running console, with real processes."""

import base64
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import requests
from psycopg import sql

from tests.support.audit_log import PUBLIC_KEY, SIGNING_KEY
from tests.support.deployment import Deployment
from tests.support.http_browser import Browser, form_in
from tests.support.practice_customer import PracticeCustomer

pytestmark = pytest.mark.faults
OWNER = "owner@example.com"
SIGNING = base64.b64encode(SIGNING_KEY).decode()  # the worker's alone


@pytest.fixture
def anchors(tmp_path: Path) -> Path:
    return tmp_path / "anchors.jsonl"


@pytest.fixture
def deployment(tmp_path: Path, anchors: Path) -> Iterator[Deployment]:
    """One of this test's own: its database is replaced."""
    sink = f"file:{anchors}"
    with Deployment(
        tmp_path / "own", AUDIT_CHECKPOINT_SINK=sink, AUDIT_PUBLIC_KEYS=PUBLIC_KEY
    ) as own:
        yield own


class Backup:
    """A copy of the deployment's database as it is now, made and put back by PostgreSQL."""

    def __init__(self, deployment: Deployment) -> None:
        parts = urlsplit(deployment.database_url)
        self._server = parts._replace(path="/postgres").geturl()
        name = parts.path.removeprefix("/")
        self._names = {"live": sql.Identifier(name), "copy": sql.Identifier(f"{name}_backup")}
        self._run("CREATE DATABASE {copy} TEMPLATE {live}")

    def put_back(self) -> None:
        self._run("DROP DATABASE {live} WITH (FORCE)")
        self._run("ALTER DATABASE {copy} RENAME TO {live}")

    def _run(self, statement: str) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(**self._names))


def checkpoint(deployment: Deployment, expect: int = 0) -> str:
    return deployment.manage("audit_checkpoint", expect=expect, AUDIT_SIGNING_KEY=SIGNING)


def test_restore__yesterdays_database__read_only_until_acknowledged(
    deployment: Deployment, anchors: Path, tmp_path: Path
) -> None:
    deployment.add_person(OWNER, name="Olivia Owner", superuser=True)
    acme = deployment.add_tenant("acme")
    checkpoint(deployment)
    yesterday = Backup(deployment)
    deployment.add_tenant("globex")
    checkpoint(deployment)
    deployment.console.start()
    Browser(deployment.console.url).sign_in(OWNER).reviewed("acme", assistantName="Bella")
    yesterday.put_back()
    deployment.console.kill()
    deployment.console.start()

    browser = Browser(deployment.console.url).sign_in(OWNER)
    page = browser.get("/t/acme/settings/")
    assert "Read-only: nothing can be changed or sent." in page.text
    with pytest.raises(requests.HTTPError, match="503"):
        browser.send(form_in(page, "/t/acme/settings/review/"))
    assert "Nothing was checked" in deployment.manage("reconcile", expect=1)
    assert "Nothing was read" in deployment.manage("sync_directory", "--all", expect=1)
    assert "No checkpoint was signed" in checkpoint(deployment, expect=1)
    assert acme.puts == []

    output = deployment.manage("audit_acknowledge_restore", "--reason", "The disk died")
    assert "Move the anchor file away" in output
    anchors.rename(tmp_path / "anchors-before-the-restore.jsonl")
    checkpoint(deployment)
    deployment.console.kill()  # or wait half a minute
    deployment.console.start()
    assert_works_again(deployment, acme)
    verified = deployment.manage("audit_verify", "--anchor", str(anchors))
    assert "consistent, and not cut up to record" in verified


def assert_works_again(deployment: Deployment, acme: PracticeCustomer) -> None:
    browser = Browser(deployment.console.url).sign_in(OWNER)
    page = browser.send(browser.reviewed("acme", assistantName="Bella"))
    assert "Read-only" not in page.text
    assert "Verified" in page.text
    assert [put["body"]["assistantName"] for put in acme.puts] == ["Bella"]
