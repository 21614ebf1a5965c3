"""Answer a request that cannot be parsed, and so never reaches Django.

gunicorn's own page repeats parts of the request and lacks the headers of every other response.
"""

from uuid import uuid4

from csp.utils import build_policy
from django.conf import settings
from gunicorn import util

from lofty_admin.core import error_views


def install() -> None:
    """Make gunicorn's workers answer with `write_error`."""
    util.write_error = write_error


def write_error(sock: object, status: int, reason: str, message: str) -> None:
    """Replace gunicorn's function of this name. `message` repeats the request: it is left out."""
    page = error_views.unreadable_request(status).content
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in _headers(page))]
    util.write_nonblock(sock, "\r\n".join([*lines, "", ""]).encode("latin-1") + page)


def _headers(page: bytes) -> list[tuple[str, str]]:
    """Return the headers that Django's middleware sets."""
    headers = [
        ("Connection", "close"),
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Length", str(len(page))),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", build_policy()),
        ("X-Frame-Options", settings.X_FRAME_OPTIONS),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", settings.SECURE_REFERRER_POLICY),
        ("Cross-Origin-Opener-Policy", settings.SECURE_CROSS_ORIGIN_OPENER_POLICY),
        ("X-Request-ID", uuid4().hex),
    ]
    if settings.SECURE_HSTS_SECONDS:
        value = f"max-age={settings.SECURE_HSTS_SECONDS}; includeSubDomains; preload"
        headers.append(("Strict-Transport-Security", value))
    return headers
