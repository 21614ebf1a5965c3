"""Record one exchange: what is kept of Lofty's answer, and what is redacted."""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import quote

from lofty_admin.lofty import json_strict
from lofty_admin.lofty.json_strict import JSON

CODE_CHARS = 60
SUCCESS_CODES = frozenset({"0", "200", "OK", "SUCCESS"})
# Where a code can appear in a text: named (errorCode=20005), at the start, or as a named code.
CODE_IN_TEXT = re.compile(
    r"""\b(?:errorCode|code)[\s"']*[=:][\s"']*(-?\w+)""", re.IGNORECASE | re.ASCII
)
LEADING_CODE = re.compile(r"\W*(20\d{3,4})\b", re.ASCII)
NAMED_CODE = re.compile(
    r"\b(BAD_CREDENTIALS|VENDOR_HAS_NO_PERMISSION|PERMISSION_DENIED|INVALID_PARAMETER"
    r"|MISSING_PARAMETER|LIMIT_NOT_VALID|LISTING_LIMIT_NOT_VALID|LIMIT_PARAM_OVERSIZE"
    r"|PARAMETER_TOO_LONG|NO_ACCESS_WEBSITE|ACCESS_ALL_TEAM_LEADS|LEAD_NOT_EXIST|USER_NOT_EXIST)\b"
)
MESSAGE_IN_TEXT = re.compile(r"""\berrorMsg[\s"']*[=:][\s"']*(\S.*)""", re.IGNORECASE | re.DOTALL)
ENVELOPE = frozenset({"data", "errorCode", "errorMsg", "errorData"})
GATEWAY_KEYS = frozenset({"status", "error", "path", "timestamp", "detail"})
GATEWAY_WORDS = frozenset({"not found", "no route matched with those values"})
UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
SHORTEST_SECRET = 8  # hiding shorter texts would garble every answer
EXCERPT_CHARS = 4_000
MESSAGE_CHARS = 500
LONGEST_WAIT = timedelta(hours=1)  # our own cap on how long Lofty can make us wait
LEAST_WAIT = timedelta(seconds=2)  # for a 429: "Retry-After: 0" must not make us ask in a loop
RATE_WINDOW = timedelta(minutes=1)  # Lofty counts calls per minute


@dataclass(frozen=True)
class Budget:
    """The X-RateLimit-* headers: calls per window, calls left, the end of the window (UTC)."""

    limit: int
    remaining: int
    reset_at: datetime


@dataclass(frozen=True)
class Exchange:
    """One request and its response, safe to store and show: no secret, NUL or lone surrogate.

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
    is_loftys: bool = True
    """Whether the answer can be Lofty's own rather than that of something in between."""


@dataclass(frozen=True)
class Answer:
    """A complete answer.

    fault: why the body is not strict JSON; if None, json is its value. retry_at (UTC): when Lofty
    allows a retry; meaningful for a 429 only.
    """

    exchange: Exchange
    json: JSON
    fault: str | None
    retry_at: datetime

    @property
    def is_error_body(self) -> bool:
        """Return whether the body is a Lofty error object, which may come with status 200."""
        return self.fault is None and is_error_body(self.json)


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Received:
    """What had arrived when an exchange ended.

    If nothing had, status is None and there are no headers.
    """

    status: int | None
    headers: Mapping[str, str]
    duration_ms: int


class Scribe:
    """Build the Exchange record of one request, with secrets redacted."""

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
        return self._exchange(received, None, None, "", is_loftys=True)

    def answered(self, received: Received, body: bytes) -> Answer:
        value, fault = _parsed(body)
        text = body.decode("utf-8", "replace")
        if not self._keep_body:
            text = ""
        is_loftys = _can_be_loftys(received.status, value, fault, body)
        message = self._message(value, text, fault)
        exchange = self._exchange(received, _code(value), message, text, is_loftys=is_loftys)
        retry_at = _retry_at(received.headers, exchange.budget, self._now())
        return Answer(exchange, _unwrapped(value), fault, retry_at)

    def _exchange(
        self,
        received: Received,
        code: str | None,
        message: str | None,
        text: str,
        *,
        is_loftys: bool,
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
            is_loftys=is_loftys,
        )

    def _message(self, value: JSON, text: str, fault: str | None) -> str | None:
        """Return Lofty's message: in an object, a JSON string, or bare text that is not a page."""
        found = next(_texts(value), "")
        if fault is not None and "<" not in text:
            found = text.strip()
        if inside := MESSAGE_IN_TEXT.search(found):
            found = inside[1]
        return found if found and self._keep_body else None

    def _safe(self, text: str, longest: int) -> str:
        for secret in self._hidden:
            text = text.replace(secret, "[hidden]")
        text = UNSTORABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text[:longest])
        return text[:longest]


def _spellings(secret: str) -> set[str]:
    """Return the forms in which a server may echo a secret: plain, URL-encoded, JSON, base64."""
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
        return None, f"it is not valid JSON ({refused})"


def _texts(value: JSON) -> Iterator[str]:
    """Return the texts of a body: errorMsg, then message, or the body itself if it is a string."""
    texts = [value.get("errorMsg"), value.get("message")] if isinstance(value, dict) else [value]
    return (text for text in texts if isinstance(text, str) and text.strip())


def _code(value: JSON) -> str | None:
    """Return Lofty's error code: `errorCode` or `code`, number or text, or one inside the message.

    A code that names an error takes precedence over one that reports success.
    """
    known = [value.get("errorCode"), value.get("code")] if isinstance(value, dict) else []
    codes = [str(code) for code in known if _is_code(code)]
    inside = [found for text in _texts(value) if (found := _code_in(text)) is not None]
    errors = [code for code in (*codes, *inside) if not _is_success(code)]
    return next(iter((*errors, *codes, *inside)), None)


def _is_code(code: JSON) -> bool:
    return isinstance(code, int | str) and not isinstance(code, bool) and code != ""


def _is_success(code: str) -> bool:
    return code.upper() in SUCCESS_CODES


def _code_in(text: str) -> str | None:
    """Return the code in 'errorCode=20005,...', or a named one like LIMIT_PARAM_OVERSIZE."""
    found = CODE_IN_TEXT.search(text) or LEADING_CODE.match(text) or NAMED_CODE.search(text)
    return found[1] if found else None


def is_error_body(value: JSON) -> bool:
    """Return whether a body is one of Lofty's errors, which can also come with status 200.

    Errors are {"errorCode"}, {"code", "message"}, {"errorMsg"}, or a message or a bare string with
    a code in it, unless the code reports success. Other objects may have a property named `code`.
    """
    code = _code(value)
    if not isinstance(value, dict):
        return isinstance(value, str) and code is not None and not _is_success(code)
    if code is None:
        return bool(value.get("errorMsg"))
    named = "errorCode" in value or any(True for _ in _texts(value))
    return named and not _is_success(code)


def _can_be_loftys(status: int | None, value: JSON, fault: str | None, body: bytes) -> bool:
    """Return whether a refusal can be Lofty's own.

    A web page is not, nor is a 404 without one of Lofty's messages.
    """
    if fault is not None and b"<" in body:
        return False
    if status != HTTPStatus.NOT_FOUND:
        return True
    if fault is not None or next(_texts(value), None) is None:
        return fault is None and _code(value) is not None
    return _code(value) is not None or not (isinstance(value, dict) and _is_gateways(value))


def _is_gateways(body: Mapping[str, JSON]) -> bool:
    """Return whether an object without a code is a gateway's "unknown path" error."""
    words = {text.strip(" .!").lower() for text in _texts(dict(body))}
    return bool(GATEWAY_KEYS & body.keys() or GATEWAY_WORDS & words)


def _unwrapped(value: JSON) -> JSON:
    """Return the data inside a success envelope {data, errorCode, errorMsg, errorData}."""
    is_envelope = isinstance(value, dict) and "data" in value and value.keys() <= ENVELOPE
    if isinstance(value, dict) and is_envelope and not is_error_body(value):
        data: JSON = value["data"]
        return data
    return value


def read_budget(headers: Mapping[str, str], now: datetime) -> Budget | None:
    """Read X-RateLimit-Limit, -Remaining and -Reset; None unless the first two are whole numbers.

    Reset is documented as epoch seconds, but its example is not: a small number is read as seconds
    from now, a bigger one as milliseconds from now (Lofty counts per minute); anything else, and
    anything past or absurd, as one minute from now. It is never more than LONGEST_WAIT ahead.
    """
    limit = _whole(headers.get("X-RateLimit-Limit"))
    remaining = _whole(headers.get("X-RateLimit-Remaining"))
    if not limit or remaining is None:  # a limit of zero calls carries no information
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
    """Return when to retry: Retry-After (seconds or date), the window's end, or in a minute."""
    wanted = budget.reset_at if budget else now + RATE_WINDOW
    asked = headers.get("Retry-After", "")
    seconds = _whole(asked)
    if seconds is not None:
        wanted = now + timedelta(seconds=min(seconds, LONGEST_WAIT.total_seconds()))
    elif asked:
        with suppress(ValueError, OverflowError):
            wanted = parsedate_to_datetime(asked).astimezone(UTC)
    return min(max(wanted, now + LEAST_WAIT), now + LONGEST_WAIT)


def _whole(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[0-9]{1,15}", text.strip()) else None
