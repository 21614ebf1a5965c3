"""While the database is older than the newest anchor, nothing is sent, settled or concluded."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from lofty_admin.agentsettings.models import Operation, SettingsSnapshot, State
from lofty_admin.agentsettings.reconcile import reconcile_all
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.middleware import ReadOnlyMiddleware
from lofty_admin.audit.models import AuditEvent
from lofty_admin.audit.proof.restore_guard import ReadOnly
from lofty_admin.directory import tasks
from lofty_admin.directory.models import Sync
from lofty_admin.directory.sync import open_sync
from lofty_admin.tenants.models import Tenant
from tests.support.audit_log import fall_behind
from tests.support.pages import text_of
from tests.support.practice_customer import PracticeCustomer
from tests.support.settings_changes import apply, plan_for
from tests.support.settings_pages import SETTINGS, review, save
from tests.support.users import Browsers

pytestmark = pytest.mark.django_db(transaction=True)


def test_apply__behind__refused_before_anything_is_sent_or_written(
    acme: Tenant, lofty: PracticeCustomer, settings: Settings, tmp_path: Path
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    fall_behind(settings, tmp_path / "anchors")
    with pytest.raises(ReadOnly, match="older than"):
        apply(acme, plan, "")
    assert lofty.puts == []
    assert not Operation.objects.exists()


def test_apply_page__database_found_behind_on_apply__503_and_nothing_sent(
    browsers: Browsers,
    lofty: PracticeCustomer,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The middleware looks every half minute; the save itself looks at once."""
    page = review(browsers.owner, assistantName=["Bella"])
    fall_behind(settings, tmp_path / "anchors")
    monkeypatch.setattr(ReadOnlyMiddleware, "process_view", lambda *args: None)
    answer = save(browsers.owner, page)
    assert answer.status_code == 503
    assert "Nothing was changed and nothing was sent." in text_of(answer)
    assert lofty.puts == []


def test_reconcile__behind__looks_at_nothing_and_logs_why(
    acme: Tenant,
    lofty: PracticeCustomer,
    settings: Settings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    lofty.misbehave("drop_after")
    operation = apply(acme, plan, "")
    fall_behind(settings, tmp_path / "anchors")
    assert reconcile_all() == []
    assert "Not done: resolving open changes." in caplog.text
    with pytest.raises(CommandError, match="Nothing was checked"):
        call_command("reconcile")
    assert Operation.objects.get(pk=operation.pk).state == State.UNKNOWN


def test_directory_jobs__behind__read_nothing_and_continue_afterwards(
    acme: Tenant,
    lofty: PracticeCustomer,
    settings: Settings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sync = open_sync(acme)
    anchors = tmp_path / "anchors"
    fall_behind(settings, anchors)
    tasks.sync_directory(tenant_id=str(acme.pk), sync_id=str(sync.pk))
    tasks.nightly(timestamp=0)
    tasks.recover(timestamp=0)
    assert caplog.text.count("Not done: ") == 3
    with pytest.raises(CommandError, match="Nothing was read"):
        call_command("sync_directory", "--all")
    assert Sync.objects.values("state", "attempts").get() == {"state": "queued", "attempts": 0}
    assert not AuditEvent.objects.filter(kind=Kind.DIRECTORY_SYNCED).exists()
    anchors.unlink()
    tasks.sync_directory(tenant_id=str(acme.pk), sync_id=str(sync.pk))
    assert AuditEvent.objects.filter(kind=Kind.DIRECTORY_SYNCED).exists()


def test_settings_page__behind__shown_but_nothing_is_concluded(
    browsers: Browsers, acme: Tenant, lofty: PracticeCustomer, settings: Settings, tmp_path: Path
) -> None:
    """What differs may be explained by a save that is among the lost records."""
    browsers.owner.get(SETTINGS)
    known = SettingsSnapshot.objects.get(tenant=acme).raw
    lofty.change(settings={**lofty.settings, "assistantName": "Saved after the backup"})
    fall_behind(settings, tmp_path / "anchors")
    page = browsers.owner.get(SETTINGS)
    assert page.status_code == 200
    assert b"Saved after the backup" in page.content
    assert SettingsSnapshot.objects.get(tenant=acme).raw == known
    assert not AuditEvent.objects.filter(kind=Kind.SETTINGS_SEEN_CHANGED).exists()


def test_settings_pages__not_behind__no_banner(browsers: Browsers, lofty: PracticeCustomer) -> None:
    for page in (browsers.owner.get(SETTINGS), review(browsers.owner, assistantName=["Bella"])):
        assert "Read-only" not in text_of(page)
