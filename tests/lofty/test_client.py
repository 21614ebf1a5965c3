"""LoftyClient's operations against documented and observed responses."""

import json
import socket
from collections.abc import Callable
from math import ceil
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from lofty_admin.lofty import errors
from lofty_admin.lofty.client import Member, Office, Page, Pipeline, Pond
from tests.support.documented_settings import DOCUMENTED
from tests.support.hostile_server import Behaviour, Request, Served, answer, client_of, says

MEMBER = {
    "id": 11,
    "memberUserId": 565132045172814,
    "teamId": 12345,
    "firstName": "Ålice",
    "lastName": "Johnson",
    "email": "alice@example.com",
    "roleName": "Agent",
    "timeZoneId": "America/Los_Angeles",
    "groupId": 777,
    "groupName": "North Austin Office",
    "agentInfo": {"position": None},
}
ALICE = Member(
    member_user_id=565132045172814,
    team_id=12345,
    first_name="Ålice",
    last_name="Johnson",
    email="alice@example.com",
    role_name="Agent",
    time_zone="America/Los_Angeles",
    group_id=777,
    group_name="North Austin Office",
)
Query = dict[str, int]


def by_query(respond: Callable[[Query], tuple[int, Any]]) -> Behaviour:
    """Answers as respond says for the request's query."""

    def behave(connection: socket.socket, request: Request) -> None:
        query = parse_qs(urlsplit(request.target).query)
        status, body = respond({name: int(values[0]) for name, values in query.items()})
        connection.sendall(answer(status, json.dumps(body).encode()))

    return behave


def queries(requests: list[Request]) -> list[Query]:
    parsed = [parse_qs(urlsplit(request.target).query) for request in requests]
    return [{name: int(values[0]) for name, values in query.items()} for query in parsed]


def people(count: int, total: int | None, cap: int = 25, metadata: str = "_metadata") -> Behaviour:
    """A member list that caps its pages silently, as observed."""

    def respond(query: Query) -> tuple[int, Any]:
        numbers = range(query["offset"], min(count, query["offset"] + min(cap, query["limit"])))
        rows = [{"memberUserId": number} for number in numbers]
        page = {"total": total} if total is not None else {}
        return 200, {"members": rows, metadata: page}

    return by_query(respond)


def test_settings__documented_example__parsed(serve: Served, tls: bool) -> None:
    server, endpoint = serve(says(200, DOCUMENTED), tls)
    settings = client_of(endpoint).get_settings()
    assert settings.raw == DOCUMENTED
    assert (server.requests[0].method, server.requests[0].target) == (
        "GET",
        "/v2.0/sales-agent/settings",
    )


@pytest.mark.parametrize("body", [[], {}, {"id": 1.5}, "settings", {"message": "x"}])
def test_settings__no_settings__malformed_with_its_exchange(serve: Served, body: Any) -> None:
    server, endpoint = serve(says(200, body))
    with pytest.raises(errors.MalformedSettings) as caught:
        client_of(endpoint).get_settings()
    assert caught.value.exchange is not None
    assert caught.value.exchange.status == 200
    assert len(server.requests) == 1


def test_put_settings__accepted__body_as_given(serve: Served) -> None:
    server, endpoint = serve(says(200, {"message": "Operation successful"}))
    exchange = client_of(endpoint).put_settings({"id": 2**60, "agentIds": [], "x": "Ö\U0001f3e0"})
    assert json.loads(server.requests[0].body) == {
        "id": 2**60,
        "agentIds": [],
        "x": "Ö\U0001f3e0",
    }
    assert server.requests[0].method == "PUT"
    assert (exchange.status, exchange.path) == (200, "/v2.0/sales-agent/settings")


def test_me__documented__all_fields(serve: Served) -> None:
    _, endpoint = serve(says(200, MEMBER))
    assert client_of(endpoint).me() == ALICE


def test_me__nothing_in_it__all_none(serve: Served) -> None:
    _, endpoint = serve(says(200, {"memberUserId": True, "firstName": 5, "groupId": 1.5}))
    me = client_of(endpoint).me()
    assert set(vars(me).values()) == {None}


def test_me__ids_as_text__numbers(serve: Served) -> None:
    _, endpoint = serve(says(200, {"memberUserId": "565132045172814"}))
    assert client_of(endpoint).me().member_user_id == 565132045172814


@pytest.mark.parametrize("operation", ["me", "org", "quota"])
def test_objects__another_shape__unknown(serve: Served, operation: str) -> None:
    _, endpoint = serve(says(200, ["x"]))
    with pytest.raises(errors.Unknown, match="form"):
        getattr(client_of(endpoint), operation)()


@pytest.mark.parametrize("metadata", ["_metadata", "get_metadata"])
def test_members_page__either_metadata__total(serve: Served, metadata: str) -> None:
    _, endpoint = serve(people(3, 3, metadata=metadata))
    page = client_of(endpoint).members_page(0)
    assert page.total == 3
    assert [item.member_user_id for item in page.items] == [0, 1, 2]


def test_members_page__404_20003__empty(serve: Served) -> None:
    _, endpoint = serve(says(404, {"code": 20003, "message": "no members"}))
    assert client_of(endpoint).members_page(50) == Page((), 50, 0, 0)


def test_members_page__other_404__not_found(serve: Served) -> None:
    _, endpoint = serve(says(404, {"code": 1, "message": "x"}))
    with pytest.raises(errors.NotFound):
        client_of(endpoint).members_page(0)


@pytest.mark.parametrize(
    "refusal",
    [
        {"code": "LIMIT_PARAM_OVERSIZE", "message": "x"},
        "LIMIT_PARAM_OVERSIZE",
        {"code": 1, "message": "LIMIT_PARAM_OVERSIZE"},
    ],
)
def test_members_page__limit_too_large__falls_back_permanently(serve: Served, refusal: Any) -> None:
    def respond(query: Query) -> tuple[int, Any]:
        if query["limit"] > 25:
            return 400, refusal
        rows = [{"memberUserId": n} for n in range(query["offset"], min(60, query["offset"] + 25))]
        return 200, {"members": rows, "_metadata": {"total": 60}}

    server, endpoint = serve(by_query(respond))
    client = client_of(endpoint)
    pages = [client.members_page(offset) for offset in (0, 25, 50)]
    assert [page.received for page in pages] == [25, 25, 10]
    assert [query["limit"] for query in queries(server.requests)] == [100, 25, 25, 25]


@pytest.mark.parametrize("total", [60, None, -1])
def test_members_page__capped_silently__says_what_came(serve: Served, total: int | None) -> None:
    server, endpoint = serve(people(60, total))
    page = client_of(endpoint).members_page(30)
    assert [item.member_user_id for item in page.items] == list(range(30, 55))
    assert (page.offset, page.received) == (30, 25)
    assert page.total == (60 if total == 60 else None)
    assert queries(server.requests) == [{"offset": 30, "limit": 100}]


def test_members_page__rows_that_are_none__counted_but_left_out(serve: Served) -> None:
    _, endpoint = serve(says(200, {"members": [None, 5, MEMBER], "_metadata": {"total": 3}}))
    page = client_of(endpoint).members_page(0)
    assert page.items == (ALICE,)
    assert page.received == 3


@pytest.mark.parametrize("body", [{}, {"members": None}, {"members": {}}, []])
def test_members_page__another_shape__unknown(serve: Served, body: Any) -> None:
    _, endpoint = serve(says(200, body))
    with pytest.raises(errors.Unknown):
        client_of(endpoint).members_page(0)


def test_org__enterprise__offices(serve: Served) -> None:
    offices = [
        {"groupId": 1, "groupName": "HQ"},
        {"groupId": 2, "groupName": "Süd", "parentId": 1},
        {"groupName": "no id"},
        None,
    ]
    info = {"groupId": 1, "groupName": "HQ", "visibleOrgInfoList": offices}
    _, endpoint = serve(says(200, {"orgType": 1, "enterpriseInfo": info}))
    org = client_of(endpoint).org()
    assert (org.kind, org.name) == ("enterprise", "HQ")
    assert org.offices == (Office(1, "HQ", None), Office(2, "Süd", 1))


@pytest.mark.parametrize(
    ("body", "kind", "name"),
    [
        ({"multiTeamInfo": {"multiTeamId": 5, "multiTeamName": "Big"}}, "multi_team", "Big"),
        ({"enterpriseInfo": {"groupName": "A", "visibleOrgInfoList": None}}, "enterprise", "A"),
        ({"enterpriseInfo": None, "multiTeamInfo": None}, "none", None),
        ({}, "none", None),
    ],
)
def test_org__without_offices__kind_and_name(
    serve: Served, body: Any, kind: str, name: str | None
) -> None:
    _, endpoint = serve(says(200, body))
    org = client_of(endpoint).org()
    assert (org.kind, org.name, org.offices) == (kind, name, ())


def test_ponds__documented__parsed(serve: Served) -> None:
    rows = [
        {"id": 1, "pondName": "Lake", "pondOwnerId": 5, "agentIds": [7, "8", None]},
        {"id": 2},
        {"pondName": "no id"},
    ]
    _, endpoint = serve(says(200, rows))
    ponds = client_of(endpoint).ponds()
    assert ponds == (Pond(1, "Lake", 5, (7, 8)), Pond(2, None, None, ()))


def test_ponds__no_array__unknown(serve: Served) -> None:
    _, endpoint = serve(says(200, {"ponds": []}))
    with pytest.raises(errors.Unknown):
        client_of(endpoint).ponds()


def pipelines(count: int, cap: int, strict: bool) -> Behaviour:
    def respond(query: Query) -> tuple[int, Any]:
        if strict and query["pageSize"] > cap:
            return 400, {"code": "LIMIT_PARAM_OVERSIZE", "message": "x"}
        size = min(cap, query["pageSize"])
        first = query["currPage"] * size
        rows = [{"id": n, "name": f"P{n}"} for n in range(first, min(count, first + size))]
        return 200, {"pipelines": rows, "_metadata": {"total": count}}

    return by_query(respond)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(("count", "cap"), [(0, 10), (7, 10), (10, 10), (27, 10), (27, 100)])
def test_pipelines_page__counted_from_zero__all(
    serve: Served, count: int, cap: int, strict: bool
) -> None:
    server, endpoint = serve(pipelines(count, cap, strict))
    client, found = client_of(endpoint), list[Pipeline]()
    for number in range(max(1, ceil(count / cap))):
        page = client.pipelines_page(number, len(found))
        assert (page.offset, page.total) == (len(found), count)
        found += page.items
    assert found == [Pipeline(number, f"P{number}") for number in range(count)]
    assert queries(server.requests)[0] == {"currPage": 0, "pageSize": 100}


def test_quota__documented__typed(serve: Served) -> None:
    body = {
        "totalQuota": 100,
        "usedQuota": 45,
        "remainingQuota": 55,
        "hasQuotaAvailable": True,
        "usagePercentage": 45,
        "isBorrowed": False,
        "borrowLevel": "SELF",
        "borrowedFrom": None,
    }
    _, endpoint = serve(says(200, body))
    quota = client_of(endpoint).quota()
    assert list(vars(quota).values()) == list(body.values())
