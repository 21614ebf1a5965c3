"""Secrets in the sealed columns of a row, bound to that row and its version."""

from typing import TypeAlias

from lofty_admin.core import vault
from lofty_admin.tenants.models import Credential, PendingConnection

SealedRow: TypeAlias = Credential | PendingConnection
"""`version` changes whenever the row's secrets do"""


def seal_into(row: SealedRow, column: str, secret: str) -> None:
    """Put `secret` into the column, sealed; "" leaves the column empty. Saves nothing."""
    setattr(row, column, sealed_for(row, column, secret))


def sealed_for(row: SealedRow, column: str, secret: str) -> bytes:
    """The bytes for that column of that row; none for no secret."""
    if not secret:
        return b""
    return vault.seal(
        secret, table=row._meta.db_table, column=column, owner=row.id, version=row.version
    )


def open_from(row: SealedRow, column: str) -> str:
    """The secret in the column. Raises VaultError unless it was sealed for this very place."""
    return vault.open_sealed(
        getattr(row, column),
        table=row._meta.db_table,
        column=column,
        owner=row.id,
        version=row.version,
    )
