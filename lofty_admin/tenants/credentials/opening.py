"""Open a connection's secrets, but only those that the audit log records as stored last.

A person with write access to the database can put an old row back unchanged, and it would decrypt.
The audit log has the newest version of the tenant's connection: nothing older is used.
"""

from uuid import UUID

from lofty_admin.audit.log.kinds import CREDENTIAL_STORED
from lofty_admin.audit.models import AuditEvent
from lofty_admin.core.vault import VaultError
from lofty_admin.tenants.credentials.sealing import open_from
from lofty_admin.tenants.models import Connection

_TRIES = 5


def opened(connection: Connection, column: str) -> str:
    """Return the column's secret. Raises VaultError, also for a row restored from earlier."""
    for _ in range(_TRIES):
        if _noted(connection.tenant_id) == _own(connection):
            return open_from(connection, column)
        if not _moved(connection):
            break
        connection.refresh_from_db()
    raise VaultError(
        "The stored secret is not the newest one in the history. It may have been "
        "restored from an earlier time."
    )


def _own(connection: Connection) -> tuple[str, int, str]:
    return str(connection.id), connection.version, connection.fingerprint


def _noted(tenant_id: UUID) -> tuple[object, ...]:
    """Return id, version, and fingerprint of the last recorded connection; empty if removed."""
    stored = AuditEvent.objects.for_tenant(tenant_id).filter(kind__in=CREDENTIAL_STORED)
    event = stored.only("body").first()
    after = (event.content.get("after") if event else None) or {}
    return tuple(after.get(name) for name in ("id", "version", "fingerprint")) if after else ()


def _moved(connection: Connection) -> bool:
    """Return whether the row has changed since it was read: then the record is simply newer."""
    row = Connection.objects.filter(pk=connection.pk).values_list("version", flat=True).first()
    return row is not None and row != connection.version
