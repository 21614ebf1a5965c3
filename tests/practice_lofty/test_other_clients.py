"""Requests that three public Lofty clients send, replayed.

Two send Content-Type on every request, one as an OAuth app and one with an API key; the third sends
none with a GET.
"""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.practice_caller import SETTINGS, TOKEN, Caller, Reply

JSON_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
CLIENTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "API key, JSON headers": ("token", JSON_HEADERS),
    "OAuth, JSON headers": ("Bearer", JSON_HEADERS),
    "API key, no Content-Type": ("token", {"Accept": "*/*", "User-Agent": "python-httpx/0.28"}),
}
READS = [
    "/v1.0/me",
    "/v1.0/members",
    "/v1.0/members?limit=10&offset=0",
    "/v1.0/members/agent2@acme.example.com",
    "/v1.0/users/{member}",
    "/v1.0/org",
    "/v1.0/org/permission/profiles",
    "/v1.0/teamFeatures/lead-pipelines?currPage=0&pageSize=50",
    "/v1.0/teamFeatures/listTag",
    "/v1.0/leads?limit=1",
    "/v1.0/leads?stage=New&source=Website&assignedUserId=1&anyTags=a&offset=0&limit=100&desc=true",
    "/v1.0/leads/{lead}",
    "/v1.0/leads/{lead}/activities?curPage=0",
    "/v2.0/leads/{lead}/activities",
    "/v1.0/leads/{lead}/transactions",
    "/v1.0/notes?leadId={lead}",
    "/v1.0/notes/7",
    "/v1.0/tasks?leadId={lead}",
    "/v2.0/tasks?leadId={lead}",
    "/v2.0/tasks/7",
    "/v2.0/tasks/my-tasks",
    "/v2.0/calendar?startTime=2026-12-01T00%3A00%3A00-06%3A00",
    "/v2.0/calendar/meetings/available?startTimeMs=1&endTimeMs=2",
    "/v1.0/communication/call/v2?leadId={lead}",
    "/v1.0/communication/email?leadId={lead}",
    "/v1.0/communication/text?leadId={lead}",
    "/v1.0/calls?limit=20&offset=0",
    "/v1.0/webhooks",
    "/v1.0/vendor/list",
    "/v1.0/routing/role/list",
    "/v1.0/routing/rule/list/1",
    "/v2.0/transactions?pageSize=20&pageNum=1",
    "/v2.0/sales-agents/current",
    "/v2.0/sales-agents/quota",
    "/v2.0/sales-agents/by-lead?leadId={lead}",
    "/v2.0/sales-agents/working-lead/{lead}",
    "/v2.0/working-leads?limit=20&offset=0",
    "/v2.0/sales-agent/lead/mute-status?leadId={lead}",
    "/v2.0/plan-tasks/lead/{lead}",
    SETTINGS,
]
NEED_CONTENT_TYPE = [
    "/v1.0/team-features/lead-ponds",
    "/v1.0/teamFeatures/listCustomField",
]
WRITES = [
    ("POST", "/v1.0/leads", {"firstName": "Ann"}),
    ("PUT", "/v1.0/leads/{lead}", {"firstName": "Ann"}),
    ("DELETE", "/v1.0/notes/7", None),
    ("POST", "/v1.0/leads/{lead}/assignment", [5, 6]),
    ("POST", "/v2.0/listings/search", {}),
    ("POST", "/v1.0/agent/communication", {"type": "CALL"}),
    ("POST", "/v2.0/tasks/7/finish", None),
    ("PUT", "/v2.0/sales-agents/working-lead/{lead}/mute", None),
]


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest, caller: Caller) -> Any:
    """Send a request as that client does, to a customer whose credential is of its kind."""
    word, headers = CLIENTS[request.param]
    scheme = "oauth" if word == "Bearer" else "api_key"
    acme = caller.customer(scheme=scheme, members=5, ponds=2)
    ids = {"lead": acme["agent_id"] + 500_000, "member": acme["settings"]["agentIds"][0]}

    def send(method: str, path: str, body: object = None) -> Reply:
        content = None if body is None else json.dumps(body).encode()
        sent = {"Authorization": f"{word} {TOKEN}", **headers}
        if content is not None:
            sent["Content-Type"] = "application/json"
        return caller.send(method, path.format(**ids), content, sent)

    send.sends_content_type = "Content-Type" in headers  # type: ignore[attr-defined]
    return send


def test_reads__every_client__gets_json(client: Any) -> None:
    answers = {path: client("GET", path) for path in READS}
    assert {path: reply.status for path, reply in answers.items() if reply.status != 200} == {}
    assert all(reply.json is not None for reply in answers.values())


def test_reads__content_type_needed__only_who_sends_it(client: Any) -> None:
    wanted = 200 if client.sends_content_type else 415
    assert [client("GET", path).status for path in NEED_CONTENT_TYPE] == [wanted] * 2


def test_pond_and_member__by_id__the_one_that_is_listed(client: Any, caller: Caller) -> None:
    word = client("GET", "/v1.0/members").json["members"][1]
    assert client("GET", f"/v1.0/members/{word['email']}").json == word
    assert client("GET", f"/v1.0/users/{word['memberUserId']}").json == word
    assert client("GET", "/v1.0/members/stranger@example.com").status == 404
    assert client("GET", "/v1.0/leads/1").json["code"] == "LEAD_NOT_EXIST"


def test_leads__pages__each_lead_once(client: Any) -> None:
    pages = [client("GET", f"/v1.0/leads?limit=12&offset={n}").json for n in (0, 12, 24, 36)]
    ids = [lead["leadId"] for page in pages for lead in page["leads"]]
    assert len(ids) == len(set(ids)) == pages[0]["_metadata"]["total"] == 30


def test_writes__every_client__accepted_and_forgotten(client: Any, caller: Caller) -> None:
    before = caller.settings()
    for method, path, body in WRITES:
        assert client(method, path, body).status in (200, 415 if method == "PUT" else 200), path
    assert caller.settings() == before


def test_settings__part_of_them_with_a_further_property__applied(
    client: Any, caller: Caller
) -> None:
    agent_id = client("GET", SETTINGS).json["id"]
    body = {"id": agent_id, "assistantName": "Mia", "somethingElse": 1}
    assert client("PUT", SETTINGS, body).json == {"message": "Operation successful"}
    assert caller.settings()["assistantName"] == "Mia"
    assert client("PUT", SETTINGS, {"assistantName": "Bo"}).json["code"] == "MISSING_PARAMETER"
