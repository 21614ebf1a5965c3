"""The token endpoint: what is sent, what is returned, and what is never shown."""

import base64
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lofty_admin.lofty import errors
from lofty_admin.lofty.endpoint import Endpoint
from lofty_admin.lofty.oauth import OAuthClient, Tokens, read_expiry
from tests.support.hostile_server import Served, resets, says
from tests.support.printed_output import everything_printed

SECRET = "sentinel-client-secret"
REFRESH = "sentinel-refresh/token+1"
ACCESS = "sentinel.access.token"
GOOD = {
    "access_token": ACCESS,
    "refresh_token": REFRESH,
    "expires_in": 3600,
    "token_type": "Bearer",
    "scope": "openApi",
}


def oauth(endpoint: Endpoint) -> OAuthClient:
    url = f"{endpoint.base_url}/api/user-web/oauth/token"
    return OAuthClient(url, "client-7", SECRET, endpoint=endpoint)


GRANTS: list[tuple[Callable[[OAuthClient], Tokens], dict[str, str]]] = [
    (
        lambda client: client.exchange_code("code-1", "https://console.test/back"),
        {
            "grant_type": "authorization_code",
            "code": "code-1",
            "client_id": "client-7",
            "redirect_uri": "https://console.test/back",
        },
    ),
    (
        lambda client: client.refresh(REFRESH),
        {"grant_type": "refresh_token", "refresh_token": REFRESH},
    ),
    (
        lambda client: client.client_credentials("api-key-9"),
        {"grant_type": "client_credentials", "customer_key": "api-key-9"},
    ),
]


@pytest.mark.parametrize(("grant", "form"), GRANTS)
def test_grant__accepted__form_basic_auth_and_tokens(
    serve: Served, tls: bool, grant: Callable[[OAuthClient], Tokens], form: dict[str, str]
) -> None:
    server, endpoint = serve(says(200, GOOD), tls)
    tokens = grant(oauth(endpoint))
    (request,) = server.requests
    assert (request.method, request.target) == ("POST", "/api/user-web/oauth/token")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    expected = base64.b64encode(f"client-7:{SECRET}".encode()).decode()
    assert request.headers["authorization"] == f"Basic {expected}"
    assert {name: values[0] for name, values in parse_qs(request.body.decode()).items()} == form
    assert (tokens.access_token, tokens.refresh_token) == (ACCESS, REFRESH)
    assert (tokens.expires_in, tokens.scope) == (3600, "openApi")


def test_tokens__printed__hidden() -> None:
    shown = repr(Tokens(ACCESS, REFRESH, 3600, "openApi"))
    assert "sentinel" not in shown


@pytest.mark.parametrize(
    "body",
    [{}, [], None, {"access_token": None}, {"access_token": ""}, {"access_token": "a b"}, b"<p>"],
)
def test_refresh__no_usable_token__unknown_and_not_repeated(serve: Served, body: Any) -> None:
    server, endpoint = serve(says(200, body))
    with pytest.raises(errors.Unknown):
        oauth(endpoint).refresh(REFRESH)
    assert len(server.requests) == 1


def test_refresh__only_an_access_token__rest_none(serve: Served) -> None:
    _, endpoint = serve(says(200, {"access_token": ACCESS, "expires_in": "soon"}))
    assert oauth(endpoint).refresh(REFRESH) == Tokens(ACCESS, None, None, None)


@pytest.mark.parametrize("refresh", ["", 7, "a b", "x\ny", "я", None])
def test_refresh__refresh_token_that_cannot_be_one__none(serve: Served, refresh: Any) -> None:
    _, endpoint = serve(says(200, {**GOOD, "refresh_token": refresh}))
    assert oauth(endpoint).refresh(REFRESH).refresh_token is None


def test_refresh__connection_lost__unknown_and_not_repeated(serve: Served) -> None:
    server, endpoint = serve(resets)
    with pytest.raises(errors.Unknown):
        oauth(endpoint).refresh(REFRESH)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [200, 400, 401, 307, 500])
def test_refresh__refused_with_our_secrets_in_the_answer__none_shown(
    serve: Served, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    body = {"code": SECRET, "message": f"{REFRESH} {SECRET} {ACCESS}", "access": ACCESS}
    server, endpoint = serve(says(status, body, Location=f"/?t={REFRESH}"))
    with caplog.at_level(logging.DEBUG), pytest.raises(errors.LoftyError) as caught:
        oauth(endpoint).refresh(REFRESH)
    assert "sentinel" not in everything_printed(caught.value) + caplog.text
    assert len(server.requests) == 1


@pytest.mark.parametrize("pasted", ["", "s3kret\n", "s3kret\ud800", "s3 kret", "s3kretя"])
def test_refresh__malformed_token__refused_before_sending(serve: Served, pasted: str) -> None:
    server, endpoint = serve(says(200, GOOD))
    with pytest.raises(errors.BadToken) as caught:
        oauth(endpoint).refresh(pasted)
    assert "s3kret" not in str(caught.value)
    assert server.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/oauth/token",
        "http://crm.lofty.com/oauth/token",
        "https://crm.lofty.com",
        "https://crm.lofty.com/oauth/token?x=1",
        "https://a:b@crm.lofty.com/oauth/token",
        "https://crm.lofty.com:444/oauth/token",
    ],
)
def test_token_url__not_allowed__refused(url: str) -> None:
    endpoint = Endpoint("https://api.lofty.com", frozenset({"api.lofty.com", "crm.lofty.com"}))
    with pytest.raises(errors.Misconfigured):
        OAuthClient(url, "id", SECRET, endpoint=endpoint)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": "invalid_grant"}, errors.GrantRefused),
        (401, {"error": "invalid_grant"}, errors.GrantRefused),
        (400, {"code": 200058, "message": "User in token does not exist."}, errors.GrantRefused),
        (200, {"code": 20012, "message": "invalid parameter"}, errors.GrantRefused),
        (401, {"error": "invalid_client"}, errors.AppRefused),
        (400, {"error": "unauthorized_client"}, errors.AppRefused),
        (400, {"error": "unsupported_grant_type"}, errors.AppRefused),
        (401, {"code": "BAD_CREDENTIALS"}, errors.AppRefused),
        (403, {"code": "PERMISSION_DENIED"}, errors.AppRefused),
        (404, "not here", errors.AppRefused),
        (429, {"message": "Too Many Requests"}, errors.RateLimited),
        (500, {"error": "invalid_grant"}, errors.Unknown),
        (302, {}, errors.UnexpectedRedirect),
    ],
)
def test_refresh__refused__only_what_surely_means_the_grant_ends_it(
    serve: Served, status: int, body: Any, kind: type[errors.LoftyError]
) -> None:
    _, endpoint = serve(says(status, body))
    with pytest.raises(errors.LoftyError) as caught:
        oauth(endpoint).refresh(REFRESH)
    assert type(caught.value) is kind


def jws(claims: object) -> str:
    packed = [base64.urlsafe_b64encode(json.dumps(part).encode()) for part in ({}, claims)]
    return ".".join(part.decode().rstrip("=") for part in packed) + ".signature"


@pytest.mark.parametrize("exp", [1_900_000_000, 1_900_000_000.0])
def test_read_expiry__jws_with_exp__utc(exp: float) -> None:
    assert read_expiry(f" {jws({'exp': exp})}\n") == datetime.fromtimestamp(1_900_000_000, UTC)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "opaque-token",
        "a.b.c",
        "a.é.c",
        jws({}),
        jws([]),
        jws({"exp": "soon"}),
        jws({"exp": True}),
        jws({"exp": 10**18}),
        jws({"exp": 1e300}),
        jws({"exp": -(10**15)}),
    ],
)
def test_read_expiry__no_readable_exp__none(token: str) -> None:
    assert read_expiry(token) is None


@given(st.text(max_size=40))
def test_read_expiry__any_text__no_error(text: str) -> None:
    assert isinstance(read_expiry(f"x.{text}.y"), datetime | None)
