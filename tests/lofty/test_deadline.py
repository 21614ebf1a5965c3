"""The total deadline: no kind of slowness outlasts it, plain or TLS."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lofty_admin.lofty import errors
from lofty_admin.lofty.endpoint import Endpoint, SocketAddress
from lofty_admin.lofty.transport import Authorization, Transport
from tests.support.hostile_server import (
    OK_BODY,
    Behaviour,
    Request,
    Served,
    answer,
    client_of,
    drips,
)

SLOW: dict[str, Behaviour] = {
    "header drip": drips(b"HTTP/1.1 200 X\r\n", b"X-More: 1\r\n"),
    "drip inside one header": drips(b"HTTP/1.1 200 X\r\nX-More: ", b"a"),
    "body drip": drips(b"HTTP/1.1 200 X\r\nContent-Length: 9999\r\n\r\n", b" "),
    "chunk drip": drips(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "endless 100 Continue": drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body without length": drips(b"HTTP/1.0 200 X\r\n\r\n" + OK_BODY, b" "),
}
DEADLINE = 0.4
AUTH = Authorization.of_token("token", "some-long-token")


def put(endpoint: Endpoint) -> tuple[errors.LoftyError, float]:
    started = time.monotonic()
    with pytest.raises(errors.LoftyError) as caught:
        client_of(endpoint).put_settings({"id": 1})
    return caught.value, time.monotonic() - started


@pytest.mark.parametrize("name", SLOW)
def test_put__slow_answer__unknown_at_the_deadline(serve: Served, tls: bool, name: str) -> None:
    server, endpoint = serve(SLOW[name], tls, read_timeout=2, deadline=DEADLINE)
    error, spent = put(endpoint)
    assert isinstance(error, errors.Unknown)
    assert DEADLINE * 0.9 <= spent < DEADLINE + 1.5
    assert len(server.requests) == 1


def test_get__slow_answer__tries_share_one_deadline(serve: Served) -> None:
    _, endpoint = serve(SLOW["header drip"], read_timeout=2, deadline=DEADLINE)
    started = time.monotonic()
    with pytest.raises(errors.Unknown):
        client_of(endpoint).me()
    assert time.monotonic() - started < DEADLINE + 1.5


def test_put__server_stops_reading_the_body__unknown_at_the_deadline(
    deaf_port: int,
) -> None:
    base = f"http://127.0.0.1:{deaf_port}"
    endpoint = Endpoint(base, frozenset(), allow_loopback=True, deadline=DEADLINE)
    started = time.monotonic()
    with pytest.raises(errors.Unknown):
        Transport(endpoint).exchange("PUT", "/x", json={"a": "x" * 20_000_000}, auth=AUTH)
    assert time.monotonic() - started < DEADLINE + 1.5


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port where connections are taken by the system and never read."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_put__tls_handshake_never_ends__not_sent(deaf_port: int) -> None:
    base = f"https://127.0.0.1:{deaf_port}"
    endpoint = Endpoint(base, frozenset(), allow_loopback=True, deadline=DEADLINE)
    error, spent = put(endpoint)
    assert type(error) is errors.Unreachable
    assert spent < DEADLINE + 1.5


def test_put__tls_handshake_drips__not_sent_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_drip_handshake, args=(listener,), daemon=True).start()
        base = f"https://127.0.0.1:{listener.getsockname()[1]}"
        error, spent = put(Endpoint(base, frozenset(), allow_loopback=True, deadline=DEADLINE))
    assert type(error) is errors.Unreachable
    assert DEADLINE * 0.9 <= spent < DEADLINE + 1.5


def _drip_handshake(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    record = b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03"  # a ServerHello of 16 kB begins
    with contextlib.suppress(OSError):
        for byte in record + bytes(200):
            connection.sendall(bytes([byte]))
            time.sleep(0.03)


def test_put__slow_name_lookup__not_sent_at_the_connect_timeout(serve: Served) -> None:
    server, endpoint = serve(drips(b"", b""), connect_timeout=0.2)

    def slow(host: str, port: int) -> list[SocketAddress]:
        time.sleep(1.5)
        return [(socket.AF_INET, (host, port))]

    started = time.monotonic()
    with pytest.raises(errors.Unreachable, match="name"):
        Transport(endpoint, resolve=slow).exchange("PUT", "/x", json={}, auth=AUTH)
    assert time.monotonic() - started < 1.3
    assert server.requests == []


def test_put__many_dead_addresses__share_one_connect_timeout(full_port: int) -> None:
    endpoint = Endpoint(
        f"http://127.0.0.1:{full_port}", frozenset(), allow_loopback=True, connect_timeout=0.3
    )
    dead = [(socket.AF_INET, ("127.0.0.1", full_port))] * 5
    started = time.monotonic()
    with pytest.raises(errors.Unreachable):
        Transport(endpoint, resolve=lambda *_: dead).exchange("PUT", "/x", json={}, auth=AUTH)
    assert time.monotonic() - started < 1.2


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port whose queue is full, so that connecting to it hangs."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        time.sleep(0.05)
        yield listener.getsockname()[1]
        for one in waiting:
            one.close()


def test_put__second_address_answers__used(serve: Served) -> None:
    server, endpoint = serve(_answers_at_once)
    dead = socket.create_server(("127.0.0.1", 0))
    closed_port = dead.getsockname()[1]
    dead.close()
    found = [(socket.AF_INET, ("127.0.0.1", port)) for port in (closed_port, server.port)]
    sent = Transport(endpoint, resolve=lambda *_: found).exchange("PUT", "/x", json={}, auth=AUTH)
    assert sent.exchange.status == 200


def _answers_at_once(connection: socket.socket | ssl.SSLSocket, _: Request) -> None:
    connection.sendall(answer(200, OK_BODY))


def test_exchange__over__leaves_no_watchdog_and_no_socket(serve: Served) -> None:
    _, endpoint = serve(_answers_at_once)
    transport = Transport(endpoint)
    transport.exchange("GET", "/x", auth=AUTH)
    before = _open_sockets()
    for _ in range(20):
        transport.exchange("GET", "/x", auth=AUTH)
    timers = [t for t in threading.enumerate() if isinstance(t, threading.Timer)]
    assert [t for t in timers if not t.finished.is_set()] == []
    assert _open_sockets() <= before + 2


def _open_sockets() -> int:
    links = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            links.append(str(entry.readlink()))
    return sum("socket:" in link for link in links)
