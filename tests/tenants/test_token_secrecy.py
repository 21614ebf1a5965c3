"""A token goes in and comes out nowhere but at Lofty."""

import io
import logging
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from lofty_admin.accounts.models import User
from lofty_admin.audit.log.log_filter import ContextFilter
from lofty_admin.core.logs import JsonLines, PlainLines
from lofty_admin.tenants import tasks
from lofty_admin.tenants.credentials.api_client import client_for
from lofty_admin.tenants.models import Connection, ConnectionHealth, Tenant, TokenRefresh
from tests.support.lofty_users import APP_SECRET, NEXT_TOKEN, OTHER_TOKEN, TOKEN, Lofty
from tests.support.oauth_pages import lofty_sends_back
from tests.support.secrets import BAD_TOKEN, BROKEN_TOKEN, CANARIES, leaks, whole_database
from tests.support.users import signed_in
from tools.practice_lofty.server import Sandbox


def scenario(root: User, lofty: Lofty) -> list[str]:
    """Good, bad, broken and unusual tokens over the pages; returns the pages' texts and headers."""
    client, pages = signed_in(root), []

    def post(page: str, *arguments: str, **data: str) -> None:
        answer = client.post(reverse(page, args=arguments), data, follow=True)
        pages.append(answer.content.decode() + str(answer.headers) + str(client.cookies))

    for token in (BAD_TOKEN, BROKEN_TOKEN, TOKEN):
        post("tenants:add", name="Acme", slug="acme", scheme="api_key", token=token)
    post("tenants:connection_replace", "acme", scheme="api_key", token=BROKEN_TOKEN)
    post("tenants:connection_replace", "acme", scheme="oauth", token=OTHER_TOKEN)
    post("tenants:connection_replace", "acme", scheme="api_key", token=NEXT_TOKEN)
    lofty.fault("acme", kind="cut_body", on="GET", times=None)
    post("tenants:connection_replace", "acme", scheme="api_key", token=TOKEN)
    post("tenants:connection_test", "acme")
    lofty.control("DELETE", "customers/acme/faults")
    lofty.change("acme", revoke_all=True)
    post("tenants:connection_test", "acme")
    pages += [client.get(url).content.decode() for url in ("/", "/t/acme/connection/")]
    return pages


def test_canary__whole_scenario__not_on_pages_in_logs_rows_or_dumps(
    superuser: User, lofty: Lofty, debug_log: pytest.LogCaptureFixture
) -> None:
    pages = scenario(superuser, lofty)
    dump = io.StringIO()
    call_command("dumpdata", "tenants", "accounts", "audit", stdout=dump)
    assert Connection.objects.count() == 2  # the scenario did store tokens
    assert leaks("\n".join(pages)) == []
    assert leaks(debug_log.text + "".join(str(vars(r)) for r in debug_log.records)) == []
    assert leaks(whole_database()) == []
    assert leaks(dump.getvalue()) == []


def test_canary__the_search_itself__finds_a_planted_one(acme: Tenant) -> None:
    Tenant.objects.filter(pk=acme.pk).update(note=f"x{TOKEN}y")
    assert leaks(whole_database())


def test_canary__objects__repr_and_values_are_clean(acme: Tenant, connection: Connection) -> None:
    texts = [repr(connection), str(connection), str(Connection.objects.values())]
    texts += [repr(client_for(acme)), str(vars(connection))]
    assert leaks("\n".join(texts)) == []


def test_canary__failing_command__does_not_print_it(
    db: None, lofty: Lofty, monkeypatch: pytest.MonkeyPatch
) -> None:
    for token in (BAD_TOKEN, BROKEN_TOKEN):
        monkeypatch.setattr("sys.stdin", io.StringIO(token))
        arguments = ["add", "x", "--name", "X", "--scheme", "api-key", "--token-stdin"]
        with pytest.raises(CommandError) as caught:
            call_command("tenant", *arguments)
        assert leaks(f"{caught.value!r} {caught.value.__cause__!r}") == []


class Everything:
    """The secrets a practice Lofty has given out: `tokens` of every kind, and used-up `codes`."""

    def __init__(self, file: Path) -> None:
        with sqlite3.connect(file) as db:
            tokens = [row[0] for row in db.execute("SELECT token FROM credentials")]
            grants = list(db.execute("SELECT kind, value FROM grants"))
        refresh = [value for kind, value in grants if kind == "refresh"]
        self.codes = [value for kind, value in grants if kind == "code"]
        self.tokens = [*CANARIES, APP_SECRET, *tokens, *refresh]


def oauth_scenario(root: User, lofty: Lofty) -> list[str]:
    """Connecting in every way it can end, renewing in every way it can fail; the pages."""
    client, pages = signed_in(root), list[str]()

    def see(answer: Any) -> None:
        chain = getattr(answer, "redirect_chain", [])
        pages.append(f"{answer.content.decode()}{answer.headers}{client.cookies}{chain}")

    def post(page: str, **data: str) -> None:
        see(client.post(reverse(page, args=["acme"]), data, follow=True))

    def connect(decision: str = "approve", **fault: Any) -> str:
        post("tenants:connect")
        address = lofty_sends_back(lofty, "acme", decision)
        if fault:
            lofty.fault("acme", on="POST", times=1, **fault)
        see(client.get(address, follow=True))
        see(client.get(address))
        see(Client().get(address))
        return address

    connect("deny")
    connect(kind="cut_body")
    connect()
    post("tenants:connect_cancel")
    connect()
    post("tenants:connect_confirm", right="on")
    for fault in ("drop_before", "html", "delay", "cut_body"):
        lofty.fault("acme", kind=fault, on="POST", times=1)
        renew_now()
    post("tenants:connection_test")
    call_command("rotate_keys", stdout=io.StringIO())
    with suppress(CommandError):  # says that the console must be authorised again
        call_command("check_tokens", "--all", stdout=io.StringIO())
    ConnectionHealth.objects.update(checked_at=None)
    tasks.probe_due(0)
    post("tenants:connection_replace", scheme="client_credentials", token=BAD_TOKEN)
    post("tenants:connection_replace", scheme="client_credentials", token=NEXT_TOKEN)
    renew_now()
    connect()
    post("tenants:connect_confirm", right="on")
    lofty.change("acme", revoke_all=True)
    renew_now()
    pages += [client.get(url).content.decode() for url in ("/", "/t/acme/connection/")]
    return pages


def renew_now() -> None:
    """By the job, as the clock would when the access token is past its end."""
    now = timezone.now()
    Connection.objects.update(access_expires_at=now)
    TokenRefresh.objects.update(not_before=None)
    tasks.renew_due(0)
    for connection in Connection.objects.filter(retired_at=None):
        tasks.renew(credential_id=str(connection.pk))


def lines(records: Iterable[logging.LogRecord]) -> str:
    """The log as the console writes it, in both styles."""
    written = []
    for record in records:
        ContextFilter().filter(record)
        written += [JsonLines().format(record), PlainLines().format(record)]
    return "\n".join(written)


def write_ahead_log() -> str:
    """What PostgreSQL wrote to disk of late, where the test may read its files."""
    with database.cursor() as cursor:
        cursor.execute("SELECT current_setting('data_directory', true)")
        folder = Path(cursor.fetchone()[0] or "/nowhere") / "pg_wal"
    files = [file for file in folder.glob("0*") if file.is_file()] if folder.is_dir() else []
    newest = sorted(files, key=lambda file: file.stat().st_mtime)[-3:]
    return "".join(file.read_bytes().decode("latin-1") for file in newest)


@pytest.mark.django_db(transaction=True)
def test_canary__connections_and_renewals__nothing_anywhere(
    superuser: User,
    acme: Tenant,
    app: Lofty,
    practice: Sandbox,
    tmp_path: Path,
    debug_log: pytest.LogCaptureFixture,
) -> None:
    pages = oauth_scenario(superuser, app)
    secrets = Everything(tmp_path / "practice.sqlite3")
    assert len(secrets.codes) >= 4
    assert len(secrets.tokens) >= 12
    everything = [*secrets.tokens, *secrets.codes]
    dump = io.StringIO()
    call_command("dumpdata", "tenants", "accounts", "audit", "sessions", stdout=dump)
    assert Connection.objects.filter(kind="connection").exists()  # it did store some
    assert leaks("\n".join(pages), everything) == []
    assert leaks(lines(debug_log.records), everything) == []
    assert leaks("".join(str(vars(record)) for record in debug_log.records), secrets.tokens) == []
    assert leaks(whole_database(), everything) == []
    assert leaks(dump.getvalue(), everything) == []
    fresh = set(everything) - set(CANARIES)  # other tests plant those on purpose
    assert leaks(write_ahead_log(), fresh) == []
    assert leaks("".join(str(message.message()) for message in mail.outbox), everything) == []


@pytest.mark.django_db(transaction=True)
def test_canary__the_write_ahead_log__shows_a_planted_one(acme: Tenant) -> None:
    Tenant.objects.filter(pk=acme.pk).update(note=f"x{TOKEN}y")
    log_text = write_ahead_log()
    assert not log_text or leaks(log_text)
