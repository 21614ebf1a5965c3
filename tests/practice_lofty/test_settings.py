"""GET and PUT of the settings."""

import json
from typing import Any

import pytest

from tests.support.documented_settings import EXAMPLE, EXAMPLE_REQUEST
from tests.support.practice_caller import SETTINGS, Caller
from tools.practice_lofty.rules import PROPERTIES

DOCUMENTED: dict[str, Any] = {n: v for n, v in EXAMPLE_REQUEST.items() if n != "id"}


def test_settings__get__has_the_documented_properties(caller: Caller, acme: dict[str, Any]) -> None:
    settings = caller.get(SETTINGS).json
    assert set(settings) == {*PROPERTIES, "headUrl", "hostedStatus"}
    assert set(settings) == EXAMPLE.keys()
    assert set(PROPERTIES) == EXAMPLE_REQUEST.keys()
    assert settings["id"] == acme["agent_id"]


def test_settings__documented_put__is_read_back(caller: Caller, acme: dict[str, Any]) -> None:
    body = {"id": acme["agent_id"], **DOCUMENTED}
    reply = caller.put(body)
    assert (reply.status, reply.json) == (200, {"message": "Operation successful"})
    settings = caller.get(SETTINGS).json
    assert {name: settings[name] for name in PROPERTIES} == body


@pytest.mark.parametrize(("omitted", "value"), [("keep", "Anna"), ("clear", None)])
def test_settings__property_left_out_of_put__as_the_option_says(
    caller: Caller, omitted: str, value: str | None
) -> None:
    agent = caller.customer(options={"omitted": omitted})["agent_id"]
    caller.put({"id": agent, "startActiveHour": 3})
    settings = caller.get(SETTINGS).json
    assert (settings["startActiveHour"], settings["assistantName"]) == (3, value)
    assert settings["hostedStatus"] == "ACTIVE"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("assistantName", None),
        ("activeDays", None),
        ("callTransferType", "ToVoicemail"),
        ("followUpRole", ""),
        ("virtualNumber", "ask Pilar (ext. 7)"),
        ("agentIds", [-1, 101]),
        ("leadPondIds", []),
        ("leadSources", [2**63 - 1, -(2**63)]),
        ("assistantName", "名前 \x00 \ud800 👩‍🚀"),
    ],
)
def test_settings__unusual_but_legal_value__stored_as_given(
    caller: Caller, acme: dict[str, Any], name: str, value: object
) -> None:
    assert caller.put({"id": acme["agent_id"], name: value}).status == 200
    assert caller.get(SETTINGS).json[name] == value


def test_settings__unexpected_value_that_is_stored__can_be_put_back(
    caller: Caller, acme: dict[str, Any]
) -> None:
    caller.change(settings={"startActiveHour": "8", "textChannel": 1})
    body = {"id": acme["agent_id"], "startActiveHour": "8", "textChannel": 1}
    assert caller.put(body).status == 200
    assert caller.put({**body, "startActiveHour": "9"}).status == 400


@pytest.mark.parametrize("name", ["headUrl", "hostedStatus", "surprise"])
def test_settings__property_that_is_not_put__is_ignored(
    caller: Caller, acme: dict[str, Any], name: str
) -> None:
    before = caller.settings()
    assert caller.put({"id": acme["agent_id"], name: "x"}).status == 200
    assert caller.settings() == before


@pytest.mark.parametrize("name", ["headUrl", "hostedStatus", "surprise"])
def test_settings__strict__property_that_cannot_be_put__400(
    caller: Caller, acme: dict[str, Any], name: str
) -> None:
    caller.change(options={"strict_put": True})
    reply = caller.put({"id": acme["agent_id"], name: "x"})
    assert (reply.status, reply.json["code"]) == (400, "INVALID_PARAMETER")
    assert not caller.puts()[0]["applied"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"id": NaN}', b"[" * 99999])
def test_settings__put_of_no_json_object__400(caller: Caller, acme: object, body: bytes) -> None:
    assert caller.put(body).status == 400
    assert [put["status"] for put in caller.puts()] == [400]


def test_settings__wrong_value__400_names_it_and_changes_nothing(
    caller: Caller, acme: dict[str, Any]
) -> None:
    before = caller.settings()
    reply = caller.put({"id": acme["agent_id"], "assistantName": "Mia", "startActiveHour": 24})
    assert (reply.status, reply.json["code"]) == (400, 20012)
    assert "startActiveHour" in reply.json["message"]
    assert caller.settings() == before


def test_settings__option_shuffle__lists_come_in_another_order(caller: Caller) -> None:
    agent = caller.customer(options={"shuffle_lists": True})["agent_id"]
    caller.put({"id": agent, "activeDays": [1, 2, 5]})
    days = caller.get(SETTINGS).json["activeDays"]
    assert days != [1, 2, 5]
    assert sorted(days) == [1, 2, 5]


def test_settings__no_sales_agent__404_with_a_bare_string(caller: Caller) -> None:
    agent = caller.customer(settings=None)["agent_id"]
    for reply in (caller.get(SETTINGS), caller.put({"id": agent})):
        assert reply.status == 404
        assert isinstance(reply.json, str)


def test_settings__another_customers_token__reaches_its_own_only(
    caller: Caller, acme: dict[str, Any]
) -> None:
    other = caller.customer(slug="globex", token="globex-token")
    reply = caller.put({"id": acme["agent_id"], "assistantName": "Mia"}, "Bearer globex-token")
    assert (reply.status, reply.json["code"]) == (400, "INVALID_PARAMETER")
    assert caller.get(SETTINGS, "Bearer globex-token").json["id"] == other["agent_id"]
    assert caller.puts() == []


def test_settings__received_put__is_kept_whole_without_the_token(
    caller: Caller, acme: dict[str, Any]
) -> None:
    body = {"id": acme["agent_id"], "assistantName": "Mia"}
    caller.put(body)
    [put] = caller.puts()
    assert (put["body"], json.loads(put["raw"]), put["status"], put["applied"]) == (
        *(body, body),
        200,
        True,
    )
    names = {name.lower() for name in put["headers"]}
    assert "content-type" in names
    assert "authorization" not in names
    assert "acme-token" not in json.dumps(put)


def test_settings__answer__has_no_etag(caller: Caller, acme: object) -> None:
    assert "etag" not in {name.lower() for name in caller.get(SETTINGS).headers}
