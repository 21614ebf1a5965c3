"""Signed checkpoints: how long the log was at a time, and the hash of its last record.

Whoever keeps one outside the database can tell later whether anything before it was cut off or
written anew, even by somebody who has the database and the chain's keys.
"""

import base64
import binascii
import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Self
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from lofty_admin.audit.log.canonical import canonical
from lofty_admin.audit.models import (
    GENESIS,
    HEAD_ID,
    AuditCheckpoint,
    AuditDelivery,
    AuditEvent,
    AuditHead,
)
from lofty_admin.core import clocks

FORMAT = "lofty-audit-checkpoint-1"
_HASH = re.compile("[0-9a-f]{64}")


class SigningKeyMissing(Exception):
    """No checkpoint was made; the message says why."""


@dataclass(frozen=True)
class Checkpoint:
    """`size` records, the last with `head_hash`, in the log `log_id` at the time `at`.

    `previous` is the hash of the checkpoint before (64 zeros for the first), `key_id` names the
    signing key and `signature` is Ed25519 over `body`, in base64.
    """

    log_id: UUID
    size: int
    head_hash: str
    at: dt.datetime
    previous: str
    key_id: str
    signature: str = ""

    @property
    def body(self) -> bytes:
        """What is signed: RFC 8785 of the format and every field but the signature."""
        fields = asdict(self)
        del fields["signature"]
        return canonical({"format": FORMAT, **fields})

    @property
    def hash(self) -> str:
        """What the next checkpoint names as its previous one: SHA-256 of `body`."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def line(self) -> str:
        """One line of JSON, as it is stored and handed over."""
        return canonical({"format": FORMAT, **asdict(self)}).decode()

    @classmethod
    def parse(cls, text: str) -> Self:
        """The checkpoint of a line; what syslog puts before it is skipped. ValueError if none."""
        try:
            return cls._of(json.loads(text[text.index("{") :]))
        except (KeyError, TypeError, AttributeError, RecursionError):
            raise ValueError("no checkpoint") from None

    @classmethod
    def _of(cls, fields: dict[str, Any]) -> Self:
        form, at = fields.pop("format"), dt.datetime.fromisoformat(fields.pop("at"))
        found = cls(log_id=UUID(fields.pop("log_id")), at=at, **fields)
        hashes = _HASH.fullmatch(found.head_hash) and _HASH.fullmatch(found.previous)
        texts = isinstance(found.key_id, str) and isinstance(found.signature, str)
        counted = type(found.size) is int and found.size >= 0
        if form != FORMAT or not hashes or not texts or not counted or not at.tzinfo:
            raise ValueError("no checkpoint")
        return found

    def is_signed_by(self, public_key: bytes) -> bool:
        try:
            signature = base64.b64decode(self.signature, validate=True)
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature, self.body)
        except (binascii.Error, InvalidSignature, ValueError):
            return False
        return True


def public_key_of(signing_key: bytes) -> bytes:
    """The 32 public bytes that belong to a signing key of 32 bytes."""
    return Ed25519PrivateKey.from_private_bytes(signing_key).public_key().public_bytes_raw()


def key_id_of(public_key: bytes) -> str:
    """A public key's short name in checkpoints."""
    return "ed25519-" + hashlib.sha256(public_key).hexdigest()[:16]


def believed_keys(more: Iterable[bytes] = ()) -> dict[str, bytes]:
    """Public keys by id: `more`, and those of the environment. Never from the database."""
    environment = settings.ENVIRONMENT
    keys = [*more, *environment.audit_public_keys]
    if environment.audit_signing_key:
        keys.append(public_key_of(environment.audit_signing_key))
    return {key_id_of(key): key for key in keys}


def is_due() -> bool:
    """Whether enough was written, or enough time passed, since the last checkpoint."""
    environment = settings.ENVIRONMENT
    head, last = AuditHead.objects.filter(pk=HEAD_ID).first(), newest()
    if head is None or last is None:
        return True
    # One signed by a clock that was ahead must not stop the next ones.
    longest = dt.timedelta(minutes=environment.checkpoint_minutes)
    is_recent = clocks.is_recent(last.at, timezone.now(), longest)
    return head.seq - last.size >= environment.checkpoint_events or not is_recent


def newest() -> AuditCheckpoint | None:
    return AuditCheckpoint.objects.order_by("-pk").first()


def make() -> AuditCheckpoint:
    """Sign how the log stands now, and store that. Handing it over is for sinks.py.

    Raises NotSigned without a signing key, and when the log does not continue what the checkpoint
    before, or the newest one outside, says: a signature must not cover up a cut.
    """
    key = settings.ENVIRONMENT.audit_signing_key
    if key is None:
        raise SigningKeyMissing("AUDIT_SIGNING_KEY is not set here. No checkpoint was made.")
    _require_acknowledgement()
    with transaction.atomic():
        AuditDelivery.lock()
        last, head = newest(), _sound_head()
        _require_continuation(last, head)
        unsigned = Checkpoint(
            log_id=head.log_id,
            size=head.seq,
            head_hash=head.hash,
            at=timezone.now(),
            previous=last.hash if last else GENESIS,
            key_id=key_id_of(public_key_of(key)),
        )
        return _store(unsigned, key)


def _store(unsigned: Checkpoint, key: bytes) -> AuditCheckpoint:
    signature = Ed25519PrivateKey.from_private_bytes(key).sign(unsigned.body)
    signed = Checkpoint(**{**vars(unsigned), "signature": base64.b64encode(signature).decode()})
    row = AuditCheckpoint(
        at=signed.at,
        size=signed.size,
        previous_hash=signed.previous,
        hash=signed.hash,
        line=signed.line,
    )
    row.save(force_insert=True)
    return row


def _sound_head() -> AuditHead:
    head = AuditHead.objects.filter(pk=HEAD_ID).first()
    if head is None or not is_trusted(head.seq, head.hash):
        raise SigningKeyMissing(
            "The head of the audit log does not fit its last record. No checkpoint was made."
            " Run `manage.py audit_verify`."
        )
    return head


def _require_acknowledgement() -> None:
    """A new checkpoint would be the newest anchor, and a restored database would pass by it."""
    from lofty_admin.audit.proof import restore_guard  # not above: it reads checkpoints

    try:
        restore_guard.refuse_if_behind()
    except restore_guard.ReadOnly as error:
        raise SigningKeyMissing(f"{error} No checkpoint was made.") from None


def _require_continuation(last: AuditCheckpoint | None, head: AuditHead) -> None:
    if last is None:
        return
    before = Checkpoint.parse(last.line)
    same_log = before.log_id == head.log_id and before.size <= head.seq
    if not same_log or not is_trusted(before.size, before.head_hash):
        raise SigningKeyMissing(
            f"The audit log does not continue the checkpoint of {before.at:%Y-%m-%d %H:%M} UTC at"
            f" record {before.size}. No checkpoint was made. Run `manage.py audit_verify`."
        )


def is_trusted(seq: int, own_hash: str) -> bool:
    """Whether the log has a record of this number with this hash (none: the start of every log)."""
    if not seq:
        return own_hash == GENESIS
    return AuditEvent.objects.filter(seq=seq, hash=own_hash).exists()
