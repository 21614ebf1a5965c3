"""manage.py sync_directory"""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from lofty_admin.audit.models import AuditEvent
from lofty_admin.directory.models import Entry, Sync, SyncState
from lofty_admin.directory.sync import advance, open_sync
from lofty_admin.tenants.models import Tenant
from tests.directory.conftest import Connect


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


def test_command__unknown_tenant__says_so(db: None) -> None:
    with pytest.raises(CommandError, match="no tenant nobody"):
        run("--tenant", "nobody")


def test_command__no_token__fails_with_the_reason(acme: Tenant) -> None:
    out = StringIO()
    with pytest.raises(CommandError, match="Not finished: acme"):
        call_command("sync_directory", "--tenant", "acme", stdout=out)
    assert "no Lofty token" in out.getvalue()


def test_command__sync_waits_for_its_time__goes_on_then(acme: Tenant, connect: Connect) -> None:
    connect(members=60)
    sync = open_sync(acme)
    advance(sync.pk, seconds=0)
    soon = timezone.now() + timedelta(seconds=1)
    Sync.objects.update(state=SyncState.WAITING, resume_at=soon)
    assert "Done, 60 of 60 agents" in run("--tenant", "acme")
    assert Sync.objects.filter(finished_at__gte=soon).exists()
