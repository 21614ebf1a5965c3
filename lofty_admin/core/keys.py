"""Print fresh keys as lines for a deployment's environment file.

Run it as `python -m lofty_admin.core.keys`. It is not a Django command, because those need the
settings, which need the keys.
"""

import base64
import secrets
import sys
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_BYTES = 32


def fresh_keys() -> str:
    """Return the lines with fresh keys.

    Nothing is stored: the caller must keep them, and keep them secret.
    """
    today = f"k{datetime.now(UTC):%Y%m%d}"
    signing_key = secrets.token_bytes(KEY_BYTES)
    public_key = Ed25519PrivateKey.from_private_bytes(signing_key).public_key().public_bytes_raw()
    lines = (
        f"SECRET_KEY={secrets.token_urlsafe(64)}",
        f"VAULT_KEYS={today}:{_in_base64(secrets.token_bytes(KEY_BYTES))}",
        f"AUDIT_KEYS={today}:{_in_base64(secrets.token_bytes(KEY_BYTES))}",
        f"FINGERPRINT_KEY={_in_base64(secrets.token_bytes(KEY_BYTES))}",
        "# For the worker's environment only:",
        f"AUDIT_SIGNING_KEY={_in_base64(signing_key)}",
        "# For the console, and for those who verify the audit log:",
        f"AUDIT_PUBLIC_KEYS={_in_base64(public_key)}",
    )
    return "".join(f"{line}\n" for line in lines)


def _in_base64(key: bytes) -> str:
    return base64.b64encode(key).decode()


if __name__ == "__main__":
    sys.stdout.write(fresh_keys())
