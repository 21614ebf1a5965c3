"""manage.py sync_directory."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from lofty_admin.audit.models import AuditEvent
from lofty_admin.directory.models import Entry, Step, Sync, SyncState
from lofty_admin.directory.sync import advance, open_sync
from lofty_admin.lofty.client import Scheme
from lofty_admin.tenants.credentials.token_store import set_connection
from lofty_admin.tenants.credentials.token_verification import unchecked_token
from lofty_admin.tenants.models import Tenant
from tests.support.directory import Connect


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("sync_directory", *arguments, stdout=out)
    return out.getvalue()


def test_command__one_tenant__reads_and_says_how_far(acme: Tenant, connect: Connect) -> None:
    connect(members=30)
    assert run("--tenant", "acme").endswith("acme: Done, 30 of 30 agents\n")
    event = AuditEvent.objects.get(kind="directory.synced")
    assert (event.actor_kind, event.actor_id) == ("command", "sync_directory")


def test_command__all__those_with_a_token(acme: Tenant, globex: Tenant, connect: Connect) -> None:
    connect(members=3)
    assert "globex" not in run("--all")
    assert Entry.objects.filter(tenant=acme).exists()


def test_command__max_age__leaves_out_what_was_read_lately(acme: Tenant, connect: Connect) -> None:
    connect(members=3)
    run("--all", "--max-age", "24h")
    assert "skipped, read at" in run("--all", "--max-age", "24h")
    Sync.objects.update(finished_at=timezone.now() - timedelta(hours=25))
    assert "Done, 3 of 3 agents" in run("--all", "--max-age", "24h")
    with pytest.raises(CommandError, match="'soon' is not a valid age"):
        run("--all", "--max-age", "soon")


def test_command__on_a_terminal__one_line_with_a_bar_and_the_time_left(
    acme: Tenant, connect: Connect
) -> None:
    connect(members=60)
    sync = open_sync(acme)
    while sync.position != 25 or sync.step != Step.AGENTS:
        advance(sync.pk, seconds=0)
        sync.refresh_from_db()
    out = Terminal()
    call_command("sync_directory", "--tenant", "acme", stdout=out)
    said = out.getvalue()
    assert "[########............] less than a minute left, 25 of 60 agents, Queued" in said
    assert said.count("\n") == 1
    assert said.endswith("acme: Done, 60 of 60 agents\n")


def test_command__unknown_tenant__says_so(db: None) -> None:
    with pytest.raises(CommandError, match="No tenant has the short name unknown"):
        run("--tenant", "unknown")


def test_command__no_token__fails_with_the_reason(acme: Tenant) -> None:
    out = StringIO()
    with pytest.raises(CommandError, match="Not read: acme"):
        call_command("sync_directory", "--tenant", "acme", stdout=out)
    assert "no Lofty token" in out.getvalue()


def test_command__all_with_one_dead_token__succeeds_and_names_it(
    acme: Tenant, globex: Tenant, connect: Connect
) -> None:
    connect(members=3)
    set_connection(globex, unchecked_token(Scheme.OAUTH, "revoked-" * 5), meant=True)
    err = StringIO()
    call_command("sync_directory", "--all", stdout=StringIO(), stderr=err)
    assert err.getvalue() == "Not read: globex. The reasons are above.\n"
    assert Entry.objects.filter(tenant=acme).exists()


def test_command__sync_waits_for_its_time__continues_then(acme: Tenant, connect: Connect) -> None:
    connect(members=60)
    sync = open_sync(acme)
    advance(sync.pk, seconds=0)
    soon = timezone.now() + timedelta(seconds=1)
    Sync.objects.update(state=SyncState.WAITING, resume_at=soon)
    assert "Done, 60 of 60 agents" in run("--tenant", "acme")
    assert Sync.objects.filter(finished_at__gte=soon).exists()
