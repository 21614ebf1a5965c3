"""An unreadable Content-Type gets a page of the console, not the server's bare 500."""

from collections.abc import Callable
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.signals import request_started
from django.db import close_old_connections

from lofty_admin.wsgi import application

pytestmark = pytest.mark.django_db
FORM, FILES = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
UNREADABLE = [
    "text/plain; charset*=nonsense''a%41",
    "text/plain; charset*=utf-8''a%00b",
    "multipart/form-data; boundary*=x''%41",
    f"{FORM}; charset*=utf-8''%00",
    *(f"{kind}; charset={name}" for kind in (FORM, FILES) for name in ("hex", "rot13", "idna")),
    *(f"{kind}; charset={name}" for kind in (FORM, FILES) for name in ("utf-16", "nonsense", "")),
]


def ask(method: str, content_type: str) -> tuple[int, dict[str, str]]:
    """One request as gunicorn passes it on."""
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    environ |= {
        "REQUEST_METHOD": method,
        "PATH_INFO": "/accounts/login/",
        "QUERY_STRING": "next=%C3%A9&q=%FF",
        "HTTP_HOST": "testserver",
        "CONTENT_TYPE": content_type,
        "wsgi.url_scheme": "https",
    }
    found: list[tuple[int, dict[str, str]]] = []

    def start(
        status: str, headers: list[tuple[str, str]], error: object = None, /
    ) -> Callable[[bytes], object]:
        found.append((int(status.split()[0]), dict(headers)))
        return bytes

    request_started.disconnect(close_old_connections)  # the test's own connection stays open
    try:
        list(application(environ, start))
    finally:
        request_started.connect(close_old_connections)
    return found[0]


@pytest.mark.parametrize("content_type", UNREADABLE)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_content_type__unreadable__page_of_the_console(method: str, content_type: str) -> None:
    status, headers = ask(method, content_type)
    assert status == (200 if method == "GET" else 302)  # without its token it starts over
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("charset", ["", "; charset=UTF-8", '; charset="utf8"'])
def test_content_type__of_browsers__is_read(charset: str) -> None:
    assert ask("GET", FORM + charset)[0] == 200
