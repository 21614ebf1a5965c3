"""The control API: what it accepts and what it refuses."""

import json
import re
from typing import Any

import pytest

from tests.support.practice_caller import SETTINGS, TOKEN, Caller
from tools.practice_lofty import seed


def test_healthz__answers(caller: Caller) -> None:
    assert caller.control("GET", "healthz").json == {"status": "ok", "held": 0}


def test_customer__added__is_described_with_its_size(caller: Caller) -> None:
    customer = caller.customer(
        name="Acme Realty", members=7, scheme="api_key", rate_limit=10, settings={"leadTypes": []}
    )
    [token] = customer["tokens"]
    assert (token["token"], token["scheme"], token["rate_limit"]) == (TOKEN, "api_key", 10)
    assert token["dead"] is False
    assert (customer["name"], customer["members"], customer["settings"]["leadTypes"]) == (
        "Acme Realty",
        7,
        [],
    )
    assert customer == caller.control("GET", "customers/acme").json
    [listed] = caller.control("GET", "customers").json["customers"]
    assert listed["slug"] == "acme"


def test_customer__without_a_token__gets_one_that_works(caller: Caller) -> None:
    customer = caller.control("POST", "customers", {"slug": "plain"}).json
    assert caller.get(SETTINGS, f"Bearer {customer['tokens'][0]['token']}").status == 200


def test_customer__settings_left_out__are_absent(caller: Caller) -> None:
    caller.customer(without=["headUrl", "activeDays"])
    settings = caller.get(SETTINGS).json
    assert "activeDays" not in settings
    assert len(settings) == 23


@pytest.mark.parametrize("wish", [{}, {"slug": "other"}])
def test_customer__slug_or_token_taken__409_and_nothing_added(
    caller: Caller, acme: object, wish: dict[str, str]
) -> None:
    reply = caller.control("POST", "customers", {"slug": "acme", "token": TOKEN, **wish})
    assert reply.status == 409
    assert len(caller.control("GET", "customers").json["customers"]) == 1


@pytest.mark.parametrize(
    "wish",
    [
        {"slug": ""},
        {"slug": "a/b"},
        {"slug": "é"},
        {"slug": 7},
        {"members": -1},
        {"members": 10_001},
        {"members": True},
        {"scheme": "basic"},
        {"org": "solo"},
        {"scopes": ["everything"]},
        {"settings": []},
        {"options": {"omitted": "forget"}},
        {"options": {"shuffle_lists": 1}},
        {"options": {"unknown": 1}},
        {"expires_at": "tomorrow"},
        {"colour": "red"},
    ],
)
def test_customer__impossible_wish__400_and_nothing_added(
    caller: Caller, wish: dict[str, object]
) -> None:
    reply = caller.control("POST", "customers", {"slug": "acme", **wish})
    assert reply.status == 400
    assert reply.json["message"].endswith("Nothing was changed.")
    assert caller.control("GET", "customers").json == {"customers": []}


def test_change__settings__are_merged_and_removed(caller: Caller, acme: dict[str, Any]) -> None:
    caller.change(settings={"assistantName": None, "brandNew": [1]}, remove_settings=["headUrl"])
    settings = caller.get(SETTINGS).json
    assert (settings["assistantName"], settings["brandNew"]) == (None, [1])
    assert "headUrl" not in settings
    assert settings["virtualNumber"] == acme["settings"]["virtualNumber"]
    assert caller.puts() == []


def test_change__settings_null__takes_the_agent_away_and_back(
    caller: Caller, acme: dict[str, Any]
) -> None:
    assert caller.change(settings=None)["has_agent"] is False
    assert caller.get(SETTINGS).status == 404
    caller.change(settings=acme["settings"])
    assert caller.get(SETTINGS).json == acme["settings"]


def test_change__option__takes_effect(caller: Caller, acme: object) -> None:
    assert caller.change(options={"metadata_key": "get_metadata"})["options"]["omitted"] == "keep"
    assert "get_metadata" in caller.get("/v1.0/members").json


@pytest.mark.parametrize(
    "wish",
    [
        {"settings": 7},
        {"remove_settings": "headUrl"},
        {"options": {"omitted": 1}},
        {"rate_used": -1},
        {"rate_limit": "10"},
        {"tokens": {}},
        {"tokens": ["x"]},
        {"tokens": [{"revoked": True}]},
        {"tokens": [{"token": "globex-token", "revoked": True}]},
        {"wish": 1},
    ],
)
def test_change__impossible_wish__400_and_nothing_changed(
    caller: Caller, acme: object, wish: dict[str, object]
) -> None:
    caller.customer(slug="globex", token="globex-token")
    before = without_clock(caller.control("GET", "customers").json)
    reply = caller.control("PATCH", "customers/acme", {"settings": {"leadTypes": []}, **wish})
    assert reply.status == 400
    assert without_clock(caller.control("GET", "customers").json) == before


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_content_type__not_json__415_and_nothing_changed(
    caller: Caller, acme: object, method: str, content_type: str
) -> None:
    caller.fault("status", times=None)
    before = without_clock(caller.control("GET", "customers/acme").json)
    for path in ("customers", "customers/acme", "customers/acme/faults", "reset"):
        sent = {"Content-Type": content_type} if content_type else {}
        assert caller.send(method, f"/_control/{path}", b"{}", sent).status == 415
    assert without_clock(caller.control("GET", "customers/acme").json) == before


def without_clock(described: object) -> str:
    """What a customer is, less the end of a window that has not begun: that moves with the time."""
    return re.sub(r'"rate_reset_at": "[^"]*"', "", json.dumps(described, sort_keys=True))


@pytest.mark.parametrize("host", ["evil.example.com", "127.0.0.1.evil.example.com", "10.0.0.1", ""])
@pytest.mark.parametrize("path", ["/", "/_control/customers", "/customers/acme"])
def test_host__not_loopback__403(caller: Caller, acme: object, host: str, path: str) -> None:
    reply = caller.send("GET", path, None, {"Host": host})
    assert reply.status == 403
    assert TOKEN.encode() not in reply.body


@pytest.mark.parametrize("host", ["127.0.0.1:80", "localhost", "[::1]:5000"])
def test_host__loopback__welcome(caller: Caller, host: str) -> None:
    assert caller.send("GET", "/_control/healthz", None, {"Host": host}).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "customers/unknown", 404),
        ("PATCH", "customers/unknown", 404),
        ("GET", "customers/unknown/puts", 404),
        ("GET", "customers/unknown/faults", 404),
        ("DELETE", "customers/unknown/faults", 404),
        ("GET", "nothing", 404),
        ("DELETE", "customers/acme", 404),
        ("DELETE", "customers/acme/faults/x", 404),
    ],
)
def test_path__unknown__404(
    caller: Caller, acme: object, method: str, path: str, status: int
) -> None:
    body: dict[str, object] | None = None if method == "GET" else {}
    assert caller.control(method, path, body).status == status


def test_fault__of_unknown_customer__404(caller: Caller) -> None:
    assert caller.control("POST", "customers/unknown/faults", {"kind": "delay"}).status == 404


def test_fault__removed_by_id__the_other_stays(caller: Caller, acme: object) -> None:
    caller.fault("delay")
    caller.fault("status")
    first, second = caller.control("GET", "customers/acme/faults").json["faults"]
    caller.control("DELETE", f"customers/acme/faults/{first['id']}")
    assert caller.control("GET", "customers/acme").json["faults"] == [second]


@pytest.mark.parametrize("body", [b"[]", b"{", b"7"])
def test_body__no_object__400(caller: Caller, body: bytes) -> None:
    sent = {"Content-Type": "application/json"}
    assert caller.send("POST", "/_control/customers", body, sent).status == 400


def test_reset__forgets_everything__and_can_seed(caller: Caller, acme: object) -> None:
    caller.put({"id": 1})
    caller.fault("delay")
    assert caller.control("POST", "reset", {}).json == {"customers": 0}
    assert caller.get(SETTINGS).status == 401
    assert caller.control("POST", "reset", {"seed": True}).json == {
        "customers": len(seed.customers())
    }
    caller.customer()
    assert (caller.puts(), caller.control("GET", "customers/acme/faults").json["faults"]) == (
        [],
        [],
    )


def test_puts__order_and_count__as_received(caller: Caller, acme: dict[str, Any]) -> None:
    for hour in (1, 2, 99):
        caller.put({"id": acme["agent_id"], "startActiveHour": hour})
    puts = caller.puts()
    assert [put["body"]["startActiveHour"] for put in puts] == [1, 2, 99]
    assert [(put["status"], put["applied"]) for put in puts] == [
        (200, True),
        (200, True),
        (400, False),
    ]
    assert json.dumps(sorted(put["received_at"] for put in puts)) == json.dumps(
        [put["received_at"] for put in puts]
    )
