"""Reading the rest of the CRM: what other Lofty clients ask for besides what the console needs.

Made-up leads of each customer, its members one by one, and empty lists where this Lofty has
nothing; a note, task, or call asked for by its id is made up. What is written is accepted and
forgotten: nothing is stored, and no one gets a message.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from tools.practice_lofty import names
from tools.practice_lofty.messages import Answer, Request, as_json, problem
from tools.practice_lofty.store import Profile, Store

LEADS = 30
LONGEST_PAGE = 100
OPERATION = "crm"
NEEDS_CONTENT_TYPE = "/v1.0/teamFeatures/listCustomField"
Reader = Callable[[Store, Profile, Request], Answer]
Lead = dict[str, object]

_EMPTY: Mapping[str, object] = {
    "/v1.0/teamFeatures/listTag": [],
    NEEDS_CONTENT_TYPE: [],
    "/v1.0/transaction/customfields": [],
    "/v1.0/routing/role/list": [],
    "/v1.0/vendor/list": [],
    "/v1.0/webhooks": [],
    "/v1.0/appts": [],
    "/v1.0/notes": {"notes": []},
    "/v1.0/tasks": {"taskList": []},
    "/v1.0/logType": {"logType": []},
    "/v1.0/communication/call": {"calls": []},
    "/v1.0/communication/call/v2": {"calls": []},
    "/v1.0/communication/email": {"emails": []},
    "/v1.0/communication/text": {"texts": []},
    "/v1.0/systemLogs": {"hasMore": 0, "timeLines": []},
    "/v1.0/getPublishedListings": "",
    "/v2.0/tasks": {"tasks": []},
    "/v2.0/tasks/my-tasks": {"tasks": []},
    "/v2.0/communication/agent": {"communications": []},
    "/v2.0/ai/call-summary": {"status": {"code": 0, "msg": ""}, "data": {}},
    "/v2.0/ai/lead-analysis": {"code": 0, "message": "success", "data": {}},
    "/v2.0/calendar/meetings/available": {"data": {"total": 0, "slots": []}},
    "/v2.0/sales-agent/lead/mute-status": {"data": {"mute": "false"}},
}


# Where other methods than GET are documented; * stands for one part of a path.
_WRITES = """
/v1.0/agent/communication POST
/v1.0/agent/profile/add POST
/v1.0/agent/send-notification POST
/v1.0/agent/*/tag/add POST
/v1.0/brokermint/lead PUT
/v1.0/brokermint/transaction PUT
/v1.0/leads POST
/v1.0/leads/assignee POST
/v1.0/leads/* DELETE PUT
/v1.0/leads/*/activity POST
/v1.0/leads/*/assignment POST
/v1.0/leads/*/inquiry POST
/v1.0/leads/*/property POST
/v1.0/leads/*/transaction POST
/v1.0/leads/*/transaction/property/address POST
/v1.0/leads/*/transaction/* PUT
/v1.0/logType POST
/v1.0/logType/* DELETE
/v1.0/message/email/send POST
/v1.0/message/sms/send POST
/v1.0/notes POST
/v1.0/notes/* DELETE PUT
/v1.0/org/company POST
/v1.0/org/office POST PUT
/v1.0/routing/rule/supplement/* PUT
/v1.0/routing/rule/* PUT
/v1.0/tasks POST
/v1.0/tasks/* DELETE PUT
/v1.0/teamFeatures/custom-field POST
/v1.0/webhook POST
/v1.0/webhook/* DELETE
/v2.0/ai/call-script POST
/v2.0/ai/call-summary/generate POST
/v2.0/ai/lead-analysis POST
/v2.0/ai/prepare-insight POST
/v2.0/calendar POST
/v2.0/calendar/* DELETE PUT
/v2.0/calendar/*/finish POST
/v2.0/calendar/*/unfinish POST
/v2.0/listings/search POST
/v2.0/plan-tasks/create POST
/v2.0/sales-agent/ai-number/send-sms-to-agent POST
/v2.0/sales-agent/message/email/send-to-agent POST
/v2.0/sales-agent/message/sms/send-to-agent POST
/v2.0/sales-agent/notification/app-push/send-task-reminder POST
/v2.0/sales-agents/working-lead/*/mute PUT
/v2.0/tasks POST
/v2.0/tasks/* DELETE PUT
/v2.0/tasks/*/finish POST
/v2.0/tasks/*/unfinish POST
/v2.0/working-leads/add POST
"""
_METHODS: Mapping[re.Pattern[str], tuple[str, ...]] = {
    re.compile(re.escape(path).replace(r"\*", "[^/]+")): tuple(methods)
    for path, *methods in map(str.split, _WRITES.strip().splitlines())
}


def methods_of(path: str) -> tuple[str, ...]:
    """Return the methods that this path of the CRM takes, none if it is not the CRM's."""
    read = ("GET",) if _find_reader(path) else ()
    writes = (methods for pattern, methods in _METHODS.items() if pattern.fullmatch(path))
    return (*read, *next(writes, ()))


def find(path: str, method: str = "GET") -> Reader | None:
    """Return what answers this method at this path of the CRM, None if nothing does."""
    if method == "GET":
        return _find_reader(path)
    return _accept if method in methods_of(path) else None


def _accept(_store: Store, _profile: Profile, _request: Request) -> Answer:
    return as_json(200, {"message": "Operation successful"})


def _find_reader(path: str) -> Reader | None:
    if path in _EMPTY:
        return lambda _store, _profile, _request: as_json(200, _EMPTY[path])
    return _LISTS.get(path) or _find_item(path)


def _find_item(path: str) -> Reader | None:
    for pattern, read in _ITEMS.items():
        if found := re.fullmatch(pattern, path):
            return lambda store, profile, _request: read(store, profile, found[1])
    return None


# Members --------------------------------------------------------------------------------------


def _members(store: Store, profile: Profile) -> list[dict[str, Any]]:
    _, rows = store.members(profile.slug, 0, profile.members)
    return [json.loads(row) for row in rows]


def _member(store: Store, profile: Profile, account: str) -> Answer:
    """By e-mail address or by user id."""
    for member in _members(store, profile):
        if account in (member["email"], str(member["memberUserId"])):
            return as_json(200, member)
    return problem(404, 20003, "No such member was found.")


def _profiles(_store: Store, _profile: Profile, _request: Request) -> Answer:
    return as_json(200, [{"id": 1, "name": "Administrator"}, {"id": 2, "name": "Agent"}])


def _pond(store: Store, profile: Profile, number: str) -> Answer:
    for pond in json.loads(store.document(profile.slug, "ponds")):
        if str(pond["id"]) == number:
            return as_json(200, pond)
    return problem(404, "NOT_FOUND", "No such lead pond was found.")


# Leads ----------------------------------------------------------------------------------------


def _lead(profile: Profile, number: int) -> Lead:
    first, last = names.person(100 + number)
    return {
        "leadId": profile.agent_id + 500_000 + number,
        "firstName": first,
        "lastName": last,
        "emails": [f"lead{number + 1}@leads.example.com"],
        "phones": [f"+1512556{number:04}"],
        "leadSource": -1 if number % 3 == 0 else profile.agent_id + 399_999 + number % 2,
        "source": "Manual" if number % 3 == 0 else "Website",
        "stage": "New Leads",
        "stageId": profile.agent_id + 299_999,
        "cannotText": False,
        "cannotCall": False,
        "cannotEmail": False,
    }


def _leads(_store: Store, profile: Profile, request: Request) -> Answer:
    shown, offset, limit = _page(profile, request)
    paging = {"collection": "leads", "limit": limit, "offset": offset, "total": LEADS}
    return as_json(200, {profile.options.metadata_key: paging, "leads": shown})


def _working_leads(_store: Store, profile: Profile, request: Request) -> Answer:
    shown, offset, limit = _page(profile, request)
    paging = {"total": LEADS, "count": len(shown), "offset": offset, "limit": limit}
    return as_json(200, {"workingLeads": shown, "metadata": paging})


def _page(profile: Profile, request: Request) -> tuple[list[Lead], int, int]:
    """The leads of the page asked for, its offset, and its size; what is no number is ignored."""
    offset, limit = _count(request, "offset", 0), _count(request, "limit", 20)
    limit = max(1, min(limit, LONGEST_PAGE))
    numbers = range(offset, min(LEADS, offset + limit))
    return [_lead(profile, number) for number in numbers], offset, limit


def _count(request: Request, name: str, default: int) -> int:
    text = request.text(name)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else default


def _one_lead(_store: Store, profile: Profile, number: str) -> Answer:
    for lead in (_lead(profile, place) for place in range(LEADS)):
        if str(lead["leadId"]) == number:
            return as_json(200, lead)
    return problem(404, "LEAD_NOT_EXIST", "No such lead was found.")


def _of_a_lead(value: object) -> Callable[[Store, Profile, str], Answer]:
    """What a lead has: `value`, if there is such a lead."""

    def read(store: Store, profile: Profile, number: str) -> Answer:
        lead = _one_lead(store, profile, number)
        return as_json(200, value) if lead.status == 200 else lead

    return read


def _agent_of_lead(store: Store, profile: Profile, _request: Request) -> Answer:
    settings = store.settings(profile.slug)
    if settings is None:
        return as_json(404, "No Sales Agent was found for this user.")
    kept = ("id", "assistantName", "virtualNumber", "virtualNumberCountry", "followUpRole")
    return as_json(200, {name: settings.get(name) for name in kept})


# The rest -------------------------------------------------------------------------------------


def _calls(_store: Store, profile: Profile, request: Request) -> Answer:
    offset, limit = _count(request, "offset", 0), _count(request, "limit", 20)
    paging = {"collection": "calls", "limit": limit, "offset": offset, "total": 0}
    return as_json(200, {profile.options.metadata_key: paging, "calls": []})


def _listings(_store: Store, _profile: Profile, request: Request) -> Answer:
    paging = {"collection": "listing", "limit": _count(request, "limit", 20), "total": 0}
    return as_json(200, {"listIng": {}, "soldListing": {}, "get_listingMetadata": paging})


def _transactions(_store: Store, _profile: Profile, request: Request) -> Answer:
    page, size = _count(request, "pageNum", 1), _count(request, "pageSize", 20)
    return as_json(200, {"pageNum": page, "pageSize": size, "totalCount": 0, "pageData": []})


def _calendar(_store: Store, _profile: Profile, request: Request) -> Answer:
    if not any(name.startswith(("startTime", "endTime")) for name in request.query):
        return problem(400, "MISSING_PARAMETER", "startTime or endTime is missing.")
    page, size = _count(request, "page", 1), _count(request, "pageSize", 20)
    return as_json(200, {"data": {"total": 0, "page": page, "pageSize": size, "items": []}})


def _made_up(key: str) -> Callable[[Store, Profile, str], Answer]:
    """Something with the id that was asked for, under `key` if there is one."""

    def read(_store: Store, profile: Profile, number: str) -> Answer:
        lead = _lead(profile, 0)
        item = {"id": int(number), "leadId": lead["leadId"], "content": "Made up for practice"}
        return as_json(200, {key: item} if key else item)

    return read


def _supplement(_store: Store, _profile: Profile, kind: str) -> Answer:
    return as_json(200, {"businessType": kind, "strategyType": 0, "touchMinutes": 0})


def _empty_list(_store: Store, _profile: Profile, _number: str) -> Answer:
    return as_json(200, [])


_LISTS: Mapping[str, Reader] = {
    "/v1.0/leads": _leads,
    "/v2.0/working-leads": _working_leads,
    "/v2.0/sales-agents/by-lead": _agent_of_lead,
    "/v1.0/org/permission/profiles": _profiles,
    "/v1.0/calls": _calls,
    "/v1.0/listing": _listings,
    "/v2.0/transactions": _transactions,
    "/v2.0/calendar": _calendar,
}
_ID = "([0-9]{1,20})"
_ITEMS: Mapping[str, Callable[[Store, Profile, str], Answer]] = {
    r"/v1\.0/members/([^/]+)": _member,
    rf"/v1\.0/users/{_ID}": _member,
    rf"/v1\.0/team-features/lead-pond/{_ID}": _pond,
    rf"/v1\.0/leads/{_ID}": _one_lead,
    rf"/v2\.0/sales-agents/working-lead/{_ID}": _one_lead,
    # An array by the documentation, an object by what clients make of it.
    rf"/v1\.0/leads/{_ID}/activities": _of_a_lead({"activities": []}),
    rf"/v2\.0/leads/{_ID}/activities": _of_a_lead({"activities": []}),
    rf"/v1\.0/leads/{_ID}/transactions": _of_a_lead([]),
    rf"/v2\.0/plan-tasks/lead/{_ID}": _of_a_lead([]),
    r"/v1\.0/routing/(?:rule|member)/list/([^/]+)": _empty_list,
    rf"/v1\.0/notes/{_ID}": _made_up("note"),
    rf"/v1\.0/tasks/{_ID}": _made_up("task"),
    rf"/v2\.0/tasks/{_ID}": _made_up("task"),
    rf"/v1\.0/logType/{_ID}": _made_up("logType"),
    rf"/v1\.0/(?:calls|call/url)/{_ID}": _made_up("calls"),
    rf"/v2\.0/communication/(?:call|email|text)/{_ID}": _made_up(""),
    rf"/v1\.0/leads/[0-9]+/transaction/{_ID}(?:/property/address)?": _made_up(""),
    r"/v1\.0/routing/rule/supplement/([^/]+)": _supplement,
}
