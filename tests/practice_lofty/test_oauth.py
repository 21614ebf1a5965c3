"""The authorization page and the token endpoint."""

import base64
import json
import time
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.support.practice_caller import SETTINGS, TOKEN, Caller, Reply
from tools.practice_lofty.oauth import TOKEN_PATHS
from tools.practice_lofty.server import Sandbox

BACK = "http://127.0.0.1:9999/back?from=lofty"
PAGE = "/page/vendor-auth.html"


@pytest.fixture
def app(caller: Caller, acme: object) -> dict[str, Any]:
    wish = {"client_id": "app-1", "client_secret": "s3cret", "redirect_url": BACK, "expires_in": 60}
    reply = caller.control("POST", "apps", wish)
    assert reply.status == 201
    return dict(reply.json)


def _ask(
    caller: Caller, *, basic: str = "app-1:s3cret", path: str = TOKEN_PATHS[0], **fields: str
) -> Reply:
    sent = {
        "Authorization": "Basic " + base64.b64encode(basic.encode()).decode(),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return caller.send("POST", path, urlencode(fields).encode(), sent)


def _by_code(caller: Caller, code: str, **fields: str) -> Reply:
    wish = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, **fields}
    return _ask(caller, **wish)


def _refresh(caller: Caller, token: str) -> Reply:
    return _ask(caller, grant_type="refresh_token", refresh_token=token)


def _code(caller: Caller) -> str:
    wish = {"client_id": "app-1", "slug": "acme"}
    return str(caller.control("POST", "codes", wish).json["code"])


def _decide(caller: Caller, **fields: str) -> Reply:
    sent = {"Content-Type": "application/x-www-form-urlencoded"}
    return caller.send("POST", PAGE, urlencode({"clientId": "app-1", **fields}).encode(), sent)


def test_page__known_app__offers_both_buttons(caller: Caller, app: object) -> None:
    reply = caller.send("GET", f"{PAGE}?clientId=app-1", None, {})
    text = reply.body.decode()
    assert reply.status == 200
    assert "Practice app" in text
    assert 'value="approve"' in text
    assert 'value="deny"' in text
    assert reply.headers["Content-Security-Policy"].endswith("http://127.0.0.1:9999")


def test_page__unknown_app__404(caller: Caller) -> None:
    assert caller.send("GET", f"{PAGE}?clientId=unknown", None, {}).status == 404


def test_page__approve__goes_back_with_a_code_that_works(caller: Caller, app: object) -> None:
    reply = _decide(caller, decision="approve", customer="acme")
    target = urlsplit(reply.headers["Location"])
    query = parse_qs(target.query)
    assert (reply.status, f"{target.scheme}://{target.netloc}{target.path}") == (
        302,
        "http://127.0.0.1:9999/back",
    )
    assert set(query) == {"from", "code"}
    assert _by_code(caller, query["code"][0]).status == 200


def test_page__deny__goes_back_with_access_denied(caller: Caller, app: object) -> None:
    reply = _decide(caller, decision="deny", customer="acme")
    assert (reply.status, reply.headers["Location"]) == (302, f"{BACK}&error=access_denied")


def test_page__approve_without_a_customer__400(caller: Caller, app: object) -> None:
    assert _decide(caller, decision="approve", customer="unknown").status == 400


@pytest.mark.parametrize("path", TOKEN_PATHS)
def test_token__code__gives_tokens_that_work(caller: Caller, app: object, path: str) -> None:
    tokens = _by_code(caller, _code(caller), path=path).json
    assert set(tokens) == {"access_token", "refresh_token", "expires_in", "token_type", "scope"}
    assert (tokens["expires_in"], tokens["token_type"], tokens["scope"]) == (
        *(60, "Bearer"),
        "openApi",
    )
    assert caller.get(SETTINGS, f"Bearer {tokens['access_token']}").status == 200
    assert caller.get(SETTINGS, f"token {tokens['access_token']}").json["code"] == 200058


def test_token__code_used_twice__refused(caller: Caller, app: object) -> None:
    code = _code(caller)
    assert [_by_code(caller, code).status for _ in range(2)] == [200, 400]


@pytest.mark.parametrize(
    "fields",
    [
        {"redirect_uri": "http://127.0.0.1:9999/other"},
        {"code": "made-up"},
        {"grant_type": "password"},
        {"grant_type": ""},
    ],
)
def test_token__wrong_field__400_and_the_code_stays_good(
    caller: Caller, app: object, fields: dict[str, str]
) -> None:
    code = _code(caller)
    wish = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, **fields}
    reply = _ask(caller, **wish)
    assert reply.status == 400
    assert reply.json["error"] in ("invalid_grant", "unsupported_grant_type")
    assert _by_code(caller, code).status == 200


@pytest.mark.parametrize("basic", ["app-1:wrong", "unknown:s3cret", "app-1:", ":"])
def test_token__wrong_secret__401(caller: Caller, app: object, basic: str) -> None:
    reply = _ask(caller, basic=basic, grant_type="authorization_code", code=_code(caller))
    assert (reply.status, reply.json["error"]) == (401, "invalid_client")


def test_token__client_id_of_another_app__401(caller: Caller, app: object) -> None:
    assert _by_code(caller, _code(caller), client_id="app-2").status == 401


def test_token__another_apps_code__refused(caller: Caller, app: object) -> None:
    caller.control("POST", "apps", {"client_id": "app-2", "client_secret": "x"})
    assert (
        _ask(
            caller,
            basic="app-2:x",
            grant_type="authorization_code",
            code=_code(caller),
            redirect_uri="http://127.0.0.1/oauth/callback",
        ).status
        == 400
    )


def test_refresh__rotates(caller: Caller, app: object) -> None:
    first = _by_code(caller, _code(caller)).json
    second = _refresh(caller, first["refresh_token"]).json
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert _refresh(caller, first["refresh_token"]).json["error"] == "invalid_grant"
    assert _refresh(caller, second["refresh_token"]).status == 200


def test_refresh__two_at_once__one_wins(caller: Caller, app: object) -> None:
    token = _by_code(caller, _code(caller)).json["refresh_token"]
    statuses: list[int] = []
    threads = [
        Thread(target=lambda: statuses.append(_refresh(caller, token).status)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(statuses) == [200] + [400] * 7


def test_refresh__answer_lost__the_old_token_is_gone(caller: Caller, app: object) -> None:
    token = _by_code(caller, _code(caller)).json["refresh_token"]
    caller.fault("drop_after", on="POST")
    with pytest.raises(ConnectionError):
        _refresh(caller, token)
    assert _refresh(caller, token).status == 400


def test_refresh__server_error__the_old_token_stays_good(caller: Caller, app: object) -> None:
    token = _by_code(caller, _code(caller)).json["refresh_token"]
    caller.fault("status", on="POST", code=503)
    assert [_refresh(caller, token).status for _ in range(2)] == [503, 200]


def test_client_credentials__customers_api_key__gives_access(caller: Caller, app: object) -> None:
    caller.customer(slug="solo", scheme="api_key", token="solo-key")
    tokens = _ask(caller, grant_type="client_credentials", customer_key="solo-key").json
    assert caller.get(SETTINGS, f"Bearer {tokens['access_token']}").status == 200
    assert "refresh_token" not in tokens


@pytest.mark.parametrize("key", ["nobodys", TOKEN, ""])
def test_client_credentials__no_api_key__refused(caller: Caller, app: object, key: str) -> None:
    assert _ask(caller, grant_type="client_credentials", customer_key=key).status == 400


def test_access_token__after_its_life__401(caller: Caller, app: object) -> None:
    caller.control("POST", "apps", {"client_id": "app-1", "expires_in": 0, "redirect_url": BACK})
    reply = _by_code(caller, _code(caller), basic="app-1:practice-app-secret")
    assert caller.get(SETTINGS, f"Bearer {reply.json['access_token']}").status == 401


def test_access_token__of_a_limited_app__has_its_scopes_and_rate(
    caller: Caller, app: object
) -> None:
    wish = {**app_fields(), "scopes": ["me"], "rate_limit": 100}
    caller.control("POST", "apps", wish)
    access = _by_code(caller, _code(caller)).json["access_token"]
    assert caller.get(SETTINGS, f"Bearer {access}").json["code"] == 200100
    assert caller.get("/v1.0/me", f"Bearer {access}").headers["X-RateLimit-Limit"] == "100"


def app_fields() -> dict[str, object]:
    return {"client_id": "app-1", "client_secret": "s3cret", "redirect_url": BACK}


def test_revoke_all__ends_access_and_refresh(caller: Caller, app: object) -> None:
    tokens = _by_code(caller, _code(caller)).json
    caller.change(revoke_all=True)
    assert caller.get(SETTINGS, f"Bearer {tokens['access_token']}").status == 401
    assert _refresh(caller, tokens["refresh_token"]).status == 400


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://x", "http://a b\r\n", "", 7])
def test_app__impossible_redirect_url__400(caller: Caller, url: object) -> None:
    wish = {"client_id": "app-3", "redirect_url": url}
    assert caller.control("POST", "apps", wish).status == 400


def test_token__broken_basic_header__401(caller: Caller, app: object) -> None:
    for header in ("", "Basic", "Basic !!!", "Basic /w==", "Bearer x"):
        sent = {"Authorization": header, "Content-Type": "application/x-www-form-urlencoded"}
        reply = caller.send("POST", TOKEN_PATHS[0], b"grant_type=refresh_token", sent)
        assert (header, reply.status, json.loads(reply.body)["error"]) == (
            *(header, 401),
            "invalid_client",
        )


def test_code__after_its_life__refused(sandbox: Sandbox, caller: Caller, app: object) -> None:
    code = _code(caller)
    with sandbox.store.transaction() as db:
        db.execute("UPDATE grants SET expires_at = ?", (time.time() - 1,))
    assert _by_code(caller, code).status == 400
