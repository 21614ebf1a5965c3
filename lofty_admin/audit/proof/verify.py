"""Walk the audit log and report every record that was changed."""

import datetime as dt
import hmac
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Func, TextField, Value
from django.db.models.functions import Cast

from lofty_admin.audit.log import triggers
from lofty_admin.audit.log.chain import COPIED, begin, copies, link_in, surely_repeats
from lofty_admin.audit.models import GENESIS, HEAD_ID, AuditEvent, AuditHead
from lofty_admin.audit.proof.signed_checkpoint import Checkpoint
from lofty_admin.core import clocks

CHUNK = 2000
_Row = Sequence[Any]
_ISO = 'YYYY-MM-DD"T"HH24:MI:SS.US+00:00'
# Read as texts from the server: making Python's UUIDs and times would take longer than the hash.
_TEXTS = {
    "at": Func("at", Value(_ISO), function="to_char", output_field=TextField()),
    **{name: Cast(name, TextField()) for name in ("id", "tenant_id", "operation_id")},
}
_COPIES = [_TEXTS.get(name, F(name)) for name in COPIED]
_ID = 5 + COPIED.index("id")


class Fault(StrEnum):
    HASH_WRONG = "hash wrong"
    LINK_WRONG = "link wrong"
    GAP = "gap"
    DUPLICATE = "duplicate number"
    UNREADABLE = "unreadable"
    COPY_CHANGED = "copy changed"
    UNKNOWN_KEY = "unknown key"
    HEAD_MISMATCH = "head mismatch"
    GUARD_MISSING = "guard missing"
    ANCHOR_MISSING = "anchor missing"
    ANCHOR_UNREADABLE = "anchor unreadable"
    ANCHOR_UNKNOWN_KEY = "anchor signed with unknown key"
    ANCHOR_SIGNATURE = "anchor with bad signature"
    ANCHOR_GAP = "gap in the anchors"
    ANCHOR_OTHER_LOG = "anchor of another log"
    ANCHOR_LATER = "anchor later than the log"
    ANCHOR_MISMATCH = "anchor mismatch"
    ANCHOR_OLD = "no recent checkpoint"
    ANCHOR_FUTURE = "anchor from the future"


@dataclass(frozen=True)
class Finding:
    """One fault, the record or anchor line it was found at, and its meaning.

    `place` is "record 7", "anchor line 2" or "log".
    """

    fault: Fault
    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.fault}: {self.message}"


class Position(NamedTuple):
    """A record's number and hash."""

    seq: int
    hash: str


@dataclass(frozen=True)
class _Witness:
    """A source that states the hash of a record."""

    name: str
    hash: str
    differs: Fault
    absent: Fault


class Verification:
    """One pass over the log: iterate `findings()` once, then `last` is the last record it passed.

    `anchors`: checkpoints kept outside the database, whose signatures are valid. Without one, a cut
    tail with a repaired head row cannot be found. `start`: the first record to check; records
    before it are trusted, and anchors before it are not used. `progress` is called with the number
    of the current record. Writers are not blocked; what they add during the pass may or may not be
    part of it.
    """

    def __init__(
        self,
        anchors: Sequence[Checkpoint] = (),
        *,
        start: int = 1,
        progress: Callable[[int], None] = lambda seq: None,
    ) -> None:
        self.head = _head()
        self.start = start
        self.last = _before(start)
        self.progress = progress
        self.anchors = [anchor for anchor in anchors if self.is_of_this_log(anchor)]
        self.others = [anchor for anchor in anchors if not self.is_of_this_log(anchor)]
        self.witnesses = self.called()
        self.sealed = self.seals()

    def is_of_this_log(self, anchor: Checkpoint) -> bool:
        return self.head is None or anchor.log_id == self.head.log_id

    def seals(self) -> dict[str, hmac.HMAC]:
        """The start of every link's HMAC, by key id; none without a head row."""
        keys = settings.ENVIRONMENT.audit_keys.keys
        if self.head is None:
            return {}
        return {key_id: begin(key, self.head.log_id) for key_id, key in keys.items()}

    def called(self) -> dict[int, list[_Witness]]:
        witnesses = defaultdict(list)
        if self.head is not None and self.head.seq >= self.start:
            head = Fault.HEAD_MISMATCH
            witnesses[self.head.seq].append(_Witness("the head row", self.head.hash, head, head))
        for anchor in self.anchors:
            if anchor.size >= self.start:
                name = f"the checkpoint of {anchor.at:%Y-%m-%d %H:%M} UTC"
                faults = Fault.ANCHOR_MISMATCH, Fault.ANCHOR_LATER
                witnesses[anchor.size].append(_Witness(name, anchor.head_hash, *faults))
        return witnesses

    def findings(self) -> Iterator[Finding]:
        """Yield every fault, in the log's order; continue to the end."""
        for message in triggers.faults(connection):
            yield Finding(Fault.GUARD_MISSING, "log", message)
        for anchor in self.others:
            message = f"The checkpoint of {anchor.at:%Y-%m-%d %H:%M} UTC names another log."
            yield Finding(Fault.ANCHOR_OTHER_LOG, "log", message)
        if self.head is None:
            message = "The head row is missing; without it no hash can be checked."
            yield Finding(Fault.HEAD_MISMATCH, "log", message)
        yield from self.records()
        yield from self.end()

    def records(self) -> Iterator[Finding]:
        rows = AuditEvent.objects.filter(seq__gte=self.start if self.start > 1 else _LOWEST)
        columns = rows.order_by("seq", "id").values_list(
            "seq", "previous_hash", "hash", "key_id", "body", *_COPIES
        )
        # In a transaction the server keeps one snapshot and returns it in chunks.
        with transaction.atomic():
            for row in columns.iterator(chunk_size=CHUNK):
                seq = row[0]
                if not self.is_as_written(row):
                    yield from self.faults(row)
                if seq in self.witnesses:
                    yield from self.testify(seq, row[2])
                self.last = Position(seq, row[2])
                if seq % CHUNK == 0:
                    self.progress(seq)

    def is_as_written(self, row: _Row) -> bool:
        """Return whether a fast check passes: if not, `faults` looks closer, and may find none."""
        seq, previous_hash, own_hash, key_id, body = row[:5]
        follows = (seq - 1, previous_hash) == self.last
        sealed = follows and self.is_sealed(key_id, own_hash, seq, previous_hash, body)
        return sealed and surely_repeats(body, row[5:])

    def faults(self, row: _Row) -> Iterator[Finding]:
        seq, previous_hash, own_hash, key_id, body = row[:5]
        yield from self.misplaced(seq, previous_hash)
        if not self.is_sealed(key_id, own_hash, seq, previous_hash, body):
            yield from self.unsealed(seq, key_id)
        yield from _copy_faults(AuditEvent.objects.get(pk=row[_ID]))

    def misplaced(self, seq: int, previous_hash: str) -> Iterator[Finding]:
        place = f"record {seq}"
        if seq == self.last.seq:
            yield Finding(Fault.DUPLICATE, place, "Two records have this number.")
        elif seq != self.last.seq + 1:
            missing = f"{self.last.seq + 1} to {seq - 1}"
            yield Finding(Fault.GAP, place, f"The records {missing} before it are missing.")
        if previous_hash != self.last.hash:
            yield Finding(Fault.LINK_WRONG, place, "It does not follow the record before it.")

    def is_sealed(
        self, key_id: str, own_hash: str, seq: int, previous_hash: str, body: str
    ) -> bool:
        begun = self.sealed.get(key_id)
        try:
            expected = link_in(begun, seq, previous_hash, body) if begun else ""
            return hmac.compare_digest(expected, own_hash)
        except (ValueError, OverflowError, TypeError):
            return False

    def unsealed(self, seq: int, key_id: str) -> Iterator[Finding]:
        place = f"record {seq}"
        if key_id not in settings.ENVIRONMENT.audit_keys.keys:
            message = f"It names the key {key_id!r}, which is not in AUDIT_KEYS."
            yield Finding(Fault.UNKNOWN_KEY, place, message)
        elif self.head is not None:
            message = (
                "Its content, position, or hash was changed, or it was not written by this console."
            )
            yield Finding(Fault.HASH_WRONG, place, message)

    def testify(self, seq: int, own_hash: str) -> Iterator[Finding]:
        for witness in self.witnesses.pop(seq):
            if witness.hash != own_hash:
                message = f"Its hash is not the one that {witness.name} names."
                yield Finding(witness.differs, f"record {seq}", message)

    def end(self) -> Iterator[Finding]:
        for seq, witnesses in sorted(self.witnesses.items()):
            for witness in witnesses:
                message = f"It is missing, but {witness.name} names it. The log was cut."
                yield Finding(witness.absent, f"record {seq}", message)
        head = _head()
        if head is not None and self.last.seq > head.seq:
            message = f"The head row says {head.seq} records; the log continues to {self.last.seq}."
            yield Finding(Fault.HEAD_MISMATCH, "log", message)


_LOWEST = -(2**63)


def _head() -> AuditHead | None:
    return AuditHead.objects.filter(pk=HEAD_ID).first()


def _before(start: int) -> Position:
    """Return what the record `start` must follow. A missing record shows as a wrong link."""
    if start <= 1:
        return Position(0, GENESIS)
    found = AuditEvent.objects.filter(seq=start - 1).values_list("hash", flat=True).first()
    return Position(start - 1, found or "")


def _copy_faults(event: AuditEvent) -> Iterator[Finding]:
    place = f"record {event.seq}"
    try:
        expected = copies(json.loads(event.body))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        yield Finding(Fault.UNREADABLE, place, "Its content is not what this console writes.")
        return
    changed = [name for name, value in expected.items() if getattr(event, name) != value]
    if changed:
        message = f"Different from its content: {', '.join(changed)}."
        yield Finding(Fault.COPY_CHANGED, place, message)


def age_faults(anchors: Sequence[Checkpoint], now: dt.datetime, minutes: int) -> Iterator[Finding]:
    """Yield a finding if the last anchor is older than `minutes`, and one per time in the future.

    A time in the future gives no information about the age. The order is that of the file, which
    the chain of checkpoints confirms: a time in an anchor is only what the clock said then.
    """
    for anchor in anchors:
        if clocks.is_ahead(anchor.at, now):
            message = (
                f"The checkpoint at record {anchor.size} was signed at {anchor.at:%Y-%m-%d %H:%M}"
                " UTC, which is in the future: the clock of the machine that signed it was wrong."
            )
            yield Finding(Fault.ANCHOR_FUTURE, "log", message)
    if anchors and now - anchors[-1].at > dt.timedelta(minutes=minutes):
        message = (
            f"The newest anchor is from {anchors[-1].at:%Y-%m-%d %H:%M} UTC, more than {minutes}"
            " minutes ago. Checkpoints are no longer signed, or no longer arrive here."
        )
        yield Finding(Fault.ANCHOR_OLD, "log", message)
