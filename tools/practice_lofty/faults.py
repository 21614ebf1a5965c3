"""Ways in which the practice Lofty can be made to misbehave, for one customer at a time.

    POST /_control/customers/<slug>/faults
    {"kind": "drop_after", "on": "PUT", "path": "/v2.0/", "times": 1, ...parameters}

`on` is GET, PUT, POST (the token endpoint) or any; `path` a prefix, or a whole path if it ends in
"$" ("/v1.0/me$" leaves /v1.0/members alone), "" for all; `times` how often it acts, null for until
it is removed. A request that is refused at the door (401, 403, 415, 429) uses up no fault. Times
are seconds. Every PUT is recorded before any fault acts.

Passing kinds act, then the request continues. `when` is "before" the work is done or "after" it,
which is right before the answer leaves:
    delay(seconds, when)            waits
    hold(seconds, when)             waits for POST /_control/release, at most 30 s; the requests
                                    that wait are at GET /_control/held
    foreign_change(settings, when)  merges settings, as if another user had changed them in Lofty

Ending kinds decide how the request ends; the first that matches acts, the next waits for the next
request. `apply` says whether a PUT takes effect; `how` is "close" or "reset":
    status(code, body, apply)            that status; body is text as it is, or a JSON value;
                                         nothing applied unless `apply`
    drop_before(how)                     connection lost, nothing applied
    drop_after(how)                      applied, connection lost without an answer
    drip_headers(bytes_per_second, apply)
    drip_body(bytes_per_second, apply)   the answer, slowly
    endless_100(seconds, apply)          100 Continue again and again, then the connection ends
    cut_headers(how, apply)              connection lost in the middle of the headers
    cut_body(how, apply)                 connection lost in the middle of the body
    html(code, apply)                    a web page instead of JSON; nothing applied unless `apply`
    redirect(status, location, apply)    sends the client elsewhere; nothing applied unless `apply`
    wrong_json(text, apply)              200 with this text for a body
    proxy(code, body, apply)             a gateway's own answer, without Lofty's headers; body is
                                         html, json, text or empty; nothing applied unless `apply`
    early_hints(count, then, apply)      103 Early Hints that many times, then the answer, or with
                                         "close" the end of the connection
    ignore()                             PUT: 200, not applied
    visible_later(seconds)               PUT: applied, but reads show the old values until then
    apply_later(seconds)                 PUT: 200 now, applied later
    apply_after_drop(seconds, how)       PUT: connection lost now, applied later
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tools.practice_lofty.messages import Answer, Delay, as_html, as_json, write_json

METHODS = ("GET", "PUT", "POST")
LONGEST_HOLD = 30.0
"""seconds"""
LONGEST_WAIT = 600.0
"""seconds"""


class FaultError(ValueError):
    """The fault asked for does not exist or cannot be so; the text says why."""


@dataclass(frozen=True)
class Parameter:
    """One setting of a fault. It takes what has the type of its default; None takes anything."""

    name: str
    default: object
    choices: tuple[str, ...] = ()
    least: float = 0
    most: float = LONGEST_WAIT

    @property
    def is_number(self) -> bool:
        return isinstance(self.default, int | float)

    @property
    def is_text(self) -> bool:
        return isinstance(self.default, str)

    def read(self, value: object) -> object:
        """The value in the right type. Raises FaultError."""
        if isinstance(self.default, float) and type(value) is int:
            value = float(value)
        if self.default is not None and type(value) is not type(self.default):
            raise FaultError(f"{self.name} must be like {json.dumps(self.default)}.")
        if isinstance(value, str) and self.choices and value not in self.choices:
            raise FaultError(f"{self.name} must be one of: {', '.join(self.choices)}.")
        if type(value) in (int, float) and not self.least <= float(str(value)) <= self.most:
            raise FaultError(f"{self.name} must be from {self.least:g} to {self.most:g}.")
        return value


@dataclass(frozen=True)
class Kind:
    name: str
    text: str
    parameters: tuple[Parameter, ...] = ()
    passing: bool = False
    put_only: bool = False


def _seconds(default: float, most: float = LONGEST_WAIT) -> Parameter:
    return Parameter("seconds", default, most=most)


def _when(default: str) -> Parameter:
    return Parameter("when", default, choices=("before", "after"))


_HOW = Parameter("how", "close", choices=("close", "reset"))
_RATE = Parameter("bytes_per_second", 10.0, least=0.1, most=1e9)
_APPLIES = Parameter("apply", default=True)
_DOES_NOT_APPLY = Parameter("apply", default=False)


def _status(name: str, default: int) -> Parameter:
    return Parameter(name, default, least=200, most=599)


SERVER_ERROR = {"code": 20005, "message": "Server error"}
"""Lofty's own body for a 500"""


_ALL = (
    Kind("delay", "Waits, then continues.", (_seconds(1.0), _when("before")), passing=True),
    Kind(
        "hold",
        "Waits until it is released, at most 30 seconds, then continues.",
        (_seconds(LONGEST_HOLD, LONGEST_HOLD), _when("before")),
        passing=True,
    ),
    Kind(
        "foreign_change",
        "Another user changes these settings in Lofty at that moment.",
        (Parameter("settings", {"assistantName": "Changed by another user"}), _when("after")),
        passing=True,
    ),
    Kind(
        "status",
        "Answers with this status and body. Nothing is applied, unless `apply` is set.",
        (
            _status("code", 500),
            Parameter("body", None),
            _DOES_NOT_APPLY,
        ),
    ),
    Kind("drop_before", "The connection is lost. Nothing is applied.", (_HOW,)),
    Kind("drop_after", "Applied, then the connection is lost without an answer.", (_HOW,)),
    Kind("drip_headers", "The whole answer comes slowly, from its first byte.", (_RATE, _APPLIES)),
    Kind("drip_body", "The headers come at once, the body slowly.", (_RATE, _APPLIES)),
    Kind(
        "endless_100",
        "Says 100 Continue again and again and never answers.",
        (_seconds(30.0), _APPLIES),
    ),
    Kind("cut_headers", "The connection is lost in the middle of the headers.", (_HOW, _APPLIES)),
    Kind("cut_body", "The connection is lost in the middle of the body.", (_HOW, _APPLIES)),
    Kind(
        "html",
        "A web page instead of JSON. Nothing is applied, unless `apply` is set.",
        (_status("code", 200), _DOES_NOT_APPLY),
    ),
    Kind(
        "redirect",
        "Sends the client elsewhere. Nothing is applied, unless `apply` is set.",
        (_status("status", 302), Parameter("location", "/elsewhere"), _DOES_NOT_APPLY),
    ),
    Kind(
        "wrong_json",
        "Status 200 with this text where JSON should be.",
        (Parameter("text", '{"message": "Operation succ'), _APPLIES),
    ),
    Kind(
        "proxy",
        "A gateway between the console and Lofty answers. Nothing is applied, unless "
        "`apply` is set.",
        (
            _status("code", 404),
            Parameter("body", "html", choices=("html", "json", "text", "empty")),
            _DOES_NOT_APPLY,
        ),
    ),
    Kind(
        "early_hints",
        "Sends 103 Early Hints first, then the answer, or closes the connection.",
        (
            Parameter("count", 1, least=1, most=1000),
            Parameter("then", "answer", choices=("answer", "close")),
            _APPLIES,
        ),
    ),
    Kind("ignore", "Says 200 and does not apply the change.", put_only=True),
    Kind(
        "visible_later",
        "Says 200 and applies the change, but shows the old values for a while.",
        (_seconds(5.0),),
        put_only=True,
    ),
    Kind(
        "apply_later",
        "Says 200 now and applies the change later.",
        (_seconds(5.0),),
        put_only=True,
    ),
    Kind(
        "apply_after_drop",
        "The connection is lost now, the change is applied later.",
        (_seconds(5.0), _HOW),
        put_only=True,
    ),
)
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _ALL}
LOSING = frozenset({"drop_before", "drop_after", "apply_after_drop", "endless_100"})
"""After these the client has no answer at all."""
GATEWAY_BODIES: Mapping[str, tuple[str, str]] = {
    "html": ("text/html", "<html><head><title>{0}</title></head><h1>{0}</h1><hr>gateway</html>"),
    "json": ("application/json", '{{"status": {0}, "error": "Gateway", "path": "/"}}'),
    "text": ("text/plain", "gateway: {0}"),
    "empty": ("text/plain", ""),
}
"""What a gateway says in Lofty's place: content type and text, by the name of the shape."""


@dataclass(frozen=True)
class Fault:
    kind: str
    on: str
    path: str
    times: int | None
    parameters: Mapping[str, object]
    id: int = 0

    def matches(self, method: str, path: str) -> bool:
        if KINDS[self.kind].put_only and method != "PUT":
            return False
        whole = self.path.removesuffix("$")
        fits = path == whole if whole != self.path else path.startswith(whole)
        return self.on in ("any", method) and fits

    def number(self, name: str) -> float:
        return float(str(self.parameters[name]))

    def word(self, name: str) -> str:
        return str(self.parameters[name])

    @property
    def is_answered(self) -> bool:
        """Whether the client gets an answer from this ending fault."""
        return self.kind not in LOSING and self.parameters.get("then") != "close"

    @property
    def settings(self) -> dict[str, object]:
        value = self.parameters["settings"]
        return value if isinstance(value, dict) else {}

    def describe(self) -> dict[str, object]:
        return {
            "id": self.id,
            "kind": self.kind,
            "on": self.on,
            "path": self.path,
            "times": self.times,
            **self.parameters,
        }


def parse(wanted: Mapping[str, object]) -> Fault:
    """A fault from the control API's JSON object. Raises FaultError."""
    rest = dict(wanted)
    kind = KINDS.get(str(rest.pop("kind", "")))
    if kind is None:
        raise FaultError(f"kind must be one of: {', '.join(KINDS)}.")
    on, path, times = rest.pop("on", "any"), rest.pop("path", ""), rest.pop("times", 1)
    if on not in (*METHODS, "any"):
        raise FaultError(f"on must be one of: {', '.join(METHODS)}, any.")
    if not isinstance(path, str):
        raise FaultError("path must be text: the beginning of the paths it acts on.")
    if times is not None and not (type(times) is int and times > 0):
        raise FaultError("times must be a whole number above 0, or null for always.")
    return Fault(kind.name, str(on), path, times, _read_parameters(kind, rest))


def _read_parameters(kind: Kind, given: Mapping[str, object]) -> dict[str, object]:
    known = {parameter.name: parameter for parameter in kind.parameters}
    if unknown := sorted(set(given) - set(known)):
        raise FaultError(f"{kind.name} has no {', '.join(unknown)}.")
    return {
        name: parameter.read(given.get(name, parameter.default))
        for name, parameter in known.items()
    }


def choose(active: Sequence[Fault], method: str, path: str) -> tuple[list[Fault], Fault | None]:
    """Of the faults in the order they were added: all that pass, and the first that ends."""
    matching = [fault for fault in active if fault.matches(method, path)]
    passing = [fault for fault in matching if KINDS[fault.kind].passing]
    ending = [fault for fault in matching if not KINDS[fault.kind].passing]
    return passing, ending[0] if ending else None


def delay_of(fault: Fault | None) -> Delay:
    """When this fault lets a change take effect: 0.0 now, n seconds later, None never."""
    if fault is None:
        return 0.0
    if fault.kind in ("apply_later", "apply_after_drop"):
        return fault.number("seconds")
    if fault.kind in ("ignore", "drop_before"):
        return None
    return 0.0 if fault.parameters.get("apply", True) else None


def disguise(answer: Answer, fault: Fault | None) -> Answer:
    """The answer this fault sends in place of the true one."""
    if fault is None:
        return answer
    if fault.kind == "status":
        body = fault.parameters["body"]
        content = body.encode() if isinstance(body, str) else write_json(body or SERVER_ERROR)
        return replace(answer, status=int(fault.number("code")), body=content)
    if fault.kind == "html":
        page = "<!doctype html><title>Lofty</title><h1>We will be right back</h1>"
        return as_html(int(fault.number("code")), page)
    if fault.kind == "redirect":
        location = "".join(filter(str.isprintable, fault.word("location")))
        return as_json(int(fault.number("status")), {}).plus({"Location": location})
    if fault.kind == "proxy":
        kind, text = GATEWAY_BODIES[fault.word("body")]
        code = int(fault.number("code"))
        return Answer(code, text.format(code).encode(), kind, {"Via": "1.1 gateway"})
    if fault.kind == "wrong_json":
        return replace(answer, status=200, body=fault.word("text").encode())
    return answer
