"""The codes of an authenticator app (RFC 6238): six digits that change every 30 seconds."""

import base64
import hashlib
import hmac
import secrets
import struct
import time

from django.conf import settings

PERIOD = 30  # seconds
_DIGITS = 6
_SECRET_BYTES = 20  # the length that RFC 4226 recommends


def new_secret() -> str:
    """Return a new secret in base32, as apps take it."""
    return base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def code_of(secret: str, counter: int) -> str:
    """Return the code for this time step."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", counter), hashlib.sha1).digest()
    at = digest[-1] % 16  # the last four bits of the digest say where to take the code from
    number = int.from_bytes(digest[at : at + 4], "big") % 2**31
    return f"{number % 10**_DIGITS:0{_DIGITS}}"


def current_counters() -> range:
    """Return the time steps whose codes count now: a phone's clock may differ a little."""
    now = int(time.time()) // PERIOD
    return range(now - settings.MFA_TOTP_TOLERANCE, now + settings.MFA_TOTP_TOLERANCE + 1)
