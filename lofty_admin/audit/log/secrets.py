"""Replace secrets in the audit log by fingerprints, which show equality and nothing else."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from lofty_admin.audit.log.canonical import MAX_DEPTH, canonical

_TAG = b"lofty-console-fingerprint-1\0"
_FINGERPRINT = re.compile(r"hmac-sha256:[0-9a-f]{64}")
SECRET_NAMES = frozenset(
    {
        "token",
        "accesstoken",
        "refreshtoken",
        "idtoken",
        "apikey",
        "clientsecret",
        "secret",
        "password",
        "authorization",
        "cookie",
        "sessionkey",
    }
)


def secret_fingerprint(value: object) -> str:
    """Return `hmac-sha256:` and 64 hex digits under FINGERPRINT_KEY; equal for equal secrets only.

    Takes any type: a number is as secret as a text, and 7 is not "7".
    """
    data = repr(value).encode() if isinstance(value, str | bytes) else canonical(value)
    key = settings.ENVIRONMENT.fingerprint_key
    return "hmac-sha256:" + hmac.new(key, _TAG + data, hashlib.sha256).hexdigest()


def hide_secrets(value: Any, depth: int = MAX_DEPTH) -> Any:
    """Return `value` with everything under a name in SECRET_NAMES replaced by its fingerprint.

    Names are compared without case, `-` and `_`. Values nested deeper than the record keeps are
    returned unchanged: `canonical` leaves them out.
    """
    if not depth:
        return value
    if isinstance(value, Mapping):
        return {name: _member(name, item, depth) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [hide_secrets(item, depth - 1) for item in value]
    return value


def _member(name: object, item: Any, depth: int) -> Any:
    plain = str(name).casefold().replace("-", "").replace("_", "")
    if plain not in SECRET_NAMES or item is None or _is_fingerprint(item):
        return hide_secrets(item, depth - 1)
    return secret_fingerprint(item)


def _is_fingerprint(item: object) -> bool:
    return isinstance(item, str) and _FINGERPRINT.fullmatch(item) is not None
