"""Make checkpoints: sign the log's current length and the hash of its last record.

A checkpoint kept outside the database shows later whether anything before it was cut off or
rewritten, even by an attacker who has the database and the chain's keys.
"""

import base64
import datetime as dt

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from lofty_admin.audit.models import GENESIS, HEAD_ID, AuditCheckpoint, AuditDelivery, AuditHead
from lofty_admin.audit.proof.restore_guard import ReadOnly, refuse_if_behind
from lofty_admin.audit.proof.signed_checkpoint import (
    Checkpoint,
    has_record,
    key_id_of,
    public_key_of,
)
from lofty_admin.core import clocks


class CheckpointRefused(Exception):
    """No checkpoint was made; the message gives the reason."""


def is_due() -> bool:
    """Return whether enough was written, or enough time passed, since the last checkpoint."""
    environment = settings.ENVIRONMENT
    head, last = AuditHead.objects.filter(pk=HEAD_ID).first(), newest()
    if head is None or last is None:
        return True
    # A checkpoint signed by a clock that was ahead must not stop the next ones.
    longest = dt.timedelta(minutes=environment.checkpoint_minutes)
    is_recent = clocks.is_recent(last.at, timezone.now(), longest)
    return head.seq - last.size >= environment.checkpoint_events or not is_recent


def newest() -> AuditCheckpoint | None:
    return AuditCheckpoint.objects.order_by("-pk").first()


def make() -> AuditCheckpoint:
    """Sign and store the log's current length. sinks.py delivers it.

    Raises CheckpointRefused without a signing key, and when the log does not continue the previous
    checkpoint or the newest one outside: a signature must not cover up a cut.
    """
    key = settings.ENVIRONMENT.audit_signing_key
    if key is None:
        raise CheckpointRefused("AUDIT_SIGNING_KEY is not set here. No checkpoint was signed.")
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
    if head is None or not has_record(head.seq, head.hash):
        raise CheckpointRefused(
            "The head of the audit log does not match its last record. No checkpoint was "
            "signed. Run `manage.py audit_verify`."
        )
    return head


def _require_acknowledgement() -> None:
    """Refuse a checkpoint on a restored database until the restore is acknowledged.

    The new checkpoint would be the newest outside, and hide that the database was restored.
    """
    try:
        refuse_if_behind()
    except ReadOnly as error:
        raise CheckpointRefused(f"{error} No checkpoint was signed.") from None


def _require_continuation(last: AuditCheckpoint | None, head: AuditHead) -> None:
    if last is None:
        return
    before = Checkpoint.parse(last.line)
    same_log = before.log_id == head.log_id and before.size <= head.seq
    if not same_log or not has_record(before.size, before.head_hash):
        raise CheckpointRefused(
            f"The audit log does not continue the checkpoint of {before.at:%Y-%m-%d %H:%M} UTC "
            f"at record {before.size}. No checkpoint was signed. Run `manage.py "
            "audit_verify`."
        )
