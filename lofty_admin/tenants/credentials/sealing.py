"""Seal and open secrets in a row's encrypted columns, bound to that row and its version."""

from typing import Any, ClassVar, Protocol
from uuid import UUID

from lofty_admin.core import vault


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
