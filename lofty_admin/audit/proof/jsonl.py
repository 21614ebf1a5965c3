"""Write records as JSON lines, verifiable without this program: docs/audit-export.md."""

import json
from uuid import UUID

from lofty_admin.audit.models import AuditEvent


def line(event: AuditEvent, log_id: UUID) -> str:
    """Return one record with all the input of its hash; `body` is the text exactly as stored.

    ASCII only, and one line whatever the body holds: readers differ in what else ends a line.
    """
    fields = {
        "log_id": str(log_id),
        "seq": event.seq,
        "key_id": event.key_id,
        "previous_hash": event.previous_hash,
        "hash": event.hash,
        "body": event.body,
    }
    return json.dumps(fields) + "\n"
