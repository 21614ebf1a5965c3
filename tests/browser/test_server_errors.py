"""A real gunicorn answers malformed requests over a raw socket."""

import re
import socket
from urllib.parse import urlsplit

import pytest

from tests.support.deployment import Deployment

HOST = "Host: 127.0.0.1\r\n"
HARDENED = {
    "content-security-policy",
    "x-frame-options",
    "x-content-type-options",
    "referrer-policy",
    "cross-origin-opener-policy",
    "x-request-id",
    "cache-control",
}
SECRET = "sentinel-0451"
POST = f"POST /accounts/login/?{SECRET} HTTP/1.1\r\n{HOST}"
UNREADABLE = {
    "no HTTP": (400, f"{SECRET}\r\n\r\n"),
    "bad method": (400, f"g{SECRET} / HTTP/1.1\r\n{HOST}\r\n"),
    "bad version": (400, f"GET /?{SECRET} HTTP/9.9\r\n{HOST}\r\n"),
    "bad header": (400, f"GET / HTTP/1.1\r\n{HOST}bad header {SECRET}\r\n\r\n"),
    "NUL in a header": (400, f"GET / HTTP/1.1\r\n{HOST}X: {SECRET}\x00\r\n\r\n"),
    "long address": (414, f"GET /{SECRET}{'a' * 9000} HTTP/1.1\r\n{HOST}\r\n"),
    "long header": (431, f"GET / HTTP/1.1\r\n{HOST}X: {SECRET}{'a' * 9000}\r\n\r\n"),
    "many headers": (
        431,
        f"GET / HTTP/1.1\r\n{HOST}{f'X: {SECRET}' * 1}\r\n" + "Y: 1\r\n" * 200 + "\r\n",
    ),
    "long body": (413, f"{POST}Content-Length: 99999999\r\n\r\n"),
    "half a header": (408, f"GET / HTTP/1.1\r\n{HOST}X: {SECRET}"),
}


def asked(deployment: Deployment, sent: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of what comes back."""
    parts = urlsplit(deployment.console.url)
    assert parts.hostname
    assert parts.port
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        connection.sendall(sent.encode("latin-1"))
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, body = answer.decode().partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    return int(first.split(" ")[1]), headers, body


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_request__answer__is_hardened_and_repeats_nothing(
    deployment: Deployment, name: str
) -> None:
    expected, sent = UNREADABLE[name]
    status, headers, body = asked(deployment, sent)
    assert status == expected
    assert headers.keys() >= HARDENED
    assert "unsafe" not in headers["content-security-policy"]
    assert SECRET not in body
    assert "Nothing was changed and nothing was sent." in body
    assert int(headers["content-length"]) == len(body.encode())


@pytest.mark.parametrize("header", ["SCRIPT_NAME", "Script-Name", "script_name"])
@pytest.mark.parametrize("value", ["/elsewhere", "/accounts", "", "x"])
def test_script_name__from_outside__changes_nothing(
    deployment: Deployment, header: str, value: str
) -> None:
    sent = f"GET /accounts/login/ HTTP/1.1\r\n{HOST}{header}: {value}\r\nConnection: close\r\n\r\n"
    status, _, body = asked(deployment, sent)
    assert status == 200
    assert 'action="/accounts/login/"' in body
    assert "/elsewhere" not in body


def test_static_files__stay_in_the_cache__pages_do_not(deployment: Deployment) -> None:
    _, headers, body = asked(
        deployment, f"GET /accounts/login/ HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n"
    )
    assert headers["cache-control"] == "no-store"
    file = re.search(r'"(/static/app\.[0-9a-f]+\.css)"', body)
    assert file
    _, headers, _ = asked(deployment, f"GET {file[1]} HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n")
    assert "max-age" in headers["cache-control"]
    assert "no-store" not in headers["cache-control"]
