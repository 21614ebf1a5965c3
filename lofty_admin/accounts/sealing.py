"""Seal the secrets of second factors for their owner before they are stored.

allauth stores them as text inside JSON. A sealed secret reads `ID:BASE64`, where ID is the user's;
the vault binds the id, so that a value copied into another user's row does not open there.
"""

import base64
import binascii
from uuid import UUID

from lofty_admin.core import vault

_TABLE, _COLUMN, _VERSION = "mfa_authenticator", "data", 1


def seal_for(user_id: int, plain: str) -> str:
    """Seal `plain` as text that opens for this user only."""
    sealed = vault.seal(
        plain, table=_TABLE, column=_COLUMN, owner=_owner(user_id), version=_VERSION
    )
    return f"{user_id}:{base64.b64encode(sealed).decode()}"


def open_for(user_id: int, sealed: str) -> str:
    """Open what `seal_for` sealed for this user. Raises VaultError for everything else."""
    data = _sealed_bytes(user_id, sealed)
    place = {"table": _TABLE, "column": _COLUMN}
    return vault.open_sealed(data, **place, owner=_owner(user_id), version=_VERSION)


def owner_of(sealed: str) -> int:
    """Return the id of the owner that a sealed text names, or raise VaultError."""
    owner, _, _ = sealed.partition(":")
    if not owner.isdecimal():
        raise vault.VaultError("There is no sealed secret here.")
    return int(owner)


def key_of(sealed: str) -> str:
    """Return the id of the key it is sealed under; "" when it is not a sealed text."""
    try:
        return vault.key_of(_decoded(sealed))
    except vault.VaultError:
        return ""


def _sealed_bytes(user_id: int, sealed: str) -> bytes:
    if not isinstance(sealed, str) or owner_of(sealed) != user_id:
        raise vault.VaultError("The stored secret belongs to another user.")
    return _decoded(sealed)


def _decoded(sealed: str) -> bytes:
    try:
        return base64.b64decode(sealed.partition(":")[2], validate=True)
    except binascii.Error:
        pass
    raise vault.VaultError("There is no sealed secret here.")


def _owner(user_id: int) -> UUID:
    return UUID(int=user_id)
