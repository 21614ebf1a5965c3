"""The page about the last verification: its age, its limits, and never green on old results."""

import datetime as dt
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from lofty_admin.accounts.models import User
from lofty_admin.audit import tasks
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import AuditDelivery, AuditEvent
from lofty_admin.audit.proof.verification import verification_status
from tests.support.audit_log import checkpoint, sign_here, sink_to, tamper, use, write
from tests.support.users import signed_in

URL = "/audit/verification/"
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def anchored(db: None, settings: Settings, tmp_path: Path) -> Path:
    """Five records and a file sink that has their checkpoint."""
    sign_here(settings)
    path = sink_to(settings, tmp_path / "anchors")
    write(5)
    tasks.checkpoint(timestamp=0)
    return path


def page(superuser: User) -> str:
    answer = signed_in(superuser).get(URL)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_page__never_verified__says_so(superuser: User) -> None:
    text = page(superuser)
    assert "alert-warning" in text
    assert "The log has never been verified." in text
    assert "No checkpoint exists yet." in text
    assert "alert-success" not in text


def test_page__verified_without_anchor__no_green_and_the_limit_in_words(superuser: User) -> None:
    write(2)
    tasks.verify(timestamp=0)
    text = page(superuser)
    assert "The log is consistent, but not all of it was checked." in text
    assert "Truncation NOT checked without an anchor" in text
    assert "by Nightly verification" in text
    assert "alert-success" not in text


def test_page__verified_with_the_sinks_file__green_with_its_limit(
    anchored: Path, superuser: User
) -> None:
    tasks.verify(timestamp=0)
    text = page(superuser)
    assert "alert-success" in text
    assert "Signed checkpoint of 5 records" in text
    assert "This run could not check whether records after 5 were cut off." in text
    assert "None waiting to be delivered (file)." in text


def test_page__faults__each_named(
    anchored: Path, superuser: User, caplog: pytest.LogCaptureFixture
) -> None:
    tamper("UPDATE audit_auditevent SET reason = '<b>x' WHERE seq = 2")
    tasks.verify(timestamp=0)
    text = page(superuser)
    assert "Faults were found: the log was altered." in text
    assert "record 2: copy changed: Different from its content: reason." in text
    assert "alert-success" not in text
    assert "The audit log was altered: record 2: copy changed" in caplog.text


def test_page__no_anchor_file_any_more__a_fault(anchored: Path, superuser: User) -> None:
    anchored.unlink()
    tasks.verify(timestamp=0)
    assert "anchor missing" in page(superuser)


@pytest.mark.parametrize(
    ("age", "level"),
    [(0, "success"), (47, "success"), (49, "warning"), (9000, "warning")],
)
def test_standing__sound_but_old__never_green(anchored: Path, age: int, level: str) -> None:
    tasks.verify(timestamp=0)
    status = verification_status(timezone.now() + age * HOUR)
    assert status.level == level
    assert ("too old" in status.words) == (level == "warning")


def test_standing__faults_and_old__stays_red(db: None) -> None:
    write(1)
    tamper("UPDATE audit_auditevent SET reason = 'x'")
    tasks.verify(timestamp=0)
    assert verification_status(timezone.now() + 900 * HOUR).level == "danger"


def test_page__event_of_another_version__shown_as_not_all_checked(superuser: User) -> None:
    record(Kind.LOG_VERIFIED)
    text = page(superuser)
    assert "not all of it was checked" in text
    assert "alert-success" not in text


def test_page__checkpoints_stopped__warns(
    anchored: Path, superuser: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No new checkpoints" not in page(superuser)
    later = timezone.now() + 3 * HOUR
    monkeypatch.setattr("lofty_admin.audit.views.timezone.now", lambda: later)
    assert "No new checkpoints" in page(superuser)


def test_page__sink_refuses__says_why(anchored: Path, superuser: User) -> None:
    AuditDelivery.objects.update(failure="TimeoutError timed out", failed_at=timezone.now())
    assert "TimeoutError timed out." in page(superuser)


def test_page__no_sink__says_what_that_means(
    anchored: Path, superuser: User, settings: Settings
) -> None:
    use(settings, checkpoint_sink=None)
    checkpoint()
    assert "Checkpoints are kept in this database only." in page(superuser)


def test_page__not_a_superuser__refused_and_recorded(owner: User) -> None:
    assert signed_in(owner).get(URL).status_code == 403
    event = AuditEvent.objects.get(kind=Kind.ACCESS_REFUSED)
    assert (event.subject, event.outcome) == (f"GET {URL}", "refused")
    assert event.actor_name == "Olivia Owner"


def test_page__not_signed_in__sent_to_sign_in(db: None) -> None:
    answer = Client().get(URL)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


def test_page__post__not_taken(superuser: User) -> None:
    assert signed_in(superuser).post(URL).status_code == 405
