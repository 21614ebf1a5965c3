"""Keep a database older than the newest checkpoint outside read-only until it is acknowledged.

After a restore from a backup, the newest changes are missing here although they happened at Lofty:
the console would settle, send and sync from an outdated state. So each process compares the log
with the newest checkpoint in the file of AUDIT_CHECKPOINT_SINK, called the anchor. If the two
cannot be compared, that is reported and stops nothing.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum
from operator import attrgetter
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import HEAD_ID, AuditEvent, AuditHead
from lofty_admin.audit.proof.signed_checkpoint import Checkpoint, believed_keys, has_record
from lofty_admin.core import clocks

END_OF_FILE = 65_536  # bytes to read: more than a hundred checkpoints
SECONDS = 30.0
logger = logging.getLogger(__name__)
# Sent in the transaction of the acknowledgment. A backup also revives sessions that had ended.
restore_acknowledged = Signal()


class ReadOnly(Exception):
    """Refused before anything was sent or changed: the database is older than the newest anchor."""


class NothingToAcknowledge(Exception):
    """The database is not behind the newest anchor, or that was acknowledged: see the message."""


class State(Enum):
    """The result of comparing the log with the newest anchor."""

    NOT_COMPARED = "not compared"
    STANDS = "stands"
    BEHIND = "behind"
    ACKNOWLEDGED = "acknowledged"


@dataclass(frozen=True)
class Comparison:
    """The result of a comparison, in sentences that can be translated later.

    `sentences`: the findings, with placeholders for `values`; `anchor`: the one they are about.
    `behind`: every anchor the database does not hold, which is more than one after two restores. A
    comparison may be cached and shown to many users, so it is translated only where it is used.
    """

    state: State
    sentences: tuple[str, ...]
    anchor: Checkpoint | None = None
    values: Mapping[str, object] = field(default_factory=dict)
    behind: tuple[Checkpoint, ...] = ()

    @property
    def words(self) -> str:
        """The findings in English, for the record and the log."""
        return " ".join(self.sentences) % self.values

    @property
    def shown(self) -> str:
        """The findings in the reader's language."""
        return " ".join(gettext(sentence) for sentence in self.sentences) % self.values

    @property
    def is_read_only(self) -> bool:
        return self.state is State.BEHIND


def compare() -> Comparison:
    """Compare the end of the anchor file with the log now, without the cache."""
    sink = settings.ENVIRONMENT.checkpoint_sink
    if sink is None or sink.kind != "file":
        words = _(
            "Checkpoints aren't written to a file, so the console can't tell whether this "
            "database is an old copy."
        )
        return Comparison(State.NOT_COMPARED, (words,))
    ends = _ends(Path(sink.target), believed_keys())
    if not ends:
        words = _(
            "The anchor file can't be read here, or has no checkpoint that "
            "AUDIT_PUBLIC_KEYS verifies, so the console can't tell whether this database "
            "is an old copy."
        )
        return Comparison(State.NOT_COMPARED, (words,))
    return _judge_all(ends)


_kept: dict[str, tuple[float, Comparison]] = {}


def cached_state() -> Comparison:
    """Return the result of `compare`, at most 30 seconds old: for every page."""
    kept = _kept.get(_target())
    if kept is not None and time.monotonic() - kept[0] < SECONDS:
        return kept[1]
    found = compare()
    if kept is None or kept[1].state is not found.state:
        _log_comparison(found)
    _kept[_target()] = time.monotonic(), found
    return found


def read_only_reason(found: Comparison) -> str:
    """Return why nothing can be changed, for every page; usually ""."""
    return found.shown if found.is_read_only else ""


def last_known_state() -> str:
    """Return `read_only_reason` of the cached state, without reading file or database."""
    kept = _kept.get(_target())
    return read_only_reason(kept[1]) if kept else ""


def _target() -> str:
    sink = settings.ENVIRONMENT.checkpoint_sink
    return sink.target if sink else ""


def clear_cache() -> None:
    """Clear the cache, so that the next `cached_state` compares again."""
    _kept.clear()


def refuse_if_behind() -> None:
    """Raise ReadOnly if the database is behind; compares again, before any send or change."""
    found = compare()
    if found.is_read_only:
        raise ReadOnly(found.words)


def is_behind(what: str) -> bool:
    """Return whether the job `what` must not run now, and log that, as no page would show it."""
    found = compare()
    if found.is_read_only:
        logger.warning("Not done: %s. %s", what, found.words)
    return found.is_read_only


def acknowledge(reason: str) -> AuditEvent:
    """Record that the restore was intended, which ends the read-only state.

    It covers the anchors it names: a newer one asks again. Raises NothingToAcknowledge.
    """
    found = compare()
    if not found.is_read_only:
        raise NothingToAcknowledge(found.words)
    with transaction.atomic():
        events = [_record_acknowledged(anchor, reason, found) for anchor in found.behind]
        restore_acknowledged.send(sender=acknowledge)
    clear_cache()
    return events[-1]


def _record_acknowledged(anchor: Checkpoint, reason: str, found: Comparison) -> AuditEvent:
    return record(
        Kind.RESTORE_ACKNOWLEDGED,
        subject="Audit log",
        outcome=Outcome.DONE,
        operation_id=_operation(anchor),
        reason=reason,
        detail={"anchor": anchor.line, "hash": anchor.hash, "found": found.words},
    )


def _ends(path: Path, keys: Mapping[str, bytes]) -> list[Checkpoint]:
    """Return the trusted checkpoints at the file's end without a successor, in the file's order.

    There is usually one. After a restore the chain forks, and the end of each branch must be in the
    database or acknowledged. Times play no part: a clock may have been wrong. Only the ends have
    their signatures checked, as this runs before every save.
    """
    known = {one.hash: one for one in _checkpoints(path)}
    while known:
        followed = {one.previous for one in known.values()}
        ends = [one for one in known.values() if one.hash not in followed]
        forged = [one for one in ends if not _is_believed(one, keys)]
        if not forged:
            return ends
        for one in forged:
            del known[one.hash]
    return []


def _is_believed(one: Checkpoint, keys: Mapping[str, bytes]) -> bool:
    return one.key_id in keys and one.is_signed_by(keys[one.key_id])


def _checkpoints(path: Path) -> Iterator[Checkpoint]:
    for line in _last_lines(path):
        with suppress(ValueError):  # cut by the start of the bytes read, or by a writer's crash
            yield Checkpoint.parse(line)


def _last_lines(path: Path) -> list[str]:
    """Return the file's last lines, or None if it cannot be read.

    A pipe is not opened: that would wait for its other end.
    """
    with suppress(OSError):
        if path.is_file():
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - END_OF_FILE))
                return file.read().decode(errors="replace").splitlines()
    return []


def _judge_all(ends: list[Checkpoint]) -> Comparison:
    """Return the worst result of all ends; of equal ones the largest checkpoint, then the last."""
    found = [_judge(end) for end in sorted(ends, key=attrgetter("size"))]
    behind = [one for one in found if one.is_read_only]
    if behind:
        anchors = tuple(one.anchor for one in behind if one.anchor)
        return replace(behind[-1], behind=anchors)
    standing = [one for one in found if one.state is State.STANDS]
    return (standing or found)[-1]


def _judge(newest: Checkpoint) -> Comparison:
    head = AuditHead.objects.filter(pk=HEAD_ID).first()
    values = {"at": f"{newest.at:%Y-%m-%d %H:%M}", "size": newest.size, "here": head and head.seq}
    if head and head.log_id == newest.log_id and has_record(newest.size, newest.head_hash):
        holds = _("The database matches the checkpoint of %(at)s UTC.")
        wrong = _("That time is in the future: the clock of the machine that signed it was wrong.")
        is_ahead = clocks.is_ahead(newest.at, timezone.now())
        return Comparison(State.STANDS, (holds, wrong) if is_ahead else (holds,), newest, values)
    difference = _difference(head, newest)
    if _is_acknowledged(newest):
        sentences = (difference, _("This was acknowledged."))
        return Comparison(State.ACKNOWLEDGED, sentences, newest, values)
    return Comparison(State.BEHIND, (difference,), newest, values)


def _difference(head: AuditHead | None, newest: Checkpoint) -> str:
    if head is None or head.log_id != newest.log_id:
        return _(
            "This is not the database of the checkpoint of %(at)s UTC, which is kept outside it."
        )
    if head.seq < newest.size:
        return _(
            "This database is older than the checkpoint of %(at)s UTC, which is kept "
            "outside it: the checkpoint covers %(size)s records, the database has "
            "%(here)s."
        )
    return _(
        "The records up to %(size)s are not those of the checkpoint of %(at)s UTC, which "
        "is kept outside the database."
    )


def _operation(anchor: Checkpoint) -> UUID:
    """Return an operation id for each anchor, so that its acknowledgement is found by an index."""
    return UUID(hex=anchor.hash[:32])


def _is_acknowledged(anchor: Checkpoint) -> bool:
    found = AuditEvent.objects.filter(
        operation_id=_operation(anchor), kind=Kind.RESTORE_ACKNOWLEDGED
    )
    return any((event.content.get("detail") or {}).get("hash") == anchor.hash for event in found)


def _log_comparison(found: Comparison) -> None:
    """Log the result when it begins or changes, not with every page."""
    uncompared = found.state is State.NOT_COMPARED and settings.ENVIRONMENT.checkpoint_sink
    if found.is_read_only or uncompared:
        logger.warning(found.words)
