"""A database older than the newest anchor is read-only until somebody has said that this is meant.

After a restore from a backup, the newest changes are missing here although they happened at Lofty:
the console would settle, send and sync by a past state. So each process compares the log with the
newest checkpoint in the file of AUDIT_CHECKPOINT_SINK. What cannot be compared is said and stops
nothing.
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
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from lofty_admin.audit.log.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import HEAD_ID, AuditEvent, AuditHead
from lofty_admin.audit.proof.signed_checkpoint import Checkpoint, believed_keys, has_record
from lofty_admin.core import clocks

END_OF_FILE = 65_536  # bytes that are read: more than a hundred checkpoints
SECONDS = 30.0
logger = logging.getLogger(__name__)


class ReadOnly(Exception):
    """Refused before anything was sent or changed: the database is older than the newest anchor."""


class NothingToAcknowledge(Exception):
    """The database is not behind the newest anchor, or that was acknowledged; the text says so."""


class State(Enum):
    """How the log stands against the newest anchor."""

    NOT_COMPARED = "not compared"
    STANDS = "stands"
    BEHIND = "behind"
    ACKNOWLEDGED = "acknowledged"


@dataclass(frozen=True)
class Comparison:
    """`sentences`: what was found, with places for `values`; `anchor`: the one they are about.
    `behind`: every anchor the database does not hold, which is more than one after two restores.

    It may be kept and shown to many, so it is put in a language only where it is used.
    """

    state: State
    sentences: tuple[str, ...]
    anchor: Checkpoint | None = None
    values: Mapping[str, object] = field(default_factory=dict)
    behind: tuple[Checkpoint, ...] = ()

    @property
    def words(self) -> str:
        """In English: for the record and the log."""
        return " ".join(self.sentences) % self.values

    @property
    def shown(self) -> str:
        """In the language of the reader."""
        return " ".join(gettext(sentence) for sentence in self.sentences) % self.values

    @property
    def is_read_only(self) -> bool:
        return self.state is State.BEHIND


def compare() -> Comparison:
    """Read afresh: the end of the anchor file, and the log at the place the newest anchor names."""
    sink = settings.ENVIRONMENT.checkpoint_sink
    if sink is None or sink.kind != "file":
        words = _(
            "Checkpoints go to no file, so whether this database is an old copy is not checked."
        )
        return Comparison(State.NOT_COMPARED, (words,))
    ends = _ends(Path(sink.target), believed_keys())
    if not ends:
        words = _(
            "The anchor file cannot be read here, or holds no checkpoint that AUDIT_PUBLIC_KEYS"
            " makes believable: whether this database is an old copy is not checked."
        )
        return Comparison(State.NOT_COMPARED, (words,))
    return _judge_all(ends)


_kept: dict[str, tuple[float, Comparison]] = {}


def cached_state() -> Comparison:
    """Like `compare`, but up to 30 seconds old: for every page."""
    kept = _kept.get(_target())
    if kept is not None and time.monotonic() - kept[0] < SECONDS:
        return kept[1]
    found = compare()
    if kept is None or kept[1].state is not found.state:
        _tell(found)
    _kept[_target()] = time.monotonic(), found
    return found


def read_only_reason(found: Comparison) -> str:
    """Why nothing can be changed, for every page to say; "" as a rule."""
    return found.shown if found.is_read_only else ""


def last_known_state() -> str:
    """As `read_only_because` of what `lately` found last: asks neither file nor database."""
    kept = _kept.get(_target())
    return read_only_reason(kept[1]) if kept else ""


def _target() -> str:
    sink = settings.ENVIRONMENT.checkpoint_sink
    return sink.target if sink else ""


def clear_cache() -> None:
    """The next `lately` compares afresh."""
    _kept.clear()


def refuse_if_behind() -> None:
    """Raises ReadOnly. For whatever sends or changes something; compares afresh."""
    found = compare()
    if found.is_read_only:
        raise ReadOnly(found.words)


def is_behind(what: str) -> bool:
    """Whether the job `what` must not be done now. Logged: nobody else sees it."""
    found = compare()
    if found.is_read_only:
        logger.warning("Not done: %s. %s", what, found.words)
    return found.is_read_only


def acknowledge(reason: str) -> AuditEvent:
    """Record that the old database is meant; from then on the console works again.

    It holds for the anchors it names: a newer one asks again. Raises NothingToAcknowledge.
    """
    found = compare()
    if not found.is_read_only:
        raise NothingToAcknowledge(found.words)
    with transaction.atomic():
        events = [_record_acknowledged(anchor, reason, found) for anchor in found.behind]
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
    """The believed checkpoints of the file's end that no other one continues, in the file's order.

    One as a rule. After a restore the chain forks, and the database must hold, or somebody must
    have acknowledged, the end of each branch. Times play no part: a clock may have been wrong. Only
    ends are checked for their signature, as this runs before every save.
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
        with suppress(ValueError):  # cut by the start of what was read, or by a writer's crash
            yield Checkpoint.parse(line)


def _last_lines(path: Path) -> list[str]:
    """None if it cannot be read. A pipe is not opened: that would wait for its other end."""
    with suppress(OSError):
        if path.is_file():
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - END_OF_FILE))
                return file.read().decode(errors="replace").splitlines()
    return []


def _judge_all(ends: list[Checkpoint]) -> Comparison:
    """The worst that is true of the ends of the chain; of equal ones the largest, then the last."""
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
        holds = _("This database holds what the checkpoint of %(at)s UTC names.")
        wrong = _("That time is still to come: the clock of the machine that signed it was wrong.")
        is_ahead = clocks.is_ahead(newest.at, timezone.now())
        return Comparison(State.STANDS, (holds, wrong) if is_ahead else (holds,), newest, values)
    difference = _difference(head, newest)
    if _is_acknowledged(newest):
        sentences = (difference, _("That was acknowledged."))
        return Comparison(State.ACKNOWLEDGED, sentences, newest, values)
    return Comparison(State.BEHIND, (difference,), newest, values)


def _difference(head: AuditHead | None, newest: Checkpoint) -> str:
    if head is None or head.log_id != newest.log_id:
        return _(
            "This database is another one than that of the checkpoint of %(at)s UTC, which is kept"
            " outside it."
        )
    if head.seq < newest.size:
        return _(
            "This database is older than the checkpoint of %(at)s UTC, which is kept outside it:"
            " that had %(size)s records, this has %(here)s."
        )
    return _(
        "The records of this database are others than those of the checkpoint of %(at)s UTC, which"
        " is kept outside it, up to record %(size)s."
    )


def _operation(anchor: Checkpoint) -> UUID:
    """One for each anchor, so that its acknowledgement is found by an index."""
    return UUID(hex=anchor.hash[:32])


def _is_acknowledged(anchor: Checkpoint) -> bool:
    found = AuditEvent.objects.filter(
        operation_id=_operation(anchor), kind=Kind.RESTORE_ACKNOWLEDGED
    )
    return any((event.content.get("detail") or {}).get("hash") == anchor.hash for event in found)


def _tell(found: Comparison) -> None:
    """Into the log when it begins or changes, not with every page."""
    uncompared = found.state is State.NOT_COMPARED and settings.ENVIRONMENT.checkpoint_sink
    if found.is_read_only or uncompared:
        logger.warning(found.words)
