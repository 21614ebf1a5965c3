"""What every page and response of the site has in common."""

import gc
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlencode

import pytest
from django.core.checks import run_checks
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import OperationalError
from django.test import Client
from django.urls import get_resolver
from pytest_django import Settings

from lofty_admin.accounts.models import User
from lofty_admin.core import checks
from lofty_admin.core.database import SESSION_LIMITS, application_name
from lofty_admin.core.logs import logging_config
from lofty_admin.gunicorn_config import post_worker_init
from tests.support.users import signed_in

FORM = "application/x-www-form-urlencoded"
pytestmark = pytest.mark.django_db


def test_healthz__without_a_session__answers_ok() -> None:
    assert Client().get("/healthz").json() == {"status": "ok"}


def test_readyz__all_is_well__is_ok() -> None:
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("host", ["10.0.0.7:8000", "[::1]", "evil.test", "", "a b"])
def test_probes__any_host__are_answered(path: str, host: str) -> None:
    answer = Client().get(path, HTTP_HOST=host)
    assert answer.status_code == 200
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert Client().get(f"{path}/", HTTP_HOST="evil.test").status_code == 400


@pytest.mark.django_db(transaction=True)
def test_readyz__database_read_only__says_so() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    try:
        answer = Client().get("/readyz")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")
    assert (answer.status_code, answer.json()["status"]) == (503, "the database refuses writes")
    assert Client().get("/readyz").status_code == 200


@pytest.fixture
def full_disk() -> Iterator[str]:
    """Make a tablespace on a disk of one page.

    Only root can make such a disk. For others it is a folder that the server may not write to.
    """
    place = Path(tempfile.mkdtemp())
    mount = ["mount", "-t", "tmpfs", "-o", "size=4k", "none", str(place)]
    is_mounted = subprocess.run(mount).returncode == 0
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW data_directory")
            server = Path(cursor.fetchone()[0]).stat()
            os.chown(place, server.st_uid, server.st_gid)
            cursor.execute(f"CREATE TABLESPACE full_disk LOCATION '{place}'")
        if not is_mounted:
            next(place.iterdir()).chmod(0o500)
        yield "full_disk"
    finally:
        if not is_mounted:
            next(place.iterdir()).chmod(0o700)
        with connection.cursor() as cursor:
            cursor.execute("RESET temp_tablespaces")
            cursor.execute("DROP TABLESPACE IF EXISTS full_disk")
        if is_mounted:
            subprocess.run(["umount", place], check=True)
        place.rmdir()


@pytest.mark.django_db(transaction=True)
def test_readyz__disk_full__says_so(full_disk: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET temp_tablespaces = {full_disk}")
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "the database refuses writes")
    with connection.cursor() as cursor:
        cursor.execute("RESET temp_tablespaces")
    assert Client().get("/readyz").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_readyz__right_to_write_taken_away__says_so() -> None:
    """What an operator does who makes a copy read-only, or a role that lost its rights."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE may_only_read")
        cursor.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO may_only_read")
        cursor.execute("SET ROLE may_only_read")
    try:
        answer = Client().get("/readyz")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
            cursor.execute("DROP OWNED BY may_only_read")
            cursor.execute("DROP ROLE may_only_read")
    assert (answer.status_code, answer.json()["status"]) == (503, "the database refuses writes")


def test_readyz__database_gone__says_so() -> None:
    with patch("lofty_admin.core.probes.MigrationExecutor", side_effect=OperationalError):
        answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert "does not respond" in answer.json()["status"]


@pytest.mark.django_db(transaction=True)
def test_readyz__a_migration_to_apply__says_so() -> None:
    applied = MigrationRecorder.Migration.objects.filter(app="agentsettings").order_by("pk")
    rows = list(applied)
    applied.delete()
    try:
        answer = Client().get("/readyz")
    finally:
        MigrationRecorder.Migration.objects.bulk_create(rows)
    assert answer.status_code == 503
    assert answer.json()["status"] == f"{len(rows)} migrations to apply"
    assert Client().get("/readyz").status_code == 200


ANSWERS = ["/healthz", "/accounts/login/", "/", "/nowhere/", "/t/none/settings/"]


@pytest.mark.parametrize("path", ANSWERS)
def test_headers__every_answer__is_hardened(path: str) -> None:
    answer = Client().get(path)
    policy = answer["Content-Security-Policy"]
    assert "unsafe" not in policy
    for directive in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert directive in policy
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert len(answer["X-Request-ID"]) == 32
    assert "Server" not in answer


@pytest.mark.parametrize("host", ["evil.test", "testserver@evil.test", "testserver.evil.test", ""])
def test_host__not_ours__is_refused(host: str) -> None:
    page = Client(headers={"host": host or "."}).get("/accounts/login/")
    assert page.status_code == 400
    assert b"evil.test" not in page.content


def test_not_found__signed_in__shows_a_page_with_the_request_id(superuser: User) -> None:
    answer = signed_in(superuser).get("/nowhere/")
    assert answer.status_code == 404
    assert answer["X-Request-ID"].encode() in answer.content


def test_server_error__anything_raised__shows_a_page_without_details(superuser: User) -> None:
    client = signed_in(superuser)
    client.raise_request_exception = False
    with patch("lofty_admin.fleet.views.visible_tenants", side_effect=ValueError("hunter2")):
        answer = client.get("/")
    assert answer.status_code == 500
    assert b"Something went wrong on our side" in answer.content
    assert answer["X-Request-ID"].encode() in answer.content
    assert b"hunter2" not in answer.content


def test_csrf__missing__shows_a_page_that_says_nothing_was_sent(superuser: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(superuser)
    answer = client.post("/t/acme/settings/review/")
    assert answer.status_code == 403
    assert b"nothing was sent" in answer.content


@pytest.mark.parametrize(
    "data", [{"agentIds-ids": "1," * 1_400_000}, {f"field-{i}": "" for i in range(1001)}]
)
def test_form__too_big__shows_a_page_that_says_so(superuser: User, data: dict[str, str]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(superuser)
    client.cookies["console_csrf"] = "x" * 32
    answer = client.post("/t/acme/settings/review/", urlencode(data), FORM)
    assert answer.status_code == 400
    assert b"The form was too large" in answer.content


def _paths() -> Iterator[str]:
    for pattern in get_resolver().reverse_dict:
        if isinstance(pattern, str):
            yield pattern


def test_urls__walked__the_django_admin_is_not_mounted() -> None:
    assert not [name for name in _paths() if name.startswith("admin")]
    assert Client().get("/admin/login/").status_code in (302, 404)


# --- start-up checks ------------------------------------------------------------------------------
def test_checks__this_database__passes() -> None:
    messages = [m for m in run_checks(databases=["default"]) if str(m.id).startswith("console.")]
    assert messages == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"fsync": "off"}, ["console.E003"]),
        ({"synchronous_commit": "off"}, ["console.E003"]),
        ({"server_version_num": "130012"}, ["console.E002"]),
        ({"lock_timeout": "0"}, ["console.E007"]),
        ({"statement_timeout": "0", "random_page_cost": "4"}, ["console.E007"]),
        ({}, []),
    ],
)
def test_checks__database_that_can_lose_records__is_refused(
    values: dict[str, str], expected: list[str]
) -> None:
    sound = {"server_version_num": "180004", "fsync": "on", "synchronous_commit": "on"}
    sound |= SESSION_LIMITS
    assert [message.id for message in checks._judge({**sound, **values})] == expected


def test_checks__synchronous_commit_off_in_this_session__is_found() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
    assert [m.id for m in checks.database_is_durable(["default"])] == ["console.E003"]


def test_checks__pooler_that_forgot_the_limits__is_found() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
    assert [m.id for m in checks.database_is_durable(["default"])] == ["console.E007"]


def test_connection__start_up_parameters__are_ones_that_pgbouncer_accepts() -> None:
    params = connection.get_connection_params()
    assert "options" not in params
    assert params["application_name"] == "lofty-console"


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["manage.py", "procrastinate", "worker"], "lofty-worker"),
        (["/srv/console/manage.py", "reconcile"], "lofty-command"),
        (["/srv/console/.venv/bin/gunicorn", "-c", "config"], "lofty-console"),
    ],
)
def test_connection__name_in_postgresql__says_which_process(argv: list[str], name: str) -> None:
    assert application_name(argv) == name


def test_checks__sslkeylogfile_set__is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", "/tmp/keys")
    assert "console.E005" in [message.id for message in checks.nothing_prints_secrets()]


def test_logging__at_debug__keeps_urllib3_quiet(settings: Settings) -> None:
    config = logging_config("DEBUG", "json")
    assert config["loggers"]["urllib3"]["level"] == "INFO"


def test_worker__before_its_first_request__keeps_what_is_loaded_out_of_the_search_for_garbage() -> (
    None
):
    before = gc.get_freeze_count()
    post_worker_init(None)
    frozen = gc.get_freeze_count() - before
    gc.unfreeze()
    assert frozen > 10_000
