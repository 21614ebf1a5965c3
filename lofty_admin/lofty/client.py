"""LoftyClient: one method per Lofty operation, with typed results. It has no notion of tenants."""

import logging
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import Generic, TypeAlias, TypeVar

from lofty_admin.lofty.endpoint import Endpoint
from lofty_admin.lofty.errors import (
    SETTINGS_PATH,
    BadToken,
    LoftyError,
    MalformedSettings,
    Rejected,
    UnexpectedRedirect,
    Unknown,
    Unreachable,
    error_for,
)
from lofty_admin.lofty.exchange import Answer, Budget, Exchange
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import Settings
from lofty_admin.lofty.transport import Authorization, Transport

T = TypeVar("T")
Object: TypeAlias = dict[str, JSON]
Query: TypeAlias = Mapping[str, str | int]
logger = logging.getLogger(__name__)


class Scheme(StrEnum):
    """How a credential is sent: "token X" for an API key, "Bearer X" for an OAuth token."""

    API_KEY = "api_key"
    OAUTH = "oauth"


@dataclass(frozen=True)
class RetryPolicy:
    """When and how often to retry a call.

    tries: attempts per call, including the first. Pauses are in seconds: random up to base * 2^n,
    capped.
    """

    tries: int = 3
    base: float = 0.25
    cap: float = 2.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random.SystemRandom().random

    def pause_before(
        self, attempt: int, method: str, error: LoftyError, left: float
    ) -> float | None:
        """Return the seconds to wait before the next attempt, or None to give up.

        Only a GET is sent twice: other methods are retried only if none of their bytes left.
        attempt: the attempt that failed, from 1. left: seconds left of the whole call. Uses full
        jitter.
        """
        again = isinstance(error, Unreachable)
        if method == "GET" and isinstance(error, Unknown):
            again = not isinstance(error, UnexpectedRedirect)
        pause = self.random() * min(self.cap, self.base * 2**attempt)
        return pause if again and attempt < self.tries and pause < left else None


DEFAULT_RETRY = RetryPolicy()


@dataclass(frozen=True)
class Member:
    """A Lofty user (UserResponse). All fields are optional.

    member_user_id is the id the settings use.
    """

    member_user_id: int | None
    team_id: int | None
    first_name: str | None
    last_name: str | None
    email: str | None
    role_name: str | None
    time_zone: str | None
    group_id: int | None
    group_name: str | None


Me = Member


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list.

    items: from offset on. total: length of the whole list, if returned. received: number of rows,
    readable or not.
    """

    items: tuple[T, ...]
    offset: int
    total: int | None
    received: int


@dataclass(frozen=True)
class Office:
    id: int
    name: str | None
    parent_id: int | None


@dataclass(frozen=True)
class Org:
    """The organization. kind: "enterprise", "multi_team" or "none".

    Offices are empty without the permission and for teams.
    """

    kind: str
    name: str | None
    offices: tuple[Office, ...]


@dataclass(frozen=True)
class Pond:
    id: int
    name: str | None
    owner_id: int | None
    agent_ids: tuple[int, ...]


@dataclass(frozen=True)
class Pipeline:
    id: int
    name: str | None


@dataclass(frozen=True)
class Quota:
    total: int | None
    used: int | None
    remaining: int | None
    has_available: bool | None
    usage_percentage: float | None
    is_borrowed: bool | None
    borrow_level: str | None
    borrowed_from: int | None


TOKEN = re.compile(r"[!-~]{1,4096}", re.ASCII)
WORDS: Mapping[Scheme, str] = {Scheme.API_KEY: "token", Scheme.OAUTH: "Bearer"}
ME_PATH = "/v1.0/me"
MEMBERS_PATH = "/v1.0/members"
PIPELINES_PATH = "/v1.0/teamFeatures/lead-pipelines"
NO_MEMBERS = frozenset({"20003", "USER_NOT_EXIST"})
TOO_LARGE_CODES = ("LIMIT_PARAM_OVERSIZE", "LIMIT_NOT_VALID", "PARAMETER_TOO_LONG")
DEFAULT_SIZES = {MEMBERS_PATH: 25, PIPELINES_PATH: 10}  # Lofty's defaults, so never too large


def clean_token(pasted: str) -> str:
    """Strip a pasted token and return it, or raise BadToken, which never repeats it."""
    token = pasted.strip()
    if not TOKEN.fullmatch(token):
        raise BadToken
    return token


class LoftyClient:
    """Call Lofty with one credential.

    on_exchange is called after every exchange, including failures and retries; an exception it
    raises is logged and ignored, because the response matters more. before_exchange is called
    before every exchange; a LoftyError it raises prevents the exchange. budget is the latest one
    seen. page_sizes: path -> rows requested per page, where Lofty refused more; may be passed to
    the next client. The constructor raises BadToken and Misconfigured, every method LoftyError
    (errors.py).
    """

    def __init__(
        self,
        endpoint: Endpoint,
        scheme: Scheme,
        token: str,
        *,
        retry: RetryPolicy = DEFAULT_RETRY,
        before_exchange: Callable[[], None] | None = None,
        on_exchange: Callable[[Exchange], None] | None = None,
    ) -> None:
        self.budget: Budget | None = None
        self._auth = Authorization.of_token(WORDS[scheme], clean_token(token))
        self._scheme = scheme
        self._transport = Transport(endpoint)
        self._deadline = endpoint.deadline
        self._retry = retry
        self._before_exchange = before_exchange
        self._on_exchange = on_exchange
        self.page_sizes: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<LoftyClient {self._scheme.value}, token hidden>"

    def get_settings(self) -> Settings:
        """Send GET /v2.0/sales-agent/settings. Raises NoSalesAgent, MalformedSettings."""
        answer = self._call("GET", SETTINGS_PATH)
        try:
            return Settings.parse(answer.json)
        except MalformedSettings as error:
            error.exchange = answer.exchange
            raise

    def put_settings(self, payload: Mapping[str, JSON]) -> Exchange:
        """Send PUT /v2.0/sales-agent/settings, at most once. payload: see schema.payload.

        Returns only if Lofty answered 200 with its documented {"message": text}. Only a GET shows
        whether the settings were really stored.
        """
        answer = self._call("PUT", SETTINGS_PATH, json=payload)
        if not isinstance(answer.json, dict) or not isinstance(answer.json.get("message"), str):
            raise _unexpected(answer)
        return answer.exchange

    def me(self) -> Me:
        """Send GET /v1.0/me: return the user behind the token."""
        return _member(self._object(ME_PATH))

    def members_page(self, offset: int, limit: int = 100) -> Page[Member]:
        """Send GET /v1.0/members. Lofty may return fewer than limit, or an empty page."""
        try:
            answer = self._listing(MEMBERS_PATH, {"offset": offset}, "limit", limit)
        except Rejected as refused:
            if refused.status == 404 and refused.code in NO_MEMBERS:
                return Page((), offset, 0, 0)
            raise
        return _page(answer, "members", offset, _member)

    def org(self) -> Org:
        """Send GET /v1.0/org."""
        org = self._object("/v1.0/org")
        enterprise, teams = org.get("enterpriseInfo"), org.get("multiTeamInfo")
        if isinstance(enterprise, dict):
            offices = _rows(enterprise.get("visibleOrgInfoList"), _office)
            return Org("enterprise", _text(enterprise.get("groupName")), offices)
        if isinstance(teams, dict):
            return Org("multi_team", _text(teams.get("multiTeamName")), ())
        return Org("none", None, ())

    def ponds(self) -> tuple[Pond, ...]:
        """Send GET /v1.0/team-features/lead-ponds."""
        answer = self._call("GET", "/v1.0/team-features/lead-ponds")
        if not isinstance(answer.json, list):
            raise _unexpected(answer)
        return _rows(answer.json, _pond)

    def pipelines_page(self, number: int, offset: int) -> Page[Pipeline]:
        """Send GET /v1.0/teamFeatures/lead-pipelines.

        Pages are numbered from 0. offset: number of rows before this page.
        """
        answer = self._listing(PIPELINES_PATH, {"currPage": number}, "pageSize", 100)
        return _page(answer, "pipelines", offset, _pipeline)

    def _listing(self, path: str, query: Query, size_name: str, size: int) -> Answer:
        """Fetch one page of at most `size` rows.

        If Lofty refuses the size, fall back to a smaller one for this and later pages.
        """
        wanted = min(size, self.page_sizes.get(path, size))
        try:
            return self._call("GET", path, query={**query, size_name: wanted})
        except Rejected as refused:
            if not _is_oversize(refused) or wanted <= DEFAULT_SIZES[path]:
                raise
        self.page_sizes[path] = DEFAULT_SIZES[path]
        return self._call("GET", path, query={**query, size_name: DEFAULT_SIZES[path]})

    def quota(self) -> Quota:
        """Send GET /v2.0/sales-agents/quota."""
        quota = self._object("/v2.0/sales-agents/quota")
        return Quota(
            total=_whole(quota.get("totalQuota")),
            used=_whole(quota.get("usedQuota")),
            remaining=_whole(quota.get("remainingQuota")),
            has_available=_flag(quota.get("hasQuotaAvailable")),
            usage_percentage=_number(quota.get("usagePercentage")),
            is_borrowed=_flag(quota.get("isBorrowed")),
            borrow_level=_text(quota.get("borrowLevel")),
            borrowed_from=_whole(quota.get("borrowedFrom")),
        )

    def _object(self, path: str) -> Object:
        answer = self._call("GET", path)
        if not isinstance(answer.json, dict):
            raise _unexpected(answer)
        return answer.json

    def _call(
        self, method: str, path: str, *, query: Query | None = None, json: JSON = None
    ) -> Answer:
        """Send one call, with retries. Only this method retries: see `RetryPolicy.pause_before`."""
        started = self._retry.clock()
        for attempt in count(1):
            left = self._deadline - (self._retry.clock() - started)
            try:
                return self._once(method, path, query, json, left)
            except LoftyError as error:
                left = self._deadline - (self._retry.clock() - started)
                pause = self._retry.pause_before(attempt, method, error, left)
                if pause is None:
                    raise
            self._retry.sleep(pause)
        raise AssertionError  # count() never ends

    def _once(
        self, method: str, path: str, query: Query | None, json: JSON, seconds: float
    ) -> Answer:
        if self._before_exchange is not None:
            self._before_exchange()
        try:
            answer = self._transport.exchange(
                method, path, query=query, json=json, auth=self._auth, deadline=seconds
            )
        except LoftyError as error:
            self._note(error.exchange)
            raise
        self._note(answer.exchange)
        problem = error_for(answer)
        if problem is not None:
            raise problem
        return answer

    def _note(self, exchange: Exchange | None) -> None:
        if exchange is None:
            return
        self.budget = exchange.budget or self.budget
        if self._on_exchange is None:
            return
        try:
            self._on_exchange(exchange)
        except Exception:
            logger.exception("could not record an exchange with Lofty")


def _unexpected(answer: Answer) -> Unknown:
    return Unknown("Lofty's response does not have the documented form.", exchange=answer.exchange)


def _is_oversize(refused: Rejected) -> bool:
    """Return whether Lofty refused the page size as too large; it has several codes for that."""
    return any(code in f"{refused.code} {refused.lofty_message}" for code in TOO_LARGE_CODES)


def _page(answer: Answer, name: str, offset: int, parse: Callable[[Object], T | None]) -> Page[T]:
    body = answer.json
    rows = body.get(name) if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(rows, list):
        raise _unexpected(answer)
    metadata = body.get("_metadata", body.get("get_metadata"))
    total = _whole(metadata.get("total")) if isinstance(metadata, dict) else None
    if total is not None and total < 0:  # -1 is Lofty's usual "unset"
        total = None
    return Page(_rows(rows, parse), offset, total, len(rows))


def _rows(value: JSON, parse: Callable[[Object], T | None]) -> tuple[T, ...]:
    """Return the rows that can be parsed. A row without its identifying id is dropped."""
    if not isinstance(value, list):
        return ()
    parsed = (parse(row) for row in value if isinstance(row, dict))
    return tuple(row for row in parsed if row is not None)


def _member(row: Object) -> Member:
    return Member(
        member_user_id=_whole(row.get("memberUserId")),
        team_id=_whole(row.get("teamId")),
        first_name=_text(row.get("firstName")),
        last_name=_text(row.get("lastName")),
        email=_text(row.get("email")),
        role_name=_text(row.get("roleName")),
        time_zone=_text(row.get("timeZoneId")),
        group_id=_whole(row.get("groupId")),
        group_name=_text(row.get("groupName")),
    )


def _office(row: Object) -> Office | None:
    number = _whole(row.get("groupId"))
    if number is None:
        return None
    return Office(number, _text(row.get("groupName")), _whole(row.get("parentId")))


def _pond(row: Object) -> Pond | None:
    number, agents = _whole(row.get("id")), row.get("agentIds")
    if number is None:
        return None
    ids = (_whole(agent) for agent in agents) if isinstance(agents, list) else ()
    known = tuple(agent for agent in ids if agent is not None)
    return Pond(number, _text(row.get("pondName")), _whole(row.get("pondOwnerId")), known)


def _pipeline(row: Object) -> Pipeline | None:
    number = _whole(row.get("id"))
    return None if number is None else Pipeline(number, _text(row.get("name")))


def _whole(value: JSON) -> int | None:
    """Return an id or a count: a whole number within int64, which may be written as text."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if -(2**63) <= value < 2**63 else None


def _text(value: JSON) -> str | None:
    return value if isinstance(value, str) else None


def _flag(value: JSON) -> bool | None:
    return value if isinstance(value, bool) else None


def _number(value: JSON) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
