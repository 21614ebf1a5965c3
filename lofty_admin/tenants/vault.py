"""The vault, as the tenants use it: see `lofty_admin.vault`, which the people's secrets use too."""

from lofty_admin.vault import (
    FORMAT,
    KEY_BYTES,
    NONCE_BYTES,
    TAG_BYTES,
    VaultError,
    open_sealed,
    seal,
)

__all__ = [
    "FORMAT",
    "KEY_BYTES",
    "NONCE_BYTES",
    "TAG_BYTES",
    "VaultError",
    "open_sealed",
    "seal",
]
