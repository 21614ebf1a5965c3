"""The clock is forty years ahead for a moment: every safeguard of the log works afterwards."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from lofty_admin.accounts.models import User
from lofty_admin.audit import tasks
from lofty_admin.audit.models import AuditCheckpoint, AuditHead
from lofty_admin.audit.proof import restore_guard
from lofty_admin.audit.proof.checkpoints import is_due, make
from lofty_admin.audit.proof.restore_guard import NothingToAcknowledge, State, acknowledge, compare
from lofty_admin.audit.proof.signed_checkpoint import Checkpoint
from lofty_admin.audit.proof.verification import verification_status
from tests.support.audit_log import (
    PUBLIC_KEY,
    keep,
    put_back,
    run,
    sign_here,
    sink_to,
    write,
)
from tests.support.users import signed_in
from tests.support.wrong_clock import wrong_clock

ANCHORED = ("audit_verify", "--public-key", PUBLIC_KEY, "--anchor")


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    restore_guard.clear_cache()


@pytest.fixture
def anchors(db: None, settings: Settings, tmp_path: Path) -> Path:
    """Checkpoints after three records and, by a clock forty years ahead, after five."""
    sign_here(settings)
    path = sink_to(settings, tmp_path / "anchors")
    write(3)
    make()
    write(2)
    with wrong_clock():
        make()
    return keep(path)


@pytest.mark.parametrize("ahead", [timedelta(days=1), timedelta(days=365 * 40)])
def test_is_due__last_one_signed_in_the_future__the_next_one_is_due_at_once(
    db: None, settings: Settings, ahead: timedelta
) -> None:
    sign_here(settings)
    write(1)
    with wrong_clock(ahead):
        make()
        assert not is_due()
    assert is_due()
    make()
    assert not is_due()


def test_is_due__clock_some_seconds_ahead__not_due(db: None, settings: Settings) -> None:
    sign_here(settings)
    write(1)
    with wrong_clock(timedelta(seconds=20)):
        make()
    assert not is_due()


def test_job__after_a_wrong_clock__continues_signing(anchors: Path) -> None:
    tasks.checkpoint(timestamp=0)
    assert AuditCheckpoint.objects.count() == 3
    newest = AuditCheckpoint.objects.latest("pk")
    assert newest.at <= timezone.now()


def test_verify__anchor_from_the_future__is_a_finding_and_proves_no_freshness(
    anchors: Path,
) -> None:
    code, text = run(*ANCHORED, str(anchors))
    assert code == 1
    assert "anchor from the future" in text
    assert "the clock of the machine that signed it was wrong" in text


def test_verify__anchors_after_it_are_old__no_recent_checkpoint(anchors: Path) -> None:
    """What the future anchor says must not hide that checkpoints are no longer made."""
    with wrong_clock(-timedelta(days=3)):
        write(1)
        make()
    keep(anchors)
    _, text = run(*ANCHORED, str(anchors))
    assert "no recent checkpoint" in text
    assert "anchor from the future" in text


def test_verify__log_cut_below_the_anchor_from_the_future__is_found(anchors: Path) -> None:
    put_back(4)
    code, text = run(*ANCHORED, str(anchors))
    assert code == 1
    assert "anchor later than the log" in text


def test_restored__older_than_an_anchor_after_the_one_from_the_future__is_behind(
    anchors: Path,
) -> None:
    write(4)
    make()
    keep(anchors)
    put_back(5)
    comparison = compare()
    assert comparison.state is State.BEHIND
    assert "the checkpoint covers 9 records, the database has 5" in comparison.words


def test_restored__at_the_anchor_from_the_future__is_current_and_says_so(anchors: Path) -> None:
    comparison = compare()
    assert comparison.state is State.STANDS
    assert "in the future" in comparison.words


def test_restored__twice__each_end_of_the_chain_must_be_acknowledged(anchors: Path) -> None:
    """After a restore the chain forks: the larger branch, acknowledged, hides the newer not."""
    lines = anchors.read_text()
    put_back(3)
    acknowledge("The disk died")
    make()
    write(1)
    make()
    keep(anchors)
    anchors.write_text(lines + anchors.read_text())
    assert compare().state is State.STANDS
    put_back(4)  # has the acknowledgement of the first restore, not what came after it
    comparison = compare()
    assert (comparison.state, len(comparison.behind)) == (State.BEHIND, 1)
    put_back(3)
    assert len(compare().behind) == 2
    acknowledge("And again")
    assert compare().state is State.ACKNOWLEDGED
    with pytest.raises(NothingToAcknowledge):
        acknowledge("Second restore")


def test_restored__forged_line_behind_the_newest__does_not_hide_it(anchors: Path) -> None:
    newest = Checkpoint.parse(anchors.read_text().splitlines()[-1])
    forged = {**vars(newest), "previous": newest.hash, "size": 3, "signature": "AAAA"}
    with anchors.open("a") as file:
        file.write(Checkpoint(**forged).line + "\n")
    put_back(3)
    assert compare().state is State.BEHIND


def test_standing__verified_by_a_clock_ahead__is_not_relied_on(
    anchors: Path, superuser: User, events_looked_at: list[str]
) -> None:
    with wrong_clock():
        run(*ANCHORED, str(anchors))
    status = verification_status(timezone.now())
    assert status.level != "success"
    page = signed_in(superuser).get("/audit/verification/").content.decode()
    assert "in the future" in page
    assert AuditHead.objects.get().seq == 6
    events_looked_at.clear()  # its time is wrong on purpose
