"""Seal secrets for the database, and open them again: AES-256-GCM, bound to their row.

A sealed value is: format tag, length of the key id, key id, 96-bit random nonce, ciphertext with
tag. Table, column, owner, key id and version go into the authenticated data, so that a value
copied to another row, column or table, or put back from before a change, does not open.
"""

import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from lofty_admin.core.environment import KeyRing

FORMAT = b"LV1"
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16


class VaultError(Exception):
    """A sealed value does not open. The message gives the reason without any secret."""


def seal(plain: str, *, table: str, column: str, owner: UUID, version: int) -> bytes:
    """Encrypt under the current key for one column of one row; `version` counts its secrets."""
    key_id = _ring().current
    nonce = os.urandom(NONCE_BYTES)
    bound = _bound_to(table, column, owner, key_id, version)
    ciphertext = AESGCM(_ring().keys[key_id]).encrypt(nonce, plain.encode(), bound)
    return prefix_of(key_id) + nonce + ciphertext


def open_sealed(
    sealed: bytes | memoryview, *, table: str, column: str, owner: UUID, version: int
) -> str:
    """Decrypt what `seal` returned for the same row, column, and version, or raise VaultError."""
    key_id, nonce, ciphertext = _parts(bytes(sealed))
    key = _ring().keys.get(key_id)
    if key is None:
        raise VaultError("The secret was stored under a key that this console no longer has.")
    bound = _bound_to(table, column, owner, key_id, version)
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, bound).decode()
    except InvalidTag:
        pass
    raise VaultError("The stored secret is damaged, or was planted here.")


def prefix_of(key_id: str) -> bytes:
    """Return the prefix of everything sealed under that key."""
    return FORMAT + bytes([len(key_id)]) + key_id.encode()


def key_of(sealed: bytes) -> str:
    """Return the id of the key that `sealed` names, or raise VaultError if it isn't sealed."""
    key_id, _start = _header(sealed)
    return key_id


def _header(sealed: bytes) -> tuple[str, int]:
    """Return the key's id and the offset of what follows it."""
    start = len(FORMAT) + 1
    if not sealed.startswith(FORMAT) or len(sealed) <= start:
        raise VaultError("There is no sealed secret here.")
    end = start + sealed[start - 1]
    return sealed[start:end].decode("ascii", errors="replace"), end


def _parts(sealed: bytes) -> tuple[str, bytes, bytes]:
    key_id, start = _header(sealed)
    nonce, ciphertext = sealed[start : start + NONCE_BYTES], sealed[start + NONCE_BYTES :]
    if len(ciphertext) < TAG_BYTES:
        raise VaultError("The stored secret is cut short.")
    return key_id, nonce, ciphertext


def _bound_to(table: str, column: str, owner: UUID, key_id: str, version: int) -> bytes:
    parts = (FORMAT, table.encode(), column.encode(), owner.bytes, key_id.encode(), b"%d" % version)
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _ring() -> KeyRing:
    ring: KeyRing = settings.ENVIRONMENT.vault_keys
    return ring
