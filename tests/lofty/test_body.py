"""Bodies: size, compression, and redirects with a body."""

import gzip
import resource
import socket
import zlib

import pytest

from lofty_admin.lofty import errors
from tests.support.hostile_server import OK_BODY, Request, Served, answer, client_of, says, sends

BOMB = gzip.compress(bytes(200 * 2**20), 9)
PACKED = gzip.compress(OK_BODY)


def test_put__correct_gzip__accepted(serve: Served, tls: bool) -> None:
    server, endpoint = serve(says(200, PACKED, Content_Encoding="gzip"), tls)
    assert client_of(endpoint).put_settings({"id": 1}).lofty_message == "Operation successful"
    assert server.requests[0].headers["accept-encoding"] == "identity"


REFUSED = {
    "gzip twice": (gzip.compress(PACKED), "gzip, gzip"),
    "gzip twice, named once": (gzip.compress(PACKED), "gzip"),
    "half a gzip": (PACKED[: len(PACKED) // 2], "gzip"),
    "gzip without its end": (PACKED[:-4], "gzip"),
    "gzip with something behind": (PACKED + b"more", "gzip"),
    "gzip with a wrong checksum": (PACKED[:-8] + bytes(8), "gzip"),
    "not gzip at all": (OK_BODY, "gzip"),
    "deflate": (zlib.compress(OK_BODY), "deflate"),
    "brotli": (OK_BODY, "br"),
    "empty gzip": (b"", "gzip"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_put__invalid_compression__unknown(serve: Served, name: str) -> None:
    body, encoding = REFUSED[name]
    server, endpoint = serve(says(200, body, Content_Encoding=encoding))
    with pytest.raises(errors.Unknown):
        client_of(endpoint).put_settings({"id": 1})
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [200, 302, 400])
def test_put__gzip_bomb__refused_in_little_memory(serve: Served, status: int) -> None:
    bomb = says(status, BOMB, Content_Encoding="gzip", Location="/elsewhere")
    server, endpoint = serve(bomb)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(errors.Unknown):
        client_of(endpoint).put_settings({"id": 1})
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 40 * 1024  # kB
    assert len(server.requests) == 1


def endless(connection: socket.socket, _: Request) -> None:
    connection.sendall(b"HTTP/1.1 200 X\r\n\r\n")
    for _block in range(100_000):
        connection.sendall(bytes(65536))


def test_put__endless_body__refused_at_the_cap(serve: Served, tls: bool) -> None:
    _, endpoint = serve(endless, tls, max_bytes=300_000)
    with pytest.raises(errors.Unknown, match="too large"):
        client_of(endpoint).put_settings({"id": 1})


def test_put__body_of_exactly_the_cap__accepted(serve: Served) -> None:
    body = OK_BODY[:-1] + b" " * 1000 + b"}"
    _, endpoint = serve(says(200, body), max_bytes=len(body))
    assert client_of(endpoint).put_settings({"id": 1}).status == 200
    _, smaller = serve(says(200, body), max_bytes=len(body) - 1)
    with pytest.raises(errors.Unknown, match="too large"):
        client_of(smaller).put_settings({"id": 1})


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 307, 308])
def test_put__redirect__not_followed(serve: Served, tls: bool, status: int) -> None:
    elsewhere, other = serve(says(200, OK_BODY))
    server, endpoint = serve(says(status, OK_BODY, Location=f"{other.base_url}/x"), tls)
    with pytest.raises(errors.UnexpectedRedirect) as caught:
        client_of(endpoint).put_settings({"id": 1})
    assert caught.value.sent is None
    assert len(server.requests) == 1
    assert elsewhere.requests == []


def test_get__redirect__not_followed_nor_tried_again(serve: Served) -> None:
    server, endpoint = serve(says(302, OK_BODY, Location="/v1.0/me"))
    with pytest.raises(errors.UnexpectedRedirect):
        client_of(endpoint).me()
    assert len(server.requests) == 1


def test_get__too_many_headers__unknown(serve: Served) -> None:
    many = b"".join(b"X-%d: 1\r\n" % number for number in range(200))
    _, endpoint = serve(sends(b"HTTP/1.1 200 X\r\n" + many + b"\r\n{}"))
    with pytest.raises(errors.Unknown):
        client_of(endpoint).me()


def test_get__chunked_answer__read_whole(serve: Served, tls: bool) -> None:
    chunks = b'5\r\n{"fir\r\n10\r\nstName":"Alice"}\r\n0\r\n\r\n'
    _, endpoint = serve(
        sends(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks), tls
    )
    assert client_of(endpoint).me().first_name == "Alice"


def test_get__a_100_continue_first__read_past_it(serve: Served) -> None:
    _, endpoint = serve(sends(b"HTTP/1.1 100 Continue\r\n\r\n" + answer(200, b'{"email":"a@b.c"}')))
    assert client_of(endpoint).me().email == "a@b.c"
