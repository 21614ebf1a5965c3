"""The record of one exchange: what is kept of Lofty's answer, and what is left out of it."""

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from lofty_admin.lofty import json_strict
from lofty_admin.lofty.json_strict import JSON

CODE_CHARS = 60
UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
SHORTEST_SECRET = 8  # hiding shorter texts would garble every answer
EXCERPT_CHARS = 4_000
MESSAGE_CHARS = 500
LONGEST_WAIT = timedelta(hours=1)  # our own cap on what Lofty asks us to wait
RATE_WINDOW = timedelta(minutes=1)  # Lofty counts calls per minute


@dataclass(frozen=True)
class Budget:
    """X-RateLimit-*: calls per window, calls left, when the window ends (UTC)."""

    limit: int
    remaining: int
    reset_at: datetime


@dataclass(frozen=True)
class Exchange:
    """One request and what came back, fit to store and show: no secret, no NUL, no lone surrogate.

    path has no query. status is None when no answer began. code and lofty_message are Lofty's own,
    from the body. body_excerpt has at most EXCERPT_CHARS characters.
    """

    method: str
    path: str
    status: int | None
    code: str | None
    lofty_message: str | None
    body_excerpt: str
    duration_ms: int
    budget: Budget | None


@dataclass(frozen=True)
class Answer:
    """A whole answer. fault says why the body is no strict JSON; if None, json is its value.

    retry_at (UTC): when Lofty lets us try again; means something for a 429 only.
    """

    exchange: Exchange
    json: JSON
    fault: str | None
    retry_at: datetime

    @property
    def is_error_body(self) -> bool:
        """Whether the body is one of Lofty's error objects, which also come with status 200."""
        return self.fault is None and is_error_body(self.json)


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Received:
    """What had come when an exchange ended: status None and no headers if nothing had."""

    status: int | None
    headers: Mapping[str, str]
    duration_ms: int


class Scribe:
    """Writes down what was exchanged, without secrets."""

    def __init__(
        self,
        method: str,
        path: str,
        secrets: Sequence[str],
        *,
        keep_body: bool,
        now: Callable[[], datetime],
    ) -> None:
        self._method, self._path = method, path
        hidden = {form for secret in secrets for form in _spellings(secret)}
        self._hidden = sorted(hidden, key=len, reverse=True)
        self._keep_body = keep_body
        self._now = now

    def failed(self, received: Received) -> Exchange:
        return self._exchange(received, None, None, "")

    def answered(self, received: Received, body: bytes) -> Answer:
        value, fault = _parsed(body)
        text = body.decode("utf-8", "replace")
        if not self._keep_body:
            text = ""
        exchange = self._exchange(received, _code(value), self._message(value, text, fault), text)
        retry_at = _retry_at(received.headers, exchange.budget, self._now())
        return Answer(exchange, value, fault, retry_at)

    def _exchange(
        self, received: Received, code: str | None, message: str | None, text: str
    ) -> Exchange:
        return Exchange(
            method=self._method,
            path=self._path,
            status=received.status,
            code=code and self._safe(code, CODE_CHARS),
            lofty_message=message and self._safe(message, MESSAGE_CHARS),
            body_excerpt=self._safe(text, EXCERPT_CHARS),
            duration_ms=received.duration_ms,
            budget=read_budget(received.headers, self._now()),
        )

    def _message(self, value: JSON, text: str, fault: str | None) -> str | None:
        """Lofty's own words: in an object, as a JSON string, or as bare text that is no page."""
        found = value.get("message") if isinstance(value, dict) else value
        if fault is not None and "<" not in text:
            found = text.strip()
        return found if isinstance(found, str) and found and self._keep_body else None

    def _safe(self, text: str, longest: int) -> str:
        for secret in self._hidden:
            text = text.replace(secret, "[hidden]")
        text = UNSTORABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text[:longest])
        return text[:longest]


def _spellings(secret: str) -> set[str]:
    """How a server may echo a secret: as it is, in a URL, in JSON, in base64."""
    if len(secret) < SHORTEST_SECRET:
        return set()
    in_json = json.dumps(secret)[1:-1]
    packed = base64.b64encode(secret.encode()).decode()
    return {secret, quote(secret, safe=""), in_json, in_json.replace("/", "\\/"), packed}


def _parsed(body: bytes) -> tuple[JSON, str | None]:
    if not body.strip():
        return None, "it is empty"
    try:
        return json_strict.loads(body), None
    except ValueError as refused:
        return None, f"it is no sound JSON ({refused})"


def _code(value: JSON) -> str | None:
    """Lofty's error code: `code` or, at some endpoints, `errorCode`; number or text."""
    if not isinstance(value, dict):
        return None
    code = value.get("code") if value.get("errorCode") is None else value["errorCode"]
    return str(code) if isinstance(code, int | str) and not isinstance(code, bool) else None


def is_error_body(value: JSON) -> bool:
    """{"code", "message"} or {"errorCode"}, unless the code says success."""
    if not isinstance(value, dict):
        return False
    named = "errorCode" in value or ("code" in value and "message" in value)
    return named and _code(value) not in {None, "0", "200"}


def read_budget(headers: Mapping[str, str], now: datetime) -> Budget | None:
    """X-RateLimit-Limit, -Remaining and -Reset, or None unless the first two are whole numbers.

    Reset is documented as epoch seconds, with an example that is none: a small number is taken as
    seconds from now, a bigger one as milliseconds from now (Lofty counts per minute); anything
    else, and anything past or absurd, as one minute from now. Never more than LONGEST_WAIT ahead.
    """
    limit = _whole(headers.get("X-RateLimit-Limit"))
    remaining = _whole(headers.get("X-RateLimit-Remaining"))
    if limit is None or remaining is None:
        return None
    reset = _whole(headers.get("X-RateLimit-Reset"))
    return Budget(limit, remaining, now + _wait_until_reset(reset, now))


def _wait_until_reset(reset: int | None, now: datetime) -> timedelta:
    if reset is None:
        return RATE_WINDOW
    epoch = now.timestamp()
    for seconds in (reset - epoch, reset / 1000 - epoch):
        if abs(seconds) <= LONGEST_WAIT.total_seconds():
            return timedelta(seconds=max(seconds, 0))
    if reset <= 600:
        return timedelta(seconds=reset)
    if reset <= 600_000:
        return timedelta(milliseconds=reset)
    return RATE_WINDOW


def _retry_at(headers: Mapping[str, str], budget: Budget | None, now: datetime) -> datetime:
    """Retry-After (seconds or date), else the end of the budget's window, else a minute on."""
    wanted = budget.reset_at if budget else now + RATE_WINDOW
    asked = headers.get("Retry-After", "")
    seconds = _whole(asked)
    if seconds is not None:
        wanted = now + timedelta(seconds=min(seconds, LONGEST_WAIT.total_seconds()))
    elif asked:
        with suppress(ValueError, OverflowError):
            wanted = parsedate_to_datetime(asked).astimezone(UTC)
    return min(max(wanted, now), now + LONGEST_WAIT)


def _whole(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[0-9]{1,15}", text.strip()) else None
