"""A database older than the newest anchor is read-only until a user acknowledges the restore.

tests/faults/test_restored_backup.py does it with real processes and a real copy of the database.
"""

import datetime as dt
import logging
import os
import time
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from django.utils.translation import override
from pytest_django import Settings

from lofty_admin.accounts.models import User
from lofty_admin.audit import tasks
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.models import AuditCheckpoint, AuditEvent, AuditHead
from lofty_admin.audit.proof import restore_guard
from lofty_admin.audit.proof.checkpoints import CheckpointRefused, make
from lofty_admin.audit.proof.restore_guard import State, cached_state, compare, read_only_reason
from lofty_admin.core.environment import Sink
from tests.support.audit_log import (
    PUBLIC_KEY,
    fall_behind,
    keep,
    put_back,
    run,
    sign_here,
    sink_to,
    use,
    write,
)
from tests.support.users import PASSWORD, signed_in

REASON = ("audit_acknowledge_restore", "--reason", "The disk died")


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    restore_guard.clear_cache()


@pytest.fixture
def anchors(db: None, settings: Settings, tmp_path: Path) -> Path:
    """Five records and, after three and five, checkpoints in the sink's file."""
    sign_here(settings)
    path = sink_to(settings, tmp_path / "anchors")
    write(3)
    make()
    write(2)
    make()
    return keep(path)


# --- what is found --------------------------------------------------------------------------------
def test_compare__log_continues_the_anchor__is_current(anchors: Path) -> None:
    write(2)
    assert compare().state is State.STANDS


@pytest.mark.parametrize("size", [2, 3, 4])
def test_compare__older_database__is_behind(anchors: Path, size: int) -> None:
    put_back(size)
    comparison = compare()
    assert comparison.state is State.BEHIND
    assert f"the checkpoint covers 5 records, the database has {size}" in comparison.words
    with override("es"):
        assert f"the checkpoint covers 5 records, the database has {size}" in comparison.words
        assert (
            f"el punto de control abarca 5 registros, la base de datos tiene {size}"
            in read_only_reason(comparison)
        )


def test_compare__older_database_that_went_on__is_still_behind(anchors: Path) -> None:
    """As many records as before, but others: signing in goes on while the console is read-only."""
    put_back(3)
    write(9)
    assert compare().state is State.BEHIND


def test_compare__another_log__is_behind(db: None, settings: Settings, tmp_path: Path) -> None:
    fall_behind(settings, tmp_path / "anchors", log_id=uuid4(), size=0, head_hash="0" * 64)
    assert compare().state is State.BEHIND


def test_compare__old_line_handed_over_again__the_newest_counts(anchors: Path) -> None:
    """A sink gets lines at least once, and an attacker may repeat an old one on purpose."""
    first = anchors.read_text().splitlines()[0]
    with anchors.open("a") as file:
        file.write(f"{first}\n")
    put_back(3)
    assert compare().state is State.BEHIND


def test_compare__long_file_and_a_cut_line__reads_its_end(anchors: Path) -> None:
    lines = anchors.read_text()
    anchors.write_text(lines.splitlines()[0] + "\n" + "x" * 200_000 + "\n" + lines + lines[:90])
    assert compare().state is State.STANDS
    put_back(3)
    assert compare().state is State.BEHIND


def test_compare__newer_line_signed_by_another_key__is_not_trusted(
    anchors: Path, settings: Settings, tmp_path: Path
) -> None:
    soon = timezone.now() + dt.timedelta(hours=1)
    forged = fall_behind(settings, tmp_path / "other", at=soon)
    spoilt = replace(forged, size=77)
    with sink_to(settings, anchors).open("a") as file:
        file.write(f"{spoilt.line}\n")
    assert compare().state is State.STANDS


# --- what cannot be compared is said and stops nothing -------------------------------------------
def no_file(path: Path) -> None:
    path.unlink()


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def nothing_in_it(path: Path) -> None:
    path.write_text("")


def nonsense(path: Path) -> None:
    path.write_bytes(b"\xff\x00{}\n[1]\n" * 9)


@pytest.mark.parametrize("spoil", [no_file, a_folder, nothing_in_it, nonsense])
def test_compare__anchors_unreadable__not_compared_and_said(
    anchors: Path, superuser: User, spoil: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert callable(spoil)
    spoil(anchors)
    put_back(3)
    assert compare().state is State.NOT_COMPARED
    page = signed_in(superuser).get("/audit/verification/").content.decode()
    assert "can&#x27;t tell whether this database is an old copy" in " ".join(page.split())
    assert "Read-only" not in page
    assert [r.levelno for r in caplog.records if "old copy" in r.message] == [logging.WARNING]


def test_compare__anchor_file_is_a_pipe__does_not_wait_for_it(anchors: Path) -> None:
    anchors.unlink()
    os.mkfifo(anchors)
    assert compare().state is State.NOT_COMPARED


def test_compare__no_public_key_here__not_compared(anchors: Path, settings: Settings) -> None:
    use(settings, audit_signing_key=None, audit_public_keys=())
    put_back(3)
    assert compare().state is State.NOT_COMPARED


@pytest.mark.parametrize("sink", [None, Sink("mail", "audit@example.com")])
def test_compare__no_file_as_sink__not_compared_and_said(
    anchors: Path, settings: Settings, superuser: User, sink: Sink | None
) -> None:
    use(settings, checkpoint_sink=sink)
    put_back(3)
    assert compare().state is State.NOT_COMPARED
    page = signed_in(superuser).get("/audit/verification/").content.decode()
    assert "Checkpoints aren&#x27;t written to a file" in page


# --- kept for half a minute -----------------------------------------------------------------------
def test_cached_result__asked_often__compares_once(
    anchors: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert cached_state().state is State.STANDS
    put_back(3)
    assert cached_state().state is State.BEHIND
    anchors.unlink()
    assert cached_state().state is State.BEHIND
    clock = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: clock + restore_guard.SECONDS + 1)
    assert cached_state().state is State.NOT_COMPARED
    assert len([r for r in caplog.records if r.name == restore_guard.__name__]) == 2


# --- the pages ------------------------------------------------------------------------------------
def test_pages__behind__banner_everywhere_and_nothing_can_be_changed(
    anchors: Path, superuser: User
) -> None:
    put_back(3)
    client = signed_in(superuser)
    for url in ("/", "/tenants/add/", "/audit/verification/", "/accounts/password/change/"):
        page = client.get(url)
        assert page.status_code == 200
        assert b"Read-only: nothing can be changed or sent." in page.content
    before = AuditHead.objects.get().seq
    for url in ("/tenants/add/", "/accounts/password/change/", "/t/acme/settings/review/"):
        page = client.post(url)
        assert page.status_code == 503
        assert b"Nothing was changed and nothing was sent" in page.content
        assert b"audit_acknowledge_restore" in page.content
    assert AuditHead.objects.get().seq == before


def test_pages__behind_and_in_spanish__the_reason_is_not_marked_as_english(
    anchors: Path, superuser: User
) -> None:
    put_back(3)
    page = signed_in(superuser).get("/", headers={"accept-language": "es"}).content.decode()
    banner = page.partition("read-only")[2].partition("audit_acknowledge_restore")[0]
    assert "el punto de control abarca 5 registros" in banner
    assert 'lang="en"' not in banner


def test_error_page__behind__has_the_banner_too(anchors: Path, superuser: User) -> None:
    put_back(3)
    client = signed_in(superuser)
    client.get("/")
    page = client.get("/nowhere/")
    assert page.status_code == 404
    assert b"Read-only" in page.content


def test_pages__behind__signing_in_and_out_works(anchors: Path, owner: User) -> None:
    put_back(3)
    client = signed_in(owner)
    assert client.post("/accounts/logout/").status_code == 302
    page = client.get("/accounts/login/")
    assert b"Read-only" in page.content
    answer = client.post("/accounts/login/", {"login": owner.email, "password": PASSWORD})
    assert answer.status_code == 302
    assert client.get("/").status_code == 200


def test_pages__behind__htmx_gets_the_whole_page_again(anchors: Path, superuser: User) -> None:
    put_back(3)
    answer = signed_in(superuser).post("/tenants/add/", headers={"HX-Request": "true"})
    assert answer.headers["HX-Refresh"] == "true"


def test_pages__not_behind__no_banner_and_no_refusal(anchors: Path, superuser: User) -> None:
    client = signed_in(superuser)
    assert b"Read-only" not in client.get("/").content
    assert client.post("/tenants/add/").status_code != 503


def test_health__behind__still_answers(anchors: Path, superuser: User) -> None:
    put_back(3)
    client = signed_in(superuser)
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200


# --- checkpoints ----------------------------------------------------------------------------------
def test_make__behind__refused_or_it_would_pass_as_the_newest_anchor(anchors: Path) -> None:
    put_back(3)
    with pytest.raises(CheckpointRefused, match="No checkpoint was signed"):
        make()
    with pytest.raises(CommandError, match="No checkpoint was signed"):
        call_command("audit_checkpoint")
    assert AuditCheckpoint.objects.count() == 1


def test_job__behind__neither_signs_nor_hands_over_and_logs_why(
    anchors: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put_back(3)
    before = anchors.read_text()
    tasks.checkpoint(timestamp=0)
    assert anchors.read_text() == before
    assert "Not done: signing and delivering checkpoints." in caplog.text


# --- acknowledged ---------------------------------------------------------------------------------
def test_acknowledge__behind__recorded_with_its_anchor_and_the_console_works(
    anchors: Path, superuser: User
) -> None:
    newest = anchors.read_text().splitlines()[-1]
    put_back(3)
    code, text = run(*REASON)
    assert code == 0
    assert "Record 4 says so" in text
    event = AuditEvent.objects.get(kind=Kind.RESTORE_ACKNOWLEDGED)
    assert event.reason == "The disk died"
    assert event.content["detail"]["anchor"] == newest
    assert event.actor_name.startswith("manage.py audit_acknowledge_restore, run by ")
    assert compare().state is State.ACKNOWLEDGED
    assert b"Read-only" not in signed_in(superuser).get("/").content


def test_acknowledge__sessions_of_the_backup__have_ended(anchors: Path, superuser: User) -> None:
    client = signed_in(superuser)
    put_back(3)
    run(*REASON)
    assert client.get("/").status_code == 302
    ended = AuditEvent.objects.get(kind=Kind.SESSIONS_ENDED)
    assert ended.subject == "All users"
    superuser.refresh_from_db()
    assert superuser.session_version == 1  # an unfinished sign-in has ended too


def test_acknowledge__documented_steps__a_new_anchor_file_verifies(
    anchors: Path, tmp_path: Path
) -> None:
    put_back(3)
    run(*REASON)
    anchors.rename(tmp_path / "anchors-before-the-restore")
    run("audit_checkpoint")
    assert compare().state is State.STANDS
    code, text = run("audit_verify", "--anchor", str(anchors), "--public-key", PUBLIC_KEY)
    assert (code, "not cut up to record 5" in text) == (0, True)


def test_acknowledge__anchor_file_left_where_it_is__the_next_checkpoint_counts(
    anchors: Path,
) -> None:
    put_back(2)
    run(*REASON)
    tasks.checkpoint(timestamp=0)
    run("audit_checkpoint")
    assert compare().state is State.STANDS
    code, text = run("audit_verify", "--anchor", str(anchors), "--public-key", PUBLIC_KEY)
    assert (code, "The log was cut." in text) == (1, True)


def test_acknowledge__restored_a_second_time__asks_again(anchors: Path) -> None:
    """To a state from before the acknowledgement: that is gone with the rest."""
    put_back(3)
    run(*REASON)
    put_back(3)
    assert compare().state is State.BEHIND


def test_acknowledge__another_newer_anchor__asks_again(anchors: Path, settings: Settings) -> None:
    put_back(3)
    run(*REASON)
    fall_behind(settings, anchors)
    assert compare().state is State.BEHIND


def test_acknowledge__nothing_behind__refused_with_what_was_found(anchors: Path) -> None:
    with pytest.raises(CommandError, match=r"nothing to acknowledge\. The database matches"):
        run(*REASON)
    put_back(3)
    run(*REASON)
    with pytest.raises(CommandError, match="This was acknowledged"):
        run(*REASON)
    assert AuditEvent.objects.filter(kind=Kind.RESTORE_ACKNOWLEDGED).count() == 1


def test_acknowledge__no_reason__refused(anchors: Path) -> None:
    put_back(3)
    with pytest.raises(CommandError, match="Give the reason"):
        run("audit_acknowledge_restore", "--reason", "  ")
    assert compare().state is State.BEHIND
