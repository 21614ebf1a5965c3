"""While the database is older than the newest anchor, no job or command touches a connection."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob
from pytest_django import Settings

from lofty_admin.accounts.models import User
from lofty_admin.audit.models import AuditEvent
from lofty_admin.tenants import tasks
from lofty_admin.tenants.models import Connection, ConnectionHealth, RateLimit, Tenant, TokenRefresh
from tests.support.audit_log import fall_behind
from tests.support.lofty_users import Lofty, connected

pytestmark = pytest.mark.django_db(transaction=True)


def stored() -> dict[str, Any]:
    """The connection with all that is known about it."""
    parts = (ConnectionHealth, TokenRefresh, RateLimit, Connection)
    return {name: value for part in parts for name, value in part.objects.values().get().items()}


def test_connection_jobs__behind__call_nothing_and_continue_afterwards(
    acme: Tenant,
    app: Lofty,
    settings: Settings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    pk = str(connected(acme, app).pk)
    Connection.objects.update(access_expires_at=timezone.now())
    ConnectionHealth.objects.update(checked_at=None)
    before, calls = stored(), app.calls_made("acme")
    anchors = tmp_path / "anchors"
    fall_behind(settings, anchors)
    for job in (tasks.renew_due, tasks.probe_due):
        job(timestamp=0)
    tasks.probe(credential_id=pk)
    tasks.renew(credential_id=pk)
    assert caplog.text.count("Not done: ") == 4
    assert not ProcrastinateJob.objects.filter(task_name__startswith="tenants.").exists()
    assert (stored(), app.calls_made("acme")) == (before, calls)
    anchors.unlink()
    tasks.renew(credential_id=pk)
    tasks.probe(credential_id=pk)
    after = Connection.objects.get()
    assert after.version == before["version"] + 1
    assert after.health.checked_at is not None


@pytest.mark.parametrize(
    "command",
    [
        ("check_tokens", "--all"),
        ("rotate_keys",),
        ("right", "give", "outsider@example.com", "viewer", "--all"),
    ],
)
def test_command__behind__refused_and_nothing_recorded(
    command: tuple[str, ...], acme: Tenant, outsider: User, settings: Settings, tmp_path: Path
) -> None:
    fall_behind(settings, tmp_path / "anchors")
    size = AuditEvent.objects.count()
    with pytest.raises(CommandError, match=r"older than .* Nothing was \w+\.$"):
        call_command(*command)
    assert AuditEvent.objects.count() == size
