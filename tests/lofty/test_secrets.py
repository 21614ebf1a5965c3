"""The token is nowhere but in the request."""

import base64
import json
import logging
import socket
from dataclasses import asdict
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lofty_admin.lofty import errors
from lofty_admin.lofty.client import LoftyClient, Scheme, clean_token
from lofty_admin.lofty.endpoint import Endpoint
from lofty_admin.lofty.exchange import Exchange
from lofty_admin.lofty.oauth import OAuthClient
from lofty_admin.lofty.transport import Authorization
from tests.support.hostile_server import (
    HALF,
    OK_BODY,
    TOKEN,
    Behaviour,
    Served,
    client_of,
    closes,
    drips,
    resets,
    says,
    sends,
)
from tests.support.printed_output import chain, everything_printed

SPELLINGS = (
    TOKEN,
    quote(TOKEN, safe=""),
    TOKEN.replace("/", "\\/"),
    base64.b64encode(TOKEN.encode()).decode(),
)
BAD_TOKENS = [
    "",
    "   ",
    "abc def-s3kret",
    "Bearer s3kret-part",
    "s3kret\nX-Other: 1",
    "s3kret\rpart",
    "“s3kret”",
    "s3kret\x00part",
    "s3kretпарт",
    "s3kret\ud800part",
    "s3kret\x7f",
    "s" * 4097,
]


@pytest.mark.parametrize("pasted", BAD_TOKENS)
def test_clean_token__malformed__refused_without_repeating_it(pasted: str) -> None:
    with pytest.raises(errors.BadToken) as caught:
        clean_token(pasted)
    assert "s3kret" not in everything_printed(caught.value)
    assert caught.value.sent is False


@pytest.mark.parametrize("pasted", [f"{TOKEN}\n", f"  {TOKEN}", f"\t{TOKEN}\r\n"])
def test_clean_token__blanks_around__removed(pasted: str) -> None:
    assert clean_token(pasted) == TOKEN


@given(st.text(max_size=50))
def test_clean_token__anything__exactly_printable_ascii_passes(pasted: str) -> None:
    stripped = pasted.strip()
    if stripped and all("!" <= character <= "~" for character in stripped):
        assert clean_token(pasted) == stripped
    else:
        with pytest.raises(errors.BadToken):
            clean_token(pasted)


ECHO = json.dumps({"code": 1, "message": f"the token {TOKEN} is bad"}).encode()
FAULTS: dict[str, Behaviour] = {
    "closed": closes,
    "reset": resets,
    "half": sends(HALF),
    "drip": drips(b"HTTP/1.1 200 X\r\n", b"X: 1\r\n"),
    "no HTTP": sends(b"garbage " + TOKEN.encode() + b"\r\n\r\n"),
    "bad JSON": says(200, TOKEN.encode()),
    "bad gzip": says(200, b"x", Content_Encoding="gzip"),
    "bad chunks": sends(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "echo": says(400, ECHO),
    "echo in a header": says(302, b"", Location=f"/?token={TOKEN}"),
    "echo in other spellings": says(400, " ".join(SPELLINGS).encode()),
    "401": says(401, ECHO),
    "500": says(500, ECHO),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault__any__shows_no_token(
    serve: Served, tls: bool, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    _, endpoint = serve(FAULTS[name], tls, deadline=0.4)
    noted: list[Exchange] = []
    client = LoftyClient(endpoint, Scheme.OAUTH, TOKEN, on_exchange=noted.append)
    with caplog.at_level(logging.DEBUG), pytest.raises(errors.LoftyError) as caught:
        client.put_settings({"id": 1})
    shown = everything_printed(caught.value) + repr(noted) + repr(client) + caplog.text
    for spelling in SPELLINGS:
        assert spelling not in shown
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert len(noted) == 1


def test_unreachable__any__shows_no_token_and_no_library_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    endpoint = Endpoint(f"http://127.0.0.1:{port}", frozenset(), allow_loopback=True)
    with pytest.raises(errors.Unreachable) as caught:
        client_of(endpoint).put_settings({"id": 1})
    assert TOKEN not in everything_printed(caught.value)
    assert list(chain(caught.value)) == [caught.value]


def test_answer__echoes_the_token_at_the_excerpts_edge__no_part_of_it_kept(serve: Served) -> None:
    body = b"x" * 3990 + TOKEN.encode() + b"y" * 100
    _, endpoint = serve(says(400, body))
    with pytest.raises(errors.Rejected) as caught:
        client_of(endpoint).put_settings({"id": 1})
    assert caught.value.exchange is not None
    assert TOKEN[:6] not in caught.value.exchange.body_excerpt
    assert len(caught.value.exchange.body_excerpt) <= 4000


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b'"a\\u0000b"', "a\\u0000b"),
        (b'"a\\ud800b"', "a\\ud800b"),
        (b"a\x00b", "a\\u0000b"),
        (b"a\xff\x1bb", "a�\\u001bb"),
    ],
)
def test_answer__characters_no_database_takes__escaped(
    serve: Served, body: bytes, kept: str
) -> None:
    _, endpoint = serve(says(400, body))
    with pytest.raises(errors.Rejected) as caught:
        client_of(endpoint).put_settings({"id": 1})
    assert caught.value.lofty_message == kept
    assert caught.value.exchange is not None
    caught.value.exchange.body_excerpt.encode()
    assert "\x00" not in caught.value.exchange.body_excerpt


def test_answer__five_megabytes__excerpt_is_capped(serve: Served) -> None:
    _, endpoint = serve(says(400, b"z" * 5_000_000), max_bytes=2**23)
    with pytest.raises(errors.Rejected) as caught:
        client_of(endpoint).put_settings({"id": 1})
    assert caught.value.exchange is not None
    assert len(caught.value.exchange.body_excerpt) == 4000
    assert len(caught.value.lofty_message or "") == 500


def test_repr__everything_that_holds_a_secret__hides_it() -> None:
    endpoint = Endpoint("https://api.lofty.com", frozenset({"api.lofty.com"}))
    holders = [
        Authorization.of_token("Bearer", TOKEN),
        Authorization.basic("id", TOKEN),
        LoftyClient(endpoint, Scheme.API_KEY, TOKEN),
        OAuthClient("https://api.lofty.com/oauth/token", "id", TOKEN, endpoint=endpoint),
    ]
    for holder in holders:
        assert TOKEN not in f"{holder!r} {holder}"


def test_exchange__good_answer__is_plain_data(serve: Served) -> None:
    """Exchanges are stored and handed on by callers: nothing of a library may hang on them."""
    _, endpoint = serve(says(200, OK_BODY))
    exchange = client_of(endpoint).put_settings({"id": 1})
    assert json.loads(json.dumps(asdict(exchange)))["body_excerpt"] == OK_BODY.decode()
    assert exchange.duration_ms >= 0
