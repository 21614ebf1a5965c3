"""Seal a secret for its row, and open a connection's secrets if they are the newest.

A sealed value is bound to its table, column, row, and version (core/vault.py). That leaves one
attack: a person with write access to the database can put an old row back unchanged, and it would
open. The audit log has the newest version of the tenant's connection: nothing older is used.
"""

from typing import Any, ClassVar, Protocol
from uuid import UUID

from lofty_admin.audit.kinds import CREDENTIAL_STORED
from lofty_admin.audit.models import AuditEvent
from lofty_admin.core import vault
from lofty_admin.tenants.models import Connection

_TRIES = 5


class SealedRow(Protocol):
    """A row with encrypted columns. `version` changes whenever the row's secrets do."""

    id: UUID
    version: int
    _meta: ClassVar[Any]


def seal_into(row: SealedRow, column: str, secret: str) -> None:
    """Seal `secret` into the column; "" leaves the column empty. Does not save the row."""
    setattr(row, column, sealed_for(row, column, secret))


def sealed_for(row: SealedRow, column: str, secret: str) -> bytes:
    """Return the sealed bytes for that column of that row; empty for an empty secret."""
    if not secret:
        return b""
    return vault.seal(
        secret, table=row._meta.db_table, column=column, owner=row.id, version=row.version
    )


def open_from(row: SealedRow, column: str) -> str:
    """Return the column's secret. Raises VaultError unless it was sealed for this place."""
    return vault.open_sealed(
        getattr(row, column),
        table=row._meta.db_table,
        column=column,
        owner=row.id,
        version=row.version,
    )


def open_newest(connection: Connection, column: str) -> str:
    """Return the column's secret. Raises VaultError, also for a row restored from earlier."""
    for _ in range(_TRIES):
        if _noted(connection.tenant_id) == _own(connection):
            return open_from(connection, column)
        if not _moved(connection):
            break
        connection.refresh_from_db()
    raise vault.VaultError(
        "The stored secret is not the newest one in the history. It may have been restored from an"
        " earlier time."
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
