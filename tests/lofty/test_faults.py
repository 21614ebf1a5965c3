"""Every row of the fault table: what it means for a PUT and for a GET."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lofty_admin.lofty import errors
from lofty_admin.lofty.endpoint import Endpoint
from lofty_admin.lofty.errors import SETTINGS_PATH
from lofty_admin.lofty.exchange import UNSTORABLE, Received, Scribe, utc_now
from lofty_admin.lofty.json_strict import JSON
from tests.support.hostile_server import (
    HALF,
    OK_BODY,
    Behaviour,
    Served,
    answer,
    client_of,
    closes,
    hints,
    resets,
    says,
    sends,
    stays_silent,
)
from tests.support.setting_values import READABLE_INTEGERS

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
    "200 server error in the message": says(200, {"message": "errorCode=20005,errorMsg=oops"}),
    "400 server error in a bare string": says(400, "errorCode=20005,errorMsg=oops"),
    "400 server error in an envelope": says(400, {"data": None, "errorCode": "20005"}),
    "103 and then nothing": hints(None),
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
    "200 errorMsg alone": (says(200, {"errorMsg": "no"}), errors.Rejected),
    "200 envelope": (
        says(200, {"data": None, "errorCode": 20012, "errorMsg": "bad", "errorData": []}),
        errors.Rejected,
    ),
    "200 code in the message": (
        says(200, {"message": "errorCode=20012,errorMsg=endActiveHour is wrong"}),
        errors.Rejected,
    ),
    "200 success code, error in the message": (
        says(200, {"code": 0, "message": "errorCode=20012,errorMsg=bad"}),
        errors.Rejected,
    ),
    "200 bare string with a code": (says(200, "errorCode=20012,errorMsg=bad"), errors.Rejected),
    "400 token in the message": (
        says(400, {"message": "errorCode=200058,errorMsg=User in token does not exist."}),
        errors.WrongScheme,
    ),
    "403 scope in a bare string": (
        says(403, "errorCode=200100,errorMsg=scope"),
        errors.ScopeMissing,
    ),
    "404 envelope": (says(404, {"errorCode": 404, "errorMsg": "no agent"}), errors.NoSalesAgent),
    "404 message only": (says(404, {"message": "No Sales Agent."}), errors.NoSalesAgent),
    "200 scope": (says(200, {"code": 200100, "message": "scope"}), errors.ScopeMissing),
}


PAGE = b"<!DOCTYPE html><html><title>404 Not Found</title></html>"
NOT_LOFTY: dict[str, Behaviour] = {
    **{f"{status} HTML": says(status, PAGE) for status in (400, 401, 403, 404, 409, 415, 422)},
    "404 text": says(404, b"404 page not found"),
    "404 empty": says(404, b""),
    "404 null": says(404, b"null"),
    "404 empty object": says(404, {}),
    "404 number": says(404, b"404"),
    "404 framework": says(
        404, {"timestamp": 1, "status": 404, "error": "Not Found", "path": "/v2"}
    ),
    "404 with words": says(404, {"status": 404, "message": "No message available", "path": "/v2"}),
    "404 gateway": says(404, {"message": "no Route matched with those values"}),
    "404 bare words": says(404, {"message": "Not Found"}),
    "404 detail": says(404, {"detail": "Not Found"}),
    "404 XML": says(404, b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>"),
}


@pytest.mark.parametrize("name", NOT_LOFTY)
def test_any_call__something_else_answered__not_lofty_and_effect_not_claimed(
    serve: Served, name: str
) -> None:
    server, endpoint = serve(NOT_LOFTY[name])
    error = put(endpoint)
    assert type(error) is errors.NotLofty
    assert (error.sent, "may or may not" in error.effect) == (None, True)
    for read in (client_of(endpoint).get_settings, client_of(endpoint).me):
        with pytest.raises(errors.NotLofty, match="The response did not come from Lofty"):
            read()
    assert len(server.requests) == 3


@pytest.mark.parametrize("count", [1, 3, 50])
@pytest.mark.parametrize("tls", [False, True])
def test_early_hints__then_the_answer__the_answer_counts(
    serve: Served, tls: bool, count: int
) -> None:
    server, endpoint = serve(hints({"id": 12345}, count), tls)
    assert client_of(endpoint).get_settings().id == 12345
    assert len(server.requests) == 1


@given(
    st.sampled_from([200, 400, 401, 403, 404, 409, 415, 422, 500]),
    st.recursive(
        st.none() | st.booleans() | READABLE_INTEGERS | st.text(max_size=30),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "code",
                        "errorCode",
                        "errorMsg",
                        "message",
                        "data",
                        "errorData",
                        "status",
                        "id",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    ),
)
def test_answer__any_error_shape__a_meaning_and_nothing_unstorable(status: int, body: JSON) -> None:
    scribe = Scribe("PUT", SETTINGS_PATH, ["secret-token"], keep_body=True, now=utc_now)
    answer = scribe.answered(Received(status, {}, 1), json.dumps(body).encode())
    error = errors.error_for(answer)
    if status != 200:
        assert isinstance(error, errors.Rejected | errors.Unknown)
    if isinstance(error, errors.NoSalesAgent):
        assert answer.exchange.is_loftys
        assert isinstance(body, str | dict)
    for text in (answer.exchange.code, answer.exchange.lofty_message):
        assert text is None or not UNSTORABLE.search(text)


@given(
    st.sampled_from(
        ["errorCode={},errorMsg={}", "errorCode: {}, errorMsg: {}", "code={} errorMsg={}"]
    ),
    st.sampled_from(["20012", "20001", "INVALID_PARAMETER", "-1"]),
    st.sampled_from(["bad hour", "x=1", "endActiveHour must be 0-23."]),
    st.sampled_from(["message", "errorMsg", "bare"]),
)
def test_answer__code_inside_the_words__read_with_the_words(
    form: str, code: str, words: str, place: str
) -> None:
    text = form.format(code, words)
    body = text if place == "bare" else {place: text}
    scribe = Scribe("PUT", SETTINGS_PATH, [], keep_body=True, now=utc_now)
    exchange = scribe.answered(Received(200, {}, 1), json.dumps(body).encode()).exchange
    assert (exchange.code, exchange.lofty_message) == (code, words)


@pytest.mark.parametrize(
    "words", ["Operation successful", "Invalid code supplied", "API_KEY saved", "Saved: 20003"]
)
def test_put__words_that_only_resemble_a_code__accepted(serve: Served, words: str) -> None:
    _, endpoint = serve(says(200, {"message": words}))
    assert client_of(endpoint).put_settings({"id": 1}).code is None


def test_get__success_envelope__its_data_counts(serve: Served) -> None:
    _, endpoint = serve(says(200, {"data": {"id": 5}, "errorCode": 0, "errorMsg": "success"}))
    assert client_of(endpoint).get_settings().id == 5


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


def test_put__no_server_listens__not_sent(serve: Served) -> None:
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
    assert "Nothing was changed" in caught.value.effect
    assert len(server.requests) == 3


@pytest.mark.parametrize("name", REJECTED)
def test_get__lofty_says_no__asked_once(serve: Served, name: str) -> None:
    behave, expected = REJECTED[name]
    server, endpoint = serve(behave)
    with pytest.raises(expected):
        client_of(endpoint).get_settings()
    assert len(server.requests) == 1
