"""A signed checkpoint: its fields, its text form, and whose signature counts.

>>> Checkpoint.parse(line).is_signed_by(public_key)
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

from lofty_admin.audit.log.canonical import canonical
from lofty_admin.audit.models import GENESIS, AuditEvent

FORMAT = "lofty-audit-checkpoint-1"
_HASH = re.compile("[0-9a-f]{64}")


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
        """The signed bytes: RFC 8785 of the format and every field but the signature."""
        fields = asdict(self)
        del fields["signature"]
        return canonical({"format": FORMAT, **fields})

    @property
    def hash(self) -> str:
        """The hash that the next checkpoint stores as its previous one: SHA-256 of `body`."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def line(self) -> str:
        """The checkpoint as one line of JSON, as it is stored and delivered."""
        return canonical({"format": FORMAT, **asdict(self)}).decode()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the checkpoint in a line, skipping a syslog prefix.

        Raises ValueError if there is none.
        """
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
    """Return the 32-byte public key that belongs to a 32-byte signing key."""
    return Ed25519PrivateKey.from_private_bytes(signing_key).public_key().public_bytes_raw()


def key_id_of(public_key: bytes) -> str:
    """Return a public key's short name in checkpoints."""
    return "ed25519-" + hashlib.sha256(public_key).hexdigest()[:16]


def believed_keys(more: Iterable[bytes] = ()) -> dict[str, bytes]:
    """Return the trusted public keys by id: `more`, and those of the environment.

    Keys never come from the database.
    """
    environment = settings.ENVIRONMENT
    keys = [*more, *environment.audit_public_keys]
    if environment.audit_signing_key:
        keys.append(public_key_of(environment.audit_signing_key))
    return {key_id_of(key): key for key in keys}


def has_record(seq: int, own_hash: str) -> bool:
    """Return whether the log has this record; number 0 is the start of every log."""
    if not seq:
        return own_hash == GENESIS
    return AuditEvent.objects.filter(seq=seq, hash=own_hash).exists()
