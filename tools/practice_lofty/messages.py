"""A request as it was read, and an answer as it will be sent. Nothing here touches a socket."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.message import Message
from http import HTTPStatus
from urllib.parse import parse_qs

Delay = float | None
"""When a change is applied: 0.0 now, n seconds from now, or None for never."""


class BadJSONError(ValueError):
    """The body is not JSON; the text says what is wrong with it."""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Message
    body: bytes

    @property
    def is_json(self) -> bool:
        return "Content-Type" in self.headers and (
            self.headers.get_content_type() == "application/json"
        )

    def text(self, name: str, default: str = "") -> str:
        return self.query.get(name, [default])[-1]

    def json(self) -> object:
        return read_json(self.body)

    def form(self) -> dict[str, str]:
        fields = parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)
        return {name: values[-1] for name, values in fields.items()}


def read_json(body: bytes) -> object:
    """Any JSON value; NaN and Infinity are no JSON. Raises BadJSONError."""
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadJSONError(f"The body is not JSON: {str(error)[:200]}") from None


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON value")


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    content_type: str = "application/json;charset=UTF-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    def plus(self, headers: Mapping[str, str]) -> "Answer":
        return replace(self, headers={**self.headers, **headers})

    def head(self, *, closing: bool = False) -> bytes:
        """Status line and headers, up to and with the empty line."""
        lines = [
            f"HTTP/1.1 {self.status} {_reason(self.status)}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
            *(["Connection: close"] if closing else []),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _reason(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"


@dataclass(frozen=True)
class Call:
    """One request that is let in and can be carried out, well or badly (see faults).

    `run(delay)` does the work and returns the answer; with None it changes nothing.
    """

    slug: str
    method: str
    path: str
    run: Callable[[Delay], Answer]
    headers: Mapping[str, str] = field(default_factory=dict)
    put_id: int | None = None


def as_json(status: int, value: object) -> Answer:
    return Answer(status, write_json(value))


def write_json(value: object) -> bytes:
    """UTF-8; half a surrogate pair cannot be written in it and goes as an escape."""
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()


def problem(status: int, code: int | str, message: str, *, key: str = "code") -> Answer:
    """Lofty's error body; some of its endpoints name the code `errorCode`."""
    return as_json(status, {key: code, "message": message})


def not_allowed(*methods: str) -> Answer:
    """405 with the methods that this address does take."""
    answer = problem(405, "METHOD_NOT_ALLOWED", "This method is not supported here.")
    return answer.plus({"Allow": ", ".join(methods)})


def as_html(status: int, text: str) -> Answer:
    return Answer(status, text.encode("utf-8", "replace"), "text/html; charset=utf-8")
