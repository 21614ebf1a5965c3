"""Read, compare, and build the Sales Agent settings."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias, TypeGuard

import rfc8785

from lofty_admin.lofty.errors import MalformedSettings
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.marking import gettext_noop

INT32, INT64 = 2**31, 2**63
LARGEST_EXACT = 2**53 - 1  # the largest whole number RFC 8785 takes
NUMBER_AS_TEXT = re.compile(r"-?[0-9]{1,19}(\.0{1,9})?", re.ASCII)
Canonical: TypeAlias = (
    "bool | int | float | str | Sequence[Canonical] | Mapping[str, Canonical] | None"
)


class Absent(Enum):
    """The type of ABSENT: Lofty did not send this property."""

    ABSENT = "absent"

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent.ABSENT
Value: TypeAlias = "JSON | Absent"

# Name -> JSON type, in the documented order; int32 and int64 as Lofty declares them.
TYPES: Final[Mapping[str, str]] = {
    "assistantName": "text",
    "virtualNumber": "text",
    "virtualNumberCountry": "text",
    "callTransferType": "text",
    "fixedNumber": "text",
    "agentExperience": "text",
    "rentalBusiness": "yes/no",
    "websiteChannel": "yes/no",
    "textChannel": "yes/no",
    "emailChannel": "yes/no",
    "startActiveHour": "int32",
    "endActiveHour": "int32",
    "activeDays": "list of int32",
    "leadTypes": "list of int32",
    "leadSources": "list of int64",
    "leadPipelines": "list of int64",
    "agentIds": "list of int64",
    "officeIds": "list of int64",
    "leadPondIds": "list of int64",
    "newLeadEnable": "yes/no",
    "visitorsEnable": "yes/no",
    "followUpRole": "text",
}
EDITABLE: Final = tuple(TYPES)
READ_ONLY: Final = ("headUrl", "hostedStatus")
FILTER_LISTS: Final = frozenset({"activeDays", "leadTypes", "leadSources", "leadPipelines"})
ACCESS_LISTS: Final = frozenset({"agentIds", "officeIds", "leadPondIds"})
LISTS: Final = FILTER_LISTS | ACCESS_LISTS
KNOWN: Final = frozenset({"id", *EDITABLE, *READ_ONLY})
LEAD_TYPES: Final[Mapping[int, str]] = {
    1: gettext_noop("Seller"),
    2: gettext_noop("Buyer"),
    5: gettext_noop("Renter"),
    6: gettext_noop("Investor"),
    7: gettext_noop("Agent"),
    8: gettext_noop("Homeowner"),
    9: gettext_noop("Landlord"),
    -1: gettext_noop("Other"),
}
IN_WORDS: Final[Mapping[str, str]] = {
    "text": "text",
    "yes/no": "true or false",
    "int32": "a whole number",
    "list of int32": "a list of whole numbers",
    "list of int64": "a list of whole numbers",
}


@dataclass(frozen=True)
class Settings:
    """The settings from GET /v2.0/sales-agent/settings, kept exactly as received.

    raw: the JSON object. id: the Sales Agent. unknown: properties this console does not know; they
    are never sent.
    """

    raw: Mapping[str, JSON]
    id: int
    unknown: Mapping[str, JSON]

    @classmethod
    def parse(cls, received: JSON) -> "Settings":
        """Parse the settings, or raise MalformedSettings.

        The value must be an object with a whole id from 1 to 2^63-1. An id written as text or as
        5.0 is read as the number; raw keeps it as received.
        """
        if not isinstance(received, dict):
            raise MalformedSettings
        agent_id = as_number(received.get("id"))
        if not _is_whole(agent_id, INT64) or agent_id < 1:
            raise MalformedSettings("Lofty's response contains no valid Sales Agent ID.")
        unknown = {name: value for name, value in received.items() if name not in KNOWN}
        return cls(raw=received, id=agent_id, unknown=unknown)

    def get(self, name: str) -> Value:
        """Return the value as received: null is None, a property Lofty left out is ABSENT."""
        return self.raw.get(name, ABSENT)


def means_all(name: str, value: Value) -> bool:
    """Return whether this list selects everyone or everything: -1 in an access list, no filter."""
    if not isinstance(value, list | tuple):
        return False
    if name in ACCESS_LISTS:
        return any(_is_whole(item, INT64) and item == -1 for item in map(as_number, value))
    return name in FILTER_LISTS and not value


def same(name: str, a: Value, b: Value) -> bool:
    """Return whether two values of a setting are equivalent.

    Lists are compared as sets, null is absent, and so is empty text. A value in another JSON type
    equals the same value in the documented one: "9" and 9.0 are the number 9, "true" is true, and
    the number 5125550142 is the text "5125550142".
    """
    # Most values are written alike, which is fast to check; repr tells 1, 1.0 and True apart.
    if repr(a) == repr(b) or _canonical_bytes(name, a) == _canonical_bytes(name, b):
        return True
    return name not in TYPES and _is_same_number(a, b)


def _is_same_number(a: Value, b: Value) -> bool:
    """Return whether one of them is a number and the other the same number written as text."""
    if isinstance(a, str) == isinstance(b, str):
        return False  # "007" and "7" may be different texts
    a, b = as_number(a), as_number(b)
    return _is_whole(a, INT64) and a == b


def differing(
    a: Mapping[str, Value], b: Mapping[str, Value], names: Iterable[str] = EDITABLE
) -> tuple[str, ...]:
    """Return the names, in their order, whose values differ between a and b."""
    return tuple(n for n in names if not same(n, a.get(n, ABSENT), b.get(n, ABSENT)))


def payload(before: Settings, changes: Mapping[str, JSON]) -> dict[str, JSON]:
    """Build the body of the PUT: id, then each editable setting with a value, in documented order.

    Changed settings are always sent, empty lists too. Unchanged ones are sent as received, or left
    out when Lofty had null or nothing. Raises ValueError for a changed name that is not an editable
    setting, and for a value of the wrong JSON type. null is the wrong type, because Lofty documents
    no way to unset a setting.
    """
    for name, wanted in changes.items():
        _check_change(name, wanted)
    body: dict[str, JSON] = {"id": before.id}
    for name in EDITABLE:
        value = changes[name] if name in changes else before.get(name)
        if value is not None and not isinstance(value, Absent):
            body[name] = value
    return body


def as_number(value: Value) -> Value:
    """Return the whole number that `value` writes as text or as 9.0, anything else unchanged."""
    if isinstance(value, str) and NUMBER_AS_TEXT.fullmatch(value):
        return int(value.partition(".")[0])
    if isinstance(value, float) and value.is_integer() and abs(value) <= LARGEST_EXACT:
        return int(value)
    return value


def _as_received(value: Value) -> Value:
    return value


def _as_switch(value: Value) -> Value:
    words = {"true": True, "false": False}
    return words.get(value.lower(), value) if isinstance(value, str) else value


def _as_text(value: Value) -> Value:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if value != "" else None


# Convert a value of another JSON type to the documented one. In lists: each item.
_AS_TYPE: Final[Mapping[str, Callable[[Value], Value]]] = {
    "text": _as_text,
    "yes/no": _as_switch,
    "int32": as_number,
    "list of int32": as_number,
    "list of int64": as_number,
}


def _canonical_bytes(name: str, value: Value) -> bytes:
    return rfc8785.dumps(_canonical(name, value))


def _canonical(name: str, value: Value) -> Canonical:
    """Return the value in a form rfc8785 takes; ABSENT is null, a list in LISTS a sorted set."""
    read = _AS_TYPE.get(TYPES.get(name, ""), _as_received)
    if name in LISTS and isinstance(value, list | tuple):
        members = {rfc8785.dumps(plain): plain for plain in (_plain(read(item)) for item in value)}
        return [members[key] for key in sorted(members)]
    return _plain(value if name in LISTS else read(value))


def _plain(value: Value) -> Canonical:
    """Convert to JSON within RFC 8785: big numbers and text with lone surrogates become objects."""
    match value:
        case Absent():
            return None
        case None | bool():
            return value
        case int():
            return value if abs(value) <= LARGEST_EXACT else {"whole": str(value)}
        case float():
            return value
        case str():
            return value if value.isascii() or _is_unicode(value) else {"text": json.dumps(value)}
        case Mapping():
            return {"object": [[_plain(key), _plain(value[key])] for key in sorted(value)]}
        case _:
            return [_plain(item) for item in value]


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_whole(value: Value, bound: int) -> TypeGuard[int]:
    """Return whether it is a JSON whole number in [-bound, bound).

    True and 1.0 are not, though they equal 1.
    """
    return isinstance(value, int) and not isinstance(value, bool) and -bound <= value < bound


def _is_list_of(value: Value, bound: int) -> bool:
    return isinstance(value, list | tuple) and all(_is_whole(item, bound) for item in value)


IS_TYPE: Final[Mapping[str, Callable[[Value], bool]]] = {
    "text": lambda value: isinstance(value, str),
    "yes/no": lambda value: isinstance(value, bool),
    "int32": lambda value: _is_whole(value, INT32),
    "list of int32": lambda value: _is_list_of(value, INT32),
    "list of int64": lambda value: _is_list_of(value, INT64),
}


def _check_change(name: str, value: JSON) -> None:
    if name not in TYPES:
        raise ValueError(f"{name!r} is not a setting that can be changed")
    if not IS_TYPE[TYPES[name]](value):
        raise ValueError(f"{name} must be {IN_WORDS[TYPES[name]]}")
