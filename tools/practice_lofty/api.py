"""Lofty's operations, as documented or observed, quirks included."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from tools.practice_lofty import crm, rules
from tools.practice_lofty.limits import Budget, Limiter
from tools.practice_lofty.messages import (
    Answer,
    BadJSONError,
    Call,
    Delay,
    Request,
    as_json,
    not_allowed,
    problem,
    write_json,
)
from tools.practice_lofty.rules import INT32, INT64
from tools.practice_lofty.store import Credential, Profile, Scheme, Settings, Store

SCHEMES: Mapping[str, Scheme] = {"bearer": "oauth", "token": "api_key"}
ANONYMOUS_LIMIT = 100
DEFAULT_MEMBERS = 25
DEFAULT_PIPELINES = 10
SETTINGS = "/v2.0/sales-agent/settings"
OPERATION_OF: Mapping[str, str] = {
    SETTINGS: "settings",
    "/v2.0/sales-agents/quota": "quota",
    "/v2.0/sales-agents/current": "current",
    "/v1.0/me": "me",
    "/v1.0/members": "members",
    "/v1.0/org": "org",
    "/v1.0/team-features/lead-ponds": "ponds",
    "/v1.0/teamFeatures/lead-pipelines": "pipelines",
}
NEEDS_CONTENT_TYPE = frozenset({"/v1.0/team-features/lead-ponds", crm.NEEDS_CONTENT_TYPE})
METHODS_OF: Mapping[str, tuple[str, ...]] = {"settings": ("GET", "PUT")}


class ParameterError(ValueError):
    """A query parameter is not what it must be; the text says how."""


def operation_of(path: str) -> str | None:
    """Return the operation of a path, as scopes name it; None if Lofty has no such path."""
    return OPERATION_OF.get(path) or (crm.OPERATION if crm.methods_of(path) else None)


@dataclass(frozen=True)
class Caller:
    credential: Credential
    profile: Profile
    used_scheme: str


def begin(store: Store, limiter: Limiter, request: Request, now: float) -> Answer | Call:
    """Let a request in as a Call, or turn it away; a PUT is on record from here on."""
    caller = _identify(store, request)
    if caller is None:
        budget = limiter.look("", ANONYMOUS_LIMIT)
        return bad_credentials().plus(budget.headers)
    budget = limiter.spend(caller.credential.rate_key, caller.credential.rate_limit)
    put_id = _record(store, caller, request)
    refusal = _refuse(caller, request, budget, now)
    if refusal is not None:
        if put_id is not None:
            store.answered_put(put_id, refusal.status)
        return refusal.plus(budget.headers)
    run = _find_work(store, caller, request, put_id)
    slug = caller.profile.slug
    return Call(slug, request.method, request.path, run, budget.headers, put_id)


def _identify(store: Store, request: Request) -> Caller | None:
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    credential = store.credential(token.strip())
    if credential is None or scheme.lower() not in SCHEMES:
        return None
    return Caller(credential, store.profile(credential.slug), SCHEMES[scheme.lower()])


def _record(store: Store, caller: Caller, request: Request) -> int | None:
    if request.method != "PUT":
        return None
    headers = {k: v for k, v in request.headers.items() if k.lower() != "authorization"}
    return store.record_put(caller.profile.slug, request.path, headers, request.body)


def _refuse(caller: Caller, request: Request, budget: Budget, now: float) -> Answer | None:
    operation = operation_of(request.path) or ""
    credential = caller.credential
    if budget.over:
        return as_json(429, {"message": "Too Many Requests"})
    if caller.used_scheme != credential.scheme:
        return unknown_user()
    if credential.is_dead(now):
        return unknown_user() if caller.profile.options.dead_answers_400 else bad_credentials()
    if credential.scopes is not None and operation not in credential.scopes:
        return problem(403, 200100, "The app has no permission for this endpoint.")
    methods = crm.methods_of(request.path) or METHODS_OF.get(operation, ("GET",))
    if request.method not in methods:
        return not_allowed(*methods)
    if not request.is_json and (request.path in NEEDS_CONTENT_TYPE or request.method == "PUT"):
        return problem(415, 20001, "Content-Type must be application/json.", key="errorCode")
    return None


def bad_credentials() -> Answer:
    return problem(401, "BAD_CREDENTIALS", "The token is missing, unknown or expired.")


def unknown_user() -> Answer:
    return problem(400, 200058, "User in token does not exist.")


def _no_agent() -> Answer:
    return as_json(404, "No Sales Agent was found for this user.")


def _find_work(
    store: Store, caller: Caller, request: Request, put_id: int | None
) -> Callable[[Delay], Answer]:
    if put_id is not None and request.path == SETTINGS:
        return partial(_put_settings, store, caller.profile, request, put_id)
    read = crm.find(request.path, request.method) or READERS[OPERATION_OF[request.path]]
    return partial(_read, read, store, caller.profile, request)


Reader = Callable[[Store, Profile, Request], Answer]


def _read(read: Reader, store: Store, profile: Profile, request: Request, _delay: Delay) -> Answer:
    try:
        return read(store, profile, request)
    except ParameterError as error:
        return problem(400, "INVALID_PARAMETER", str(error), key="errorCode")


def _put_settings(
    store: Store, profile: Profile, request: Request, put_id: int, delay: Delay
) -> Answer:
    stored = store.settings(profile.slug)
    if stored is None:
        return _no_agent()
    try:
        is_strict = profile.options.strict_put
        body, agent_id = request.json(), profile.agent_id
        found = rules.find_problem(body, agent_id, is_strict=is_strict, stored=stored)
    except BadJSONError as error:
        return problem(400, "INVALID_PARAMETER", str(error))
    if found is not None:
        return problem(400, found.code, found.message)
    if delay is not None:
        store.apply_put(put_id, delay)
    return as_json(200, {"message": "Operation successful"})


def _get_settings(store: Store, profile: Profile, _request: Request) -> Answer:
    settings = store.shown_settings(profile.slug)
    if settings is None:
        return _no_agent()
    return as_json(200, _reorder(settings) if profile.options.shuffle_lists else settings)


def _reorder(settings: Settings) -> Settings:
    return {k: v[::-1] if isinstance(v, list) else v for k, v in settings.items()}


def _get_me(store: Store, profile: Profile, _request: Request) -> Answer:
    return Answer(200, store.document(profile.slug, "me").encode())


def _get_org(store: Store, profile: Profile, _request: Request) -> Answer:
    return Answer(200, store.document(profile.slug, "org").encode())


def _get_ponds(store: Store, profile: Profile, _request: Request) -> Answer:
    return Answer(200, store.document(profile.slug, "ponds").encode())


def _get_quota(store: Store, profile: Profile, _request: Request) -> Answer:
    return Answer(200, store.document(profile.slug, "quota").encode())


def _get_members(store: Store, profile: Profile, request: Request) -> Answer:
    offset = max(0, _number(request, "offset", 0))
    limit = _number(request, "limit", DEFAULT_MEMBERS)
    maximum = profile.options.member_maximum
    if limit < 1:
        return problem(400, "LIMIT_NOT_VALID", "limit must be at least 1.")
    if limit > maximum and profile.options.oversize == "refuse":
        return problem(400, "LIMIT_PARAM_OVERSIZE", f"limit must be {maximum} or less.")
    limit = min(limit, maximum)
    start = 0 if profile.options.repeat_pages else offset
    total, page = store.members(profile.slug, start, limit, _groups(request))
    if total == 0:
        return problem(404, 20003, "No member was found.")
    paging = _paging(profile, "members", limit, offset, total)
    return _page(paging, "members", ",".join(page))


def _get_pipelines(store: Store, profile: Profile, request: Request) -> Answer:
    page = _number(request, "currPage", 0)
    size = _number(request, "pageSize", DEFAULT_PIPELINES)
    if page < 0 or size < 1:
        raise ParameterError("currPage must be 0 or more and pageSize 1 or more.")
    wanted = request.text("name").casefold()
    found = [
        pipeline
        for pipeline in store.pipelines(profile.slug)
        if wanted in str(pipeline["name"]).casefold()
    ]
    start = 0 if profile.options.repeat_pages else page * size
    shown = found[start : start + size]
    paging = _paging(profile, "pipelines", size, page * size, len(found))
    return as_json(200, {**paging, "pipelines": shown})


def _get_current(store: Store, profile: Profile, _request: Request) -> Answer:
    settings = store.settings(profile.slug)
    if settings is None:
        return _no_agent()
    me, quota = store.read(profile.slug, "me"), store.read(profile.slug, "quota")
    copied = ("id", "assistantName", "virtualNumber", "virtualNumberCountry", "followUpRole")
    answer = {name: settings.get(name) for name in (*copied, "agentExperience")} | {
        "userId": me["memberUserId"],
        "agentName": f"{me['firstName']} {me['lastName']}",
        "assistantHeadUrl": settings.get("headUrl"),
        "email": f"assistant@{profile.slug}.example.com",
        "status": settings.get("hostedStatus"),
        "createdAt": "2026-02-20T10:00:00Z",
        "hasQuotaSeat": quota["hasQuotaAvailable"],
        "borrowLevel": quota["borrowLevel"],
    }
    return as_json(200, answer)


READERS: Mapping[str, Reader] = {
    "settings": _get_settings,
    "quota": _get_quota,
    "current": _get_current,
    "me": _get_me,
    "members": _get_members,
    "org": _get_org,
    "ponds": _get_ponds,
    "pipelines": _get_pipelines,
}


def _paging(
    profile: Profile, collection: str, limit: int, offset: int, total: int
) -> dict[str, object]:
    claimed = total if profile.options.false_total < 0 else profile.options.false_total
    data = {"collection": collection, "limit": limit, "offset": offset, "total": claimed}
    return {profile.options.metadata_key: data}


def _page(paging: Mapping[str, object], name: str, items: str) -> Answer:
    """The items are JSON text already: a page of the giant is not parsed to be sent."""
    head = write_json(paging)[:-1]
    return Answer(200, b"".join((head, f', "{name}": ['.encode(), items.encode(), b"]}")))


def _number(request: Request, name: str, default: int) -> int:
    return _whole(name, request.text(name) or str(default), INT32)


def _groups(request: Request) -> list[int]:
    """groupIds=1&groupIds=2 and groupIds=1,2 mean the same."""
    parts = ",".join(request.query.get("groupIds", [])).split(",")
    return [_whole("groupIds", part, INT64) for part in parts if part]


def _whole(name: str, text: str, allowed: range) -> int:
    try:
        number = int(text)
    except ValueError:
        raise ParameterError(f"{name} must be a whole number.") from None
    if number not in allowed:
        raise ParameterError(f"{name} is out of range.")
    return number
