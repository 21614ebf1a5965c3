"""Walks the whole audit log and names everything that is not as it was written."""

import hmac
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from lofty_admin.audit import triggers
from lofty_admin.audit.chain import copies, link
from lofty_admin.audit.models import GENESIS, HEAD_ID, AuditEvent, AuditHead


class Fault(StrEnum):
    HASH_WRONG = "hash wrong"
    LINK_WRONG = "link wrong"
    GAP = "gap"
    DUPLICATE = "duplicate number"
    UNREADABLE = "unreadable"
    COPY_CHANGED = "copy changed"
    UNKNOWN_KEY = "unknown key"
    HEAD_MISMATCH = "head mismatch"
    ANCHOR_MISMATCH = "anchor mismatch"
    GUARD_MISSING = "guard missing"


@dataclass(frozen=True)
class Finding:
    """One fault, the record it was found at (None: the log as a whole), and what it means."""

    fault: Fault
    seq: int | None
    message: str

    def __str__(self) -> str:
        place = "log" if self.seq is None else f"record {self.seq}"
        return f"{place}: {self.fault}: {self.message}"


@dataclass(frozen=True)
class Anchor:
    """Number and hash of a record, noted earlier and kept outside the database."""

    seq: int
    hash: str

    @classmethod
    def parse(cls, text: str) -> "Anchor":
        """`SEQ:HASH` as `audit_verify` prints it; ValueError for anything else."""
        found = re.fullmatch("([0-9]{1,18}):([0-9a-f]{64})", text.strip())
        if found is None:
            raise ValueError("An anchor is NUMBER:HASH, as audit_verify prints it.")
        return cls(int(found[1]), found[2])

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


@dataclass(frozen=True)
class _Witness:
    """Somebody who says which hash the record `seq` has."""

    name: str
    fault: Fault
    seq: int
    hash: str


class Verification:
    """One pass over the log: `findings()` once, then `last` is the last record it passed.

    Without an anchor a cut tail whose head row was mended cannot be found: that needs something
    kept outside the database. Writers are not held up; what they add during the pass may or may
    not be part of it.
    """

    def __init__(self, anchor: Anchor | None = None) -> None:
        self.keys = settings.ENVIRONMENT.audit_keys.keys
        self.last = Anchor(0, GENESIS)
        self.head = _head()
        self.witnesses = list(_witnesses(self.head, anchor))

    def findings(self) -> Iterator[Finding]:
        """Every fault, in the log's order; goes on to the end."""
        for message in triggers.faults(connection):
            yield Finding(Fault.GUARD_MISSING, None, message)
        # In a transaction the server keeps one snapshot and hands it out piece by piece.
        with transaction.atomic():
            for event in AuditEvent.objects.order_by("seq", "id").iterator(chunk_size=500):
                yield from self.place(event)
                yield from self.seal(event)
                yield from _copy_faults(event)
                yield from self.testify(event)
                self.last = Anchor(event.seq, event.hash)
        yield from self.end()

    def place(self, event: AuditEvent) -> Iterator[Finding]:
        if event.seq == self.last.seq:
            yield Finding(Fault.DUPLICATE, event.seq, "Two records have this number.")
        elif event.seq != self.last.seq + 1:
            missing = f"{self.last.seq + 1} to {event.seq - 1}"
            yield Finding(Fault.GAP, event.seq, f"The records {missing} before it are missing.")
        if event.previous_hash != self.last.hash:
            yield Finding(Fault.LINK_WRONG, event.seq, "It does not follow the record before it.")

    def seal(self, event: AuditEvent) -> Iterator[Finding]:
        key = self.keys.get(event.key_id)
        if key is None:
            message = f"It names the key {event.key_id!r}, which AUDIT_KEYS does not hold."
            yield Finding(Fault.UNKNOWN_KEY, event.seq, message)
        elif self.head is not None and not self.is_sealed(event, key, self.head):
            message = "Its content, its place or its hash was changed, or it was not written by us."
            yield Finding(Fault.HASH_WRONG, event.seq, message)

    def is_sealed(self, event: AuditEvent, key: bytes, head: AuditHead) -> bool:
        try:
            expected = link(key, head.log_id, event.seq, event.previous_hash, event.body)
        except (ValueError, OverflowError):
            return False
        return hmac.compare_digest(expected.encode(), event.hash.encode())

    def testify(self, event: AuditEvent) -> Iterator[Finding]:
        for witness in [witness for witness in self.witnesses if witness.seq == event.seq]:
            self.witnesses.remove(witness)
            if witness.hash != event.hash:
                message = f"Its hash is not the one that {witness.name} names."
                yield Finding(witness.fault, event.seq, message)

    def end(self) -> Iterator[Finding]:
        for witness in self.witnesses:
            message = f"It is not there, but {witness.name} names it. The log was cut."
            yield Finding(witness.fault, witness.seq, message)
        head = _head()
        if head is None:
            message = "The head row is missing; without it no hash can be checked."
            yield Finding(Fault.HEAD_MISMATCH, None, message)
        elif self.last.seq > head.seq:
            message = f"The head row says {head.seq} records; the log goes on to {self.last.seq}."
            yield Finding(Fault.HEAD_MISMATCH, None, message)


def _head() -> AuditHead | None:
    return AuditHead.objects.filter(pk=HEAD_ID).first()


def _witnesses(head: AuditHead | None, anchor: Anchor | None) -> Iterator[_Witness]:
    if head is not None and head.seq:
        yield _Witness("the head row", Fault.HEAD_MISMATCH, head.seq, head.hash)
    if anchor is not None and anchor.seq:
        yield _Witness("the anchor", Fault.ANCHOR_MISMATCH, anchor.seq, anchor.hash)


def _copy_faults(event: AuditEvent) -> Iterator[Finding]:
    try:
        expected: dict[str, Any] = copies(json.loads(event.body))
    except (ValueError, KeyError, TypeError, AttributeError):
        yield Finding(Fault.UNREADABLE, event.seq, "Its content is not what this console writes.")
        return
    changed = [name for name, value in expected.items() if getattr(event, name) != value]
    if changed:
        names = ", ".join(changed)
        yield Finding(Fault.COPY_CHANGED, event.seq, f"Not as in its content: {names}.")
