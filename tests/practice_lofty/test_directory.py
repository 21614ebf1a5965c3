"""The names behind the ids."""

from typing import Any

import pytest

from tests.support.practice_caller import Caller

MEMBERS = "/v1.0/members"
PIPELINES = "/v1.0/teamFeatures/lead-pipelines"


def test_me__is_the_first_member_with_a_time_zone(caller: Caller, acme: object) -> None:
    me = caller.get("/v1.0/me").json
    assert me == caller.get(MEMBERS).json["members"][0]
    assert me["timeZoneId"].startswith("America/")
    assert me["id"] != me["memberUserId"]


@pytest.mark.parametrize(
    ("query", "count", "limit", "offset"),
    [
        ("", 25, 25, 0),
        ("?limit=10", 10, 10, 0),
        ("?limit=1000", 25, 25, 0),
        ("?offset=20&limit=25", 10, 25, 20),
        ("?offset=-7&limit=5", 5, 5, 0),
        ("?offset=99", 0, 25, 99),
    ],
)
def test_members__page__is_capped_and_says_what_it_is(
    caller: Caller, acme: object, query: str, count: int, limit: int, offset: int
) -> None:
    page = caller.get(MEMBERS + query).json
    assert len(page["members"]) == count
    assert page["_metadata"] == {
        "collection": "members",
        "limit": limit,
        "offset": offset,
        "total": 30,
    }


def test_members__all_pages__give_each_member_once(caller: Caller, acme: object) -> None:
    pages = [caller.get(f"{MEMBERS}?limit=7&offset={n}").json["members"] for n in range(0, 30, 7)]
    ids = [member["memberUserId"] for page in pages for member in page]
    assert len(ids) == len(set(ids)) == 30


def test_members__option_refuse__400_over_the_maximum_only(caller: Caller) -> None:
    caller.customer(members=80, options={"oversize": "refuse", "member_maximum": 50})
    reply = caller.get(f"{MEMBERS}?limit=51")
    assert (reply.status, reply.json["code"]) == (400, "LIMIT_PARAM_OVERSIZE")
    assert len(caller.get(f"{MEMBERS}?limit=50").json["members"]) == 50


def test_members__option_get_metadata__names_it_so(caller: Caller) -> None:
    caller.customer(options={"metadata_key": "get_metadata"})
    for path in (MEMBERS, PIPELINES):
        page = caller.get(path).json
        assert "get_metadata" in page
        assert "_metadata" not in page


def test_members__none__404_20003(caller: Caller) -> None:
    caller.customer(members=0)
    reply = caller.get(MEMBERS)
    assert (reply.status, reply.json["code"]) == (404, 20003)


def test_lists__option_repeat_pages__show_the_first_page_again(caller: Caller) -> None:
    caller.customer(members=60, pipelines=25, options={"repeat_pages": True, "false_total": 999})
    pages = [caller.get(f"{MEMBERS}?offset={offset}").json for offset in (0, 25, 5000)]
    assert [page["members"] for page in pages] == [pages[0]["members"]] * 3
    assert {page["_metadata"]["total"] for page in pages} == {999}
    lists = [caller.get(f"{PIPELINES}?currPage={number}").json["pipelines"] for number in range(3)]
    assert lists == [lists[0]] * 3


def test_members__short_ids__are_not_those_of_the_settings(caller: Caller) -> None:
    customer = caller.customer(members=5, short_member_ids=True, first_id=844_424_930_000_000)
    members = caller.get(MEMBERS).json["members"]
    assert all(member["memberUserId"] == member["id"] < 1000 for member in members)
    assert {len(str(number)) for number in customer["settings"]["agentIds"]} == {15}


@pytest.mark.parametrize("form", ["?groupIds={0}&groupIds={1}", "?groupIds={0},{1}"])
def test_members__of_two_offices__only_theirs(caller: Caller, acme: object, form: str) -> None:
    everyone = caller.get(f"{MEMBERS}?limit=25").json["members"]
    wanted = {everyone[1]["groupId"], everyone[2]["groupId"]}
    page = caller.get(MEMBERS + form.format(*wanted)).json
    assert {member["groupId"] for member in page["members"]} == wanted
    assert page["_metadata"]["total"] == len(page["members"])


def test_members__of_an_unknown_office__404_20003(caller: Caller, acme: object) -> None:
    assert caller.get(f"{MEMBERS}?groupIds=1").json["code"] == 20003


@pytest.mark.parametrize(
    "query", ["?limit=0", "?limit=x", "?offset=1.5", "?limit=99999999999", "?groupIds=x"]
)
def test_members__wrong_parameter__400(caller: Caller, acme: object, query: str) -> None:
    assert caller.get(MEMBERS + query).status == 400


def test_org__enterprise__is_a_tree_with_one_root(caller: Caller) -> None:
    caller.customer(offices=40)
    org = caller.get("/v1.0/org").json
    offices = org["enterpriseInfo"]["visibleOrgInfoList"]
    ids = {office["groupId"] for office in offices}
    roots = [office for office in offices if office["parentId"] not in ids]
    assert (len(ids), len(roots), "multiTeamInfo" in org) == (40, 1, False)
    parents = {office["groupId"]: office["parentId"] for office in offices}
    assert any(parents[parents[number]] in ids for number in ids if parents[number] in ids)


def test_org__multi_team__has_no_offices(caller: Caller) -> None:
    caller.customer(org="multi_team")
    org = caller.get("/v1.0/org").json
    assert set(org["multiTeamInfo"]) == {"multiTeamId", "multiTeamName"}
    assert "enterpriseInfo" not in org


def test_org__no_permission__empty_but_members_name_their_offices(caller: Caller) -> None:
    caller.customer(org="no_permission", offices=3, members=6)
    assert caller.get("/v1.0/org").json["enterpriseInfo"]["visibleOrgInfoList"] == []
    members = caller.get(MEMBERS).json["members"]
    assert len({member["groupName"] for member in members}) == 3


def test_ponds__are_a_bare_array(caller: Caller, acme: object) -> None:
    ponds = caller.get("/v1.0/team-features/lead-ponds").json
    assert isinstance(ponds, list)
    assert {"id", "pondName", "pondOwnerId", "agentIds"} == set(ponds[0])


def test_pipelines__pages_start_at_zero_and_hold_ten(caller: Caller) -> None:
    caller.customer(pipelines=23)
    pages = [caller.get(f"{PIPELINES}?currPage={n}").json["pipelines"] for n in range(4)]
    assert [len(page) for page in pages] == [10, 10, 3, 0]
    assert len({pipeline["id"] for page in pages for pipeline in page}) == 23
    metadata = caller.get(PIPELINES).json["_metadata"]
    assert (metadata["total"], metadata["limit"]) == (23, 10)


def test_pipelines__by_name_and_size__are_filtered(caller: Caller) -> None:
    caller.customer(pipelines=14)
    assert len(caller.get(f"{PIPELINES}?pageSize=100").json["pipelines"]) == 14
    found = caller.get(f"{PIPELINES}?name=NURT").json["pipelines"]
    assert [pipeline["name"] for pipeline in found] == ["Nurture"]


@pytest.mark.parametrize("query", ["?currPage=-1", "?pageSize=0", "?currPage=x"])
def test_pipelines__wrong_parameter__400_with_error_code(
    caller: Caller, acme: object, query: str
) -> None:
    reply = caller.get(PIPELINES + query)
    assert (reply.status, reply.json["errorCode"]) == (400, "INVALID_PARAMETER")


def test_quota__adds_up(caller: Caller, acme: object) -> None:
    quota = caller.get("/v2.0/sales-agents/quota").json
    assert quota["usedQuota"] + quota["remainingQuota"] == quota["totalQuota"]
    assert quota["borrowLevel"] == "SELF"


def test_current__follows_the_settings(caller: Caller, acme: dict[str, Any]) -> None:
    caller.change(settings={"assistantName": "Mia"})
    current = caller.get("/v2.0/sales-agents/current").json
    assert (current["id"], current["assistantName"]) == (acme["agent_id"], "Mia")
    assert current["userId"] == caller.get("/v1.0/me").json["memberUserId"]
