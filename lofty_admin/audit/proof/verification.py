"""Run a verification, store its result, and report the status of the last one."""

import datetime as dt
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.canonical import JSON
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import AuditEvent
from lofty_admin.audit.proof.signed_checkpoint import Checkpoint
from lofty_admin.audit.proof.trusted_checkpoints import TrustedCheckpoints
from lofty_admin.audit.proof.verify import Finding, Verification, age_faults
from lofty_admin.core import clocks

SOUND, FAULTY, NOT_ALL_CHECKED = 0, 1, 2
STALE = dt.timedelta(hours=48)
MOST_NOTED = 50
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class VerificationResult:
    """The result of a run.

    `first` to `last`: the records it checked; `anchor`: the newest trusted one it compared them
    with, if any; `findings`: the first fifty of `faults`, in words.
    """

    first: int
    last: int
    faults: int
    findings: tuple[str, ...]
    anchor: Checkpoint | None

    @property
    def exit(self) -> int:
        """The exit code. 0: unchanged and complete; 1: faults; 2: no faults, but incomplete."""
        if self.faults:
            return FAULTY
        return NOT_ALL_CHECKED if self.anchor is None or self.first > 1 else SOUND

    @property
    def limits(self) -> list[str]:
        """What this run does not prove, in words."""
        return list(_limits(self.first, self.anchor.size if self.anchor else None))


def _limits(first: int, anchored: int | None) -> Iterator[str]:
    if first > 1:
        yield _("Records 1 to %(last)s were NOT checked.") % {"last": first - 1}
    if anchored is None:
        yield _(
            "Truncation NOT checked without an anchor: if the end of the log was cut off, "
            "or all of it was rewritten with the right key, this run could not detect "
            "it."
        )
    else:
        words = _("This run could not check whether records after %(last)s were cut off.")
        yield words % {"last": anchored}


def run(
    *,
    anchor_file: Path | None,
    keys: Mapping[str, bytes],
    stale_after: int,
    start: int = 1,
    tell: Callable[[Finding], object] = lambda finding: None,
    progress: Callable[[int], None] = lambda seq: None,
) -> VerificationResult:
    """Verify the log from record `start` on. `store_result` stores the result.

    `keys`: the public keys to trust, by id; `stale_after`: minutes after which the newest anchor is
    too old. `tell` is called with each finding at once.
    """
    anchors = TrustedCheckpoints(anchor_file, keys) if anchor_file else None
    believed = anchors.believed if anchors else []
    verification = Verification(believed, start=start, progress=progress)
    findings = chain(
        anchors.findings if anchors else (),
        age_faults(believed, timezone.now(), stale_after),
        verification.findings(),
    )
    faults, noted = 0, []
    for finding in findings:
        tell(finding)
        faults += 1
        noted += [str(finding)] if faults <= MOST_NOTED else []
    newest = max(verification.anchors, key=lambda anchor: anchor.size, default=None)
    return VerificationResult(start, verification.last.seq, faults, tuple(noted), newest)


def store_result(result: VerificationResult) -> bool:
    """Write the result into the log; False if the database rejects it (a copy, a broken log)."""
    anchor = result.anchor
    detail: dict[str, JSON] = {
        "first": result.first,
        "last": result.last,
        "faults": result.faults,
        "findings": result.findings,
        "exit": result.exit,
        "anchor": {"size": anchor.size, "at": anchor.at.isoformat()} if anchor else None,
    }
    try:
        with transaction.atomic():
            record(Kind.LOG_VERIFIED, subject="Audit log", outcome=Outcome.DONE, detail=detail)
    except (DatabaseError, ObjectDoesNotExist):
        logger.exception("The verification could not be recorded in the audit log.")
        return False
    return True


@dataclass(frozen=True)
class VerificationStatus:
    """How far the log can be trusted now: `level` is "success", "warning" or "danger"."""

    level: str
    words: str
    event: AuditEvent | None = None
    detail: Mapping[str, Any] | None = None
    limits: tuple[str, ...] = ()


def verification_status(now: dt.datetime) -> VerificationStatus:
    """Return the status from the last stored verification.

    It is never "success" when that is older than 48 hours.
    """
    event = AuditEvent.objects.filter(kind=Kind.LOG_VERIFIED).order_by("-seq").first()
    if event is None:
        return VerificationStatus("warning", _("The log has never been verified."))
    detail = event.content.get("detail") or {}
    anchor = detail.get("anchor") or {}
    limits = tuple(_limits(detail.get("first", 1), anchor.get("size")))
    level, words = _judge(detail.get("exit"), now - event.at)
    return VerificationStatus(level, words, event, detail, limits)


def _judge(code: int | None, age: dt.timedelta) -> tuple[str, str]:
    if code == FAULTY:
        return "danger", _("Faults were found: the log was altered.")
    if age > STALE:
        return "warning", _("The last verification is too old to rely on. Verify again.")
    if age < -clocks.SKEW:
        return "warning", _(
            "The last verification is dated in the future, because a clock was wrong. Verify again."
        )
    if code == SOUND:
        return "success", _("The log is unaltered, within the limits below.")
    return "warning", _("The log is consistent, but not all of it was checked.")
