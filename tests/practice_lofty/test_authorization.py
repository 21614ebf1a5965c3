"""Which requests are authorized: schemes, dead tokens, scopes, content types."""

import time

import pytest

from tests.support.practice_caller import SETTINGS, TOKEN, Caller

OPERATIONS = {
    "settings": SETTINGS,
    "quota": "/v2.0/sales-agents/quota",
    "current": "/v2.0/sales-agents/current",
    "me": "/v1.0/me",
    "members": "/v1.0/members",
    "org": "/v1.0/org",
    "ponds": "/v1.0/team-features/lead-ponds",
    "pipelines": "/v1.0/teamFeatures/lead-pipelines",
}
WRONG_SCHEME = {"code": 200058, "message": "User in token does not exist."}


@pytest.mark.parametrize("path", OPERATIONS.values())
def test_door__right_token__every_operation_answers_200(
    caller: Caller, acme: object, path: str
) -> None:
    assert caller.get(path).status == 200


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer nobodys", "token nobodys", f"Basic {TOKEN}", TOKEN],
)
def test_door__missing_or_unknown_token__401(
    caller: Caller, acme: object, authorization: str
) -> None:
    reply = caller.get(SETTINGS, authorization)
    assert (reply.status, reply.json["code"]) == (401, "BAD_CREDENTIALS")


def test_door__oauth_token_as_api_key__400_200058(caller: Caller, acme: object) -> None:
    reply = caller.get(SETTINGS, f"token {TOKEN}")
    assert (reply.status, reply.json) == (400, WRONG_SCHEME)


def test_door__api_key_as_oauth_token__400_200058(caller: Caller) -> None:
    caller.customer(scheme="api_key")
    assert caller.get(SETTINGS, f"token {TOKEN}").status == 200
    reply = caller.get(SETTINGS, f"Bearer {TOKEN}")
    assert (reply.status, reply.json) == (400, WRONG_SCHEME)


@pytest.mark.parametrize("death", [{"revoked": True}, {"expires_at": time.time() - 1}])
def test_door__dead_token__401_and_back_to_life(
    caller: Caller, acme: object, death: dict[str, object]
) -> None:
    caller.change(tokens=[{"token": TOKEN, **death}])
    assert caller.get(SETTINGS).json["code"] == "BAD_CREDENTIALS"
    caller.change(tokens=[{"token": TOKEN, "revoked": False, "expires_at": None}])
    assert caller.get(SETTINGS).status == 200


def test_door__dead_token_of_the_other_kind__400_200058(caller: Caller) -> None:
    caller.customer(revoked=True, options={"dead_answers_400": True})
    reply = caller.get(SETTINGS)
    assert (reply.status, reply.json) == (400, WRONG_SCHEME)


def test_door__scope_missing__403_200100_there_only(caller: Caller) -> None:
    caller.customer(scopes=["me"])
    refused = caller.get(SETTINGS)
    assert (refused.status, refused.json["code"]) == (403, 200100)
    assert caller.get("/v1.0/me").status == 200


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("content_type", ["", "text/plain"])
def test_door__no_json_content_type__415_on_lead_ponds_only(
    caller: Caller, acme: object, name: str, content_type: str
) -> None:
    reply = caller.get(OPERATIONS[name], **{"Content-Type": content_type})
    if name == "ponds":
        assert (reply.status, reply.json["errorCode"]) == (415, 20001)
    else:
        assert reply.status == 200


def test_door__no_such_operation__404(caller: Caller, acme: object) -> None:
    assert caller.get("/v1.0/nothing").status == 404


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "POST", "HEAD", "OPTIONS", "TRACE", "BREW"])
@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (SETTINGS, "GET, PUT"),
        ("/v1.0/me", "GET"),
        ("/api/user-web/oauth/token", "POST"),
        ("/page/vendor-auth.html", "GET, POST"),
        ("/", "GET"),
    ],
)
def test_door__other_method__405_names_those_allowed(
    caller: Caller, acme: object, method: str, path: str, allowed: str
) -> None:
    if method in allowed:
        return
    sent = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    reply = caller.send(method, path, b"{}", sent)
    assert (reply.status, reply.headers["Allow"]) == (405, allowed)
    assert caller.get("/v1.0/me").status == 200
