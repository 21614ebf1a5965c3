"""Write an audit log, tamper with it, make checkpoints, and run commands."""

import base64
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.log import triggers
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import GENESIS, AuditCheckpoint, AuditEvent, AuditHead
from lofty_admin.audit.proof import restore_guard
from lofty_admin.audit.proof.checkpoints import make
from lofty_admin.audit.proof.signed_checkpoint import Checkpoint, key_id_of, public_key_of
from lofty_admin.core.environment import Sink

SIGNING_KEY = bytes(range(32))
PUBLIC_KEY = base64.b64encode(public_key_of(SIGNING_KEY)).decode()

MEND_HEAD = (
    "UPDATE audit_audithead SET (seq, hash) ="
    " (SELECT seq, hash FROM audit_auditevent ORDER BY seq DESC LIMIT 1)"
)


def write(count: int, first: int = 1) -> None:
    """Records with the reasons "reason 1", "reason 2", ..."""
    for number in range(first, first + count):
        record(Kind.TENANT_CHANGED, reason=f"reason {number}")


def use(settings: Settings, **values: object) -> None:
    """Change the typed environment for this test."""
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, **values)


def sign_here(settings: Settings) -> None:
    """From now on this process may make checkpoints, as the worker may."""
    use(settings, audit_signing_key=SIGNING_KEY)


def sink_to(settings: Settings, path: Path) -> Path:
    use(settings, checkpoint_sink=Sink("file", str(path)))
    return path


def checkpoint() -> Checkpoint:
    return Checkpoint.parse(make().line)


def keep(path: Path) -> Path:
    """Every checkpoint made so far, in a file outside the database."""
    rows = AuditCheckpoint.objects.order_by("pk")
    path.write_text("".join(f"{row.line}\n" for row in rows))
    return path


def put_back(size: int) -> None:
    """Put the whole log back to its first `size` records, consistent, as from a backup."""
    tamper("DELETE FROM audit_auditevent WHERE seq > %s", [size])
    tamper(MEND_HEAD)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditcheckpoint DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM audit_auditcheckpoint WHERE size > %s", [size])
    triggers.install(connection)
    restore_guard.clear_cache()


def fall_behind(settings: Settings, path: Path, **changes: Any) -> Checkpoint:
    """From now on there is a newer anchor, outside, than this database can have made.

    `changes`: what else the checkpoint says than fifty more records.
    """
    head = AuditHead.objects.get()
    spoken: dict[str, Any] = {
        "log_id": head.log_id,
        "size": head.seq + 50,
        "head_hash": "a" * 64,
        "at": timezone.now(),
        "previous": GENESIS,
        "key_id": key_id_of(public_key_of(SIGNING_KEY)),
        **changes,
    }
    anchor = sign(Checkpoint(**spoken))
    with path.open("a") as file:
        file.write(f"{anchor.line}\n")
    use(settings, audit_public_keys=(public_key_of(SIGNING_KEY),))
    sink_to(settings, path)
    restore_guard.clear_cache()
    return anchor


def sign(checkpoint: Checkpoint) -> Checkpoint:
    signature = Ed25519PrivateKey.from_private_bytes(SIGNING_KEY).sign(checkpoint.body)
    return replace(checkpoint, signature=base64.b64encode(signature).decode())


def tamper(statement: str, values: list[Any] | None = None) -> None:
    """As the owner of the tables can: guards off, changes, guards on again."""
    with connection.cursor() as cursor:
        for table in ("audit_auditevent", "audit_audithead"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(
            "ALTER TABLE audit_auditevent DROP CONSTRAINT IF EXISTS audit_auditevent_seq_key;"
            "ALTER TABLE audit_auditevent DROP CONSTRAINT IF EXISTS audit_no_fork"
        )
        cursor.execute(statement, values)
    triggers.install(connection)


def run(command: str, *arguments: str) -> tuple[int, str]:
    """Exit code and standard output of a command."""
    out = StringIO()
    try:
        call_command(command, *arguments, stdout=out, stderr=StringIO())
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


def newest(kind: Kind = Kind.SETTINGS_OUTCOME) -> AuditEvent:
    event = AuditEvent.objects.filter(kind=kind).order_by("-seq").first()
    assert event is not None
    return event
