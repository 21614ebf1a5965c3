"""Every row of the fault table (reliability.md, B2): what it means for a PUT and a GET."""

import socket

import pytest

from lofty_admin.lofty import errors
from lofty_admin.lofty.endpoint import Endpoint
from tests.lofty.conftest import Served
from tests.lofty.hostile import (
    OK_BODY,
    Behaviour,
    Request,
    answer,
    client_of,
    resets,
    says,
    sends,
    stays_silent,
)


def closes(_connection: socket.socket, _request: Request) -> None:
    """Ends the connection without a byte."""


HALF = answer(200, OK_BODY)[:-9]
CHUNKED = b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"
CUT_CHUNKS = CHUNKED + b"22\r\n" + OK_BODY + b"\r\n"
UNKNOWN: dict[str, Behaviour] = {
    "closed without an answer": closes,
    "reset": resets,
    "silence": stays_silent,
    "cut in the status line": sends(b"HTTP/1.1 200"),
    "cut in the headers": sends(b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\n"),
    "cut inside a header": sends(b"HTTP/1.1 200 X\r\nContent-Length: 3"),
    "cut in the headers of a 400": sends(b"HTTP/1.1 400 X\r\nServer: x\r\n"),
    "cut in the body": sends(HALF),
    "cut in the body of a 400": sends(answer(400, b'{"code":1,"message":"no"}')[:-4]),
    "last chunk missing": sends(CUT_CHUNKS),
    "no HTTP": sends(b"220 smtp ready\r\n"),
    "empty body": says(200, b""),
    "body of blanks": says(200, b"  \r\n"),
    "cut JSON": says(200, b'{"message":"Operation succ'),
    "HTML": says(200, b"<html>Sign in</html>", Content_Type="text/html"),
    "JSON of another form": says(200, ["Operation successful"]),
    "JSON null": says(200, None),
    "NaN": says(200, b'{"message":"Operation successful","x":NaN}'),
    "two lengths": sends(b"HTTP/1.1 200 X\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "101": says(101, OK_BODY),
    "201": says(201, OK_BODY),
    "202": says(202, OK_BODY),
    "204": sends(b"HTTP/1.1 204 X\r\n\r\n"),
    "206": says(206, OK_BODY),
    "408": says(408, OK_BODY),
    "418": says(418, OK_BODY),
    "500": says(500, {"code": 20005, "message": "server error"}),
    "502": says(502, b"<html>bad gateway</html>"),
    "503": says(503, OK_BODY),
    "504": says(504, OK_BODY),
    "400 that is a server error": says(400, {"code": 20005, "message": "server error"}),
    "200 that is a server error": says(200, {"code": 20005, "message": "server error"}),
}
REJECTED: dict[str, tuple[Behaviour, type[errors.Rejected]]] = {
    "400": (says(400, {"code": "INVALID_PARAMETER", "message": "bad hour"}), errors.Rejected),
    "400 bare string": (says(400, b"Invalid parameters."), errors.Rejected),
    "401": (says(401, {"code": "BAD_CREDENTIALS", "message": "x"}), errors.Unauthorised),
    "401 without a body": (says(401, b""), errors.Unauthorised),
    "400/200058": (says(400, {"code": 200058, "message": "x"}), errors.WrongScheme),
    "400/200058 as text": (says(400, {"code": "200058", "message": "x"}), errors.WrongScheme),
    "403": (says(403, {"errorCode": "PERMISSION_DENIED"}), errors.Forbidden),
    "403/200100": (says(403, {"code": 200100, "message": "scope"}), errors.ScopeMissing),
    "404": (says(404, "Sales Agent not found"), errors.NoSalesAgent),
    "409": (says(409, {"code": 1, "message": "busy"}), errors.Rejected),
    "415": (says(415, {"code": 20001, "message": "wrong content type"}), errors.Rejected),
    "422": (says(422, {"code": 1, "message": "x"}), errors.Rejected),
    "429": (says(429, {"message": "Too Many Requests"}), errors.RateLimited),
    "200 code and message": (says(200, {"code": 20012, "message": "bad"}), errors.Rejected),
    "200 errorCode": (says(200, {"errorCode": "INVALID_PARAMETER"}), errors.Rejected),
    "200 scope": (says(200, {"code": 200100, "message": "scope"}), errors.ScopeMissing),
}


def put(endpoint: Endpoint) -> errors.LoftyError:
    with pytest.raises(errors.LoftyError) as caught:
        client_of(endpoint).put_settings({"id": 12345})
    return caught.value


@pytest.mark.parametrize("name", UNKNOWN)
def test_put__no_trustworthy_answer__unknown_and_sent_once(
    serve: Served, tls: bool, name: str
) -> None:
    server, endpoint = serve(UNKNOWN[name], tls, read_timeout=0.3)
    error = put(endpoint)
    assert isinstance(error, errors.Unknown)
    assert error.sent is None
    assert error.exchange is not None
    assert error.exchange.method == "PUT"
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", REJECTED)
def test_put__lofty_says_no__rejected_and_sent_once(serve: Served, tls: bool, name: str) -> None:
    behave, expected = REJECTED[name]
    server, endpoint = serve(behave, tls)
    error = put(endpoint)
    assert type(error) is expected
    assert error.sent is False
    assert len(server.requests) == 1


def test_put__rejected__carries_status_code_and_lofty_words(serve: Served) -> None:
    _, endpoint = serve(says(400, {"code": 20012, "message": "endActiveHour is wrong"}))
    error = put(endpoint)
    assert isinstance(error, errors.Rejected)
    assert (error.status, error.code) == (400, "20012")
    assert error.lofty_message == "endActiveHour is wrong"
    assert error.exchange is not None
    assert "endActiveHour" in error.exchange.body_excerpt


def test_put__bare_text_refusal__is_lofty_message(serve: Served) -> None:
    _, endpoint = serve(says(400, b"Invalid parameters."))
    error = put(endpoint)
    assert isinstance(error, errors.Rejected)
    assert error.lofty_message == "Invalid parameters."


@pytest.mark.parametrize("code", [0, 200, "0", "200"])
def test_put__code_that_means_success__accepted(serve: Served, code: object) -> None:
    server, endpoint = serve(says(200, {"code": code, "message": "Operation successful"}))
    exchange = client_of(endpoint).put_settings({"id": 1})
    assert exchange.status == 200
    assert len(server.requests) == 1


def test_put__nobody_listens__not_sent(serve: Served) -> None:
    server, endpoint = serve(says(200, OK_BODY))
    server.__exit__()
    error = put(endpoint)
    assert type(error) is errors.Unreachable
    assert error.sent is False
    assert server.requests == []


def test_put__certificate_not_trusted__not_sent(serve: Served) -> None:
    server, endpoint = serve(says(200, OK_BODY), tls=True)
    stranger = Endpoint(endpoint.base_url, frozenset(), allow_loopback=True)
    error = put(stranger)
    assert type(error) is errors.Unreachable
    assert "certificate" in error.message
    assert server.requests == []


def test_put__tls_wanted_but_server_is_plain__not_sent(serve: Served) -> None:
    server, endpoint = serve(says(200, OK_BODY))
    secure = endpoint.base_url.replace("http:", "https:")
    error = put(Endpoint(secure, frozenset(), allow_loopback=True, connect_timeout=0.5))
    assert type(error) is errors.Unreachable
    assert "PUT" not in {request.method for request in server.requests}


GET_FAULTS = ["reset", "silence", "cut in the headers", "cut in the body", "HTML", "500", "204"]


@pytest.mark.parametrize("name", GET_FAULTS)
def test_get__no_trustworthy_answer__unknown_after_three_tries(serve: Served, name: str) -> None:
    server, endpoint = serve(UNKNOWN[name], read_timeout=0.2)
    with pytest.raises(errors.Unknown) as caught:
        client_of(endpoint).get_settings()
    assert "nothing was changed" in caught.value.effect
    assert len(server.requests) == 3


@pytest.mark.parametrize("name", REJECTED)
def test_get__lofty_says_no__asked_once(serve: Served, name: str) -> None:
    behave, expected = REJECTED[name]
    server, endpoint = serve(behave)
    with pytest.raises(expected):
        client_of(endpoint).get_settings()
    assert len(server.requests) == 1
