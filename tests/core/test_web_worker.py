"""Clients that send half a request and stop, against a real gunicorn with one worker."""

import re
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import psutil
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from lofty_admin.core.web_worker import Incoming
from tests.support.deployment import Deployment
from tests.support.http_browser import Browser

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


class Answers:
    """Reads one answer after the other from a connection, and nothing beyond their ends."""

    def __init__(self, client: socket.socket) -> None:
        self.stream = client.makefile("rb")

    def next(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        version, status = self.stream.readline().split()[:2]
        assert version == b"HTTP/1.1"
        headers = {}
        while (line := self.stream.readline()) != b"\r\n":
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return int(status), headers, self._body(headers)

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return self.stream.read(int(headers.get("content-length", 0)))
        body = b""
        while size := int(self.stream.readline(), 16):
            body += self.stream.read(size)
            assert self.stream.read(2) == b"\r\n"
        assert self.stream.readline() == b"\r\n"
        return body

    def at_end(self) -> bool:
        return self.stream.read() == b""


@dataclass(frozen=True)
class SignIn:
    """A sign-in with a wrong password; the page that answers it repeats the typed address."""

    cookie: str
    body: bytes

    @classmethod
    def begin(cls, deployment: Deployment) -> "SignIn":
        session = requests.Session()
        page = session.get(deployment.console.url + "/accounts/login/", timeout=20)
        match = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert match
        fields = {"csrfmiddlewaretoken": match[1], "login": TYPED, "password": "wrong"}
        cookie = "; ".join(f"{one.name}={one.value}" for one in session.cookies)
        return cls(cookie, urlencode(fields).encode())

    def header(self, *more: str) -> bytes:
        lines = (
            "POST /accounts/login/ HTTP/1.1",
            "Host: 127.0.0.1",
            f"Cookie: {self.cookie}",
            "Content-Type: application/x-www-form-urlencoded",
            *more,
        )
        return "\r\n".join(lines).encode() + b"\r\n\r\n"


TYPED = "typed-here@example.com"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def assert_typed_is_repeated(answer: tuple[int, dict[str, str], bytes]) -> None:
    status, _headers, page = answer
    assert status == 200
    assert TYPED.encode() in page


def test_chunked_in_pieces__is_answered(console: Deployment) -> None:
    sign_in = SignIn.begin(console)
    first, rest = sign_in.body[:20], sign_in.body[20:]
    with connection_to(console) as slow:
        for part in (
            sign_in.header("Transfer-Encoding: chunked"),
            b"000000000%x;a=b\r\n" % len(first) + first[:7],
            first[7:] + b"\r\n%X\r\n" % len(rest) + rest + b"\r\n0\r\n",
            b"\r\n",
        ):
            slow.sendall(part)
            time.sleep(0.2)
        answers = Answers(slow)
        assert_typed_is_repeated(answers.next())
        slow.sendall(HEALTH)
        assert answers.next()[0] == 200


def test_expect_continue__gets_100_once(console: Deployment) -> None:
    sign_in = SignIn.begin(console)
    header = sign_in.header(f"Content-Length: {len(sign_in.body)}", "Expect: 100-continue")
    with connection_to(console) as client:
        client.sendall(header)
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(sign_in.body)
        assert_typed_is_repeated(Answers(client).next())


def test_expect_continue__pipelined__gets_100(console: Deployment) -> None:
    sign_in = SignIn.begin(console)
    header = sign_in.header(f"Content-Length: {len(sign_in.body)}", "Expect: 100-continue")
    with connection_to(console) as client:
        client.sendall(HEALTH + header)
        answers = Answers(client)
        assert answers.next()[2] == b'{"status": "ok"}'
        assert answers.next()[0] == 100
        client.sendall(sign_in.body)
        assert_typed_is_repeated(answers.next())


def gunicorn_processes() -> set[int]:
    ours = psutil.Process().children(recursive=True)
    found = {process.pid for process in ours if "gunicorn" in " ".join(process.cmdline())}
    assert found
    return found


def test_expect_continue__then_gone__worker_continues(console: Deployment) -> None:
    before = gunicorn_processes()
    for _ in range(50):
        with connection_to(console) as client:
            reset = struct.pack("ii", 1, 0)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            client.sendall(SignIn("", b"").header("Content-Length: 5", "Expect: 100-continue"))
    assert requests.get(console.console.url + "/healthz", timeout=20).status_code == 200
    assert gunicorn_processes() == before


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
    sign_in = SignIn.begin(console)
    chunked = b"%x\r\n%s\r\n0\r\nX-Trailer: a\r\n\r\n" % (len(sign_in.body), sign_in.body)
    posts = (
        sign_in.header(f"Content-Length: {len(sign_in.body)}") + sign_in.body,
        sign_in.header("Transfer-Encoding: chunked") + chunked,
    )
    with connection_to(console) as client:
        client.sendall(HEALTH + posts[0] + HEALTH + posts[1] + HEALTH)
        answers = Answers(client)
        for _ in posts:
            assert answers.next()[2] == b'{"status": "ok"}'
            assert_typed_is_repeated(answers.next())
        assert answers.next()[2] == b'{"status": "ok"}'
        client.sendall(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert answers.next()[0] == 200
        assert answers.at_end()


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
AMBIGUOUS = {
    "both lengths": ["Transfer-Encoding: chunked", "Content-Length: 4"],
    "both lengths, other order": ["Content-Length: 4", "Transfer-Encoding: chunked"],
    "two lengths": ["Content-Length: 0", f"Content-Length: {len(SMUGGLED)}"],
    "two encodings": ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
    "chunked twice": ["Transfer-Encoding: chunked, chunked"],
    "not the last": ["Transfer-Encoding: chunked, gzip"],
    "blank before the colon": ["Transfer-Encoding : chunked"],
    "unknown": ["Transfer-Encoding: xchunked"],
    "vertical tab": ["Transfer-Encoding: \x0bchunked"],
    "signed": ["Content-Length: +0"],
    "folded": ["X-A: b", " Content-Length: 5", "Content-Length: 0x0"],
}


@pytest.mark.parametrize("header", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_ambiguous_length__nothing_after_it_is_answered(
    console: Deployment, header: list[str]
) -> None:
    with connection_to(console) as client:
        client.sendall(SignIn("", b"").header(*header) + b"0\r\n\r\n" + SMUGGLED)
        answers = Answers(client)
        assert answers.next()[0] in {400, 501}
        assert answers.at_end()


@pytest.mark.parametrize("chunks", [b"5\r\nabcdeGET", b"zz\r\n\r\n", b"-1\r\n", b"5;\r\nabcde\r\n"])
def test_broken_chunks__nothing_after_them_is_answered(console: Deployment, chunks: bytes) -> None:
    with connection_to(console) as client:
        sent = SignIn("", b"").header("Transfer-Encoding: chunked")
        client.sendall(sent + chunks + b"0\r\n\r\n" + SMUGGLED)
        answers = Answers(client)
        assert answers.next()[0] == 400
        assert answers.at_end()


LOOKS_WHOLE = {
    "blank line first": b"\r\n\r\n",
    "long length": b"POST /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Content-Length: 00000000000002000\r\n\r\n",
    "answered, not closed": b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Connection: close\r\n\r\n",
    "refused, not closed": b"nonsense\r\n\r\n",
}


@pytest.mark.parametrize("sent", LOOKS_WHOLE.values(), ids=LOOKS_WHOLE.keys())
def test_hundred_that_stay_open__health_answers_at_once(console: Deployment, sent: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(connection_to(console)).sendall(sent)
        started = time.monotonic()
        assert requests.get(console.console.url + "/healthz", timeout=30).status_code == 200
        assert requests.get(console.console.url + "/readyz", timeout=30).status_code == 200
        assert time.monotonic() - started < 1


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
