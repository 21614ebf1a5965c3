"""Clients that send half a request and then nothing, against a real gunicorn with one worker."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from lofty_admin.core.web_worker import Incoming
from tests.deployment import Deployment, wait_for
from tests.faults.browser import Browser

EMAIL = "staff@example.com"
HALF_SENT = {
    "nothing": b"",
    "half a request line": b"GET /healt",
    "half a header": b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: a",
    "no body": b"POST /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2000\r\n\r\n",
    "half a body": b"POST /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Content-Length: 2000\r\n\r\nlogin=a",
    "half a chunk": b"POST /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n5\r\nlogin\r\nff\r\nab",
    "a whole request and half of the next": b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    b"GET /healthz HTTP/1.1\r\nHo",
}


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Deployment(tmp_path_factory.mktemp("half-sent")) as deployment:
        deployment.add_person(EMAIL, name="Stan Staff")
        deployment.console.start()
        yield deployment


def connection_to(deployment: Deployment) -> socket.socket:
    parts = urlsplit(deployment.console.url)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20)


@pytest.mark.parametrize("sent", HALF_SENT.values(), ids=HALF_SENT.keys())
def test_hundred_half_sent__pages_and_health_answer(console: Deployment, sent: bytes) -> None:
    staff = Browser(console.console.url).sign_in(EMAIL)
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(connection_to(console)).sendall(sent)
        for path in ("/healthz", "/readyz", "/"):
            started = time.monotonic()
            assert staff.get(path).status_code == 200
            assert time.monotonic() - started < 1


def test_dripped_header__ends_after_its_time(console: Deployment) -> None:
    started = time.monotonic()
    with connection_to(console) as drip:
        drip.sendall(b"GET / HTTP/1.1\r\n")
        with pytest.raises(ConnectionError):
            while time.monotonic() - started < 20:
                drip.sendall(b"X-A: b\r\n")
                time.sleep(0.2)
    assert 8 < time.monotonic() - started < 15


def test_slow_but_whole__is_answered(console: Deployment) -> None:
    with connection_to(console) as slow:
        for part in (b"GET /healthz HT", b"TP/1.1\r\nHost: 127.0.0.1\r", b"\n\r", b"\n"):
            slow.sendall(part)
            time.sleep(0.3)
        assert slow.recv(100).startswith(b"HTTP/1.1 200")


def test_chunked_in_pieces__is_answered(console: Deployment) -> None:
    """400: signing in without a CSRF token is refused, which shows that Django got it."""
    with connection_to(console) as slow:
        slow.sendall(HALF_SENT["half a chunk"])
        time.sleep(0.2)
        slow.sendall(b"c" * 253 + b"\r\n0\r\n")
        time.sleep(0.2)
        slow.sendall(b"\r\n")
        assert slow.recv(100).startswith(b"HTTP/1.1 302")


def test_expect_continue__is_told_to_go_on(console: Deployment) -> None:
    with connection_to(console) as client:
        client.sendall(
            b"POST /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\n"
            b"Expect: 100-continue\r\n\r\n"
        )
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"a=b")
        wait_for("the answer", lambda: b"HTTP/1.1 302" in client.recv(200))


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /" + b"a" * 70_000, b"414"),
        (b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 9000, b"431"),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999\r\n\r\n", b"413"),
    ],
)
def test_too_large__is_refused_at_once(console: Deployment, sent: bytes, status: bytes) -> None:
    with connection_to(console) as client:
        client.sendall(sent)
        assert client.recv(100).startswith(b"HTTP/1.1 " + status)


def test_kept_alive_and_pipelined__each_is_answered(console: Deployment) -> None:
    with connection_to(console) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 3)
        received = b""
        while received.count(b'{"status": "ok"}') < 3:
            part = client.recv(4096)
            assert part, received
            received += part
        client.sendall(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200")


def test_more_connections_than_it_takes__still_answers(console: Deployment) -> None:
    with ExitStack() as stack:
        for _ in range(700):
            stack.enter_context(connection_to(console)).sendall(b"GET / HT")
        started = time.monotonic()
        assert requests.get(console.console.url + "/healthz", timeout=30).status_code == 200
        assert time.monotonic() - started < 5


def test_stopping__half_sent_requests_do_not_hold_it_up(console: Deployment) -> None:
    with ExitStack() as stack:
        for sent in HALF_SENT.values():
            stack.enter_context(connection_to(console)).sendall(sent)
        started = time.monotonic()
        console.console.stop()
        assert time.monotonic() - started < 8
    console.console.start()


@given(st.binary(max_size=300), st.lists(st.integers(1, 60), max_size=40), st.booleans())
def test_any_pieces__complete_with_the_last_byte_and_not_before(
    body: bytes, cuts: list[int], chunked: bool
) -> None:
    whole = request_with(body, chunked=chunked)
    incoming, sent = Incoming(), 0
    for size in [*cuts, len(whole)]:
        part = whole[sent : sent + size]
        sent += len(part)
        incoming.add(part)
        assert incoming.is_complete == (sent == len(whole))
        assert not incoming.is_header_too_large
        assert not incoming.is_body_too_large
    assert bytes(incoming.data) == whole


def request_with(body: bytes, *, chunked: bool) -> bytes:
    start = b"POST / HTTP/1.1\r\nHost: a\r\n"
    if not chunked:
        return start + b"CONTENT-length: %d\r\n\r\n" % len(body) + body
    parts = [body[at : at + 50] for at in range(0, len(body), 50)]
    chunks = b"".join(b"%x;q=1\r\n%s\r\n" % (len(part), part) for part in parts)
    return start + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


@given(st.binary(max_size=400))
def test_any_bytes__never_break_it(data: bytes) -> None:
    incoming = Incoming()
    for at in range(0, len(data), 7):
        incoming.add(data[at : at + 7])
        assert incoming.is_complete in (True, False)
