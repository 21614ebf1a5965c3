"""What the practice Lofty accepts in a PUT of the settings, and what the PUT then changes.

Source: Lofty's documentation of it; SalesAgentSettingRequest has 23 properties.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Omitted = Literal["keep", "clear"]
INT32 = range(-(2**31), 2**31)
INT64 = range(-(2**63), 2**63)
HOURS = range(24)
DAYS = range(8)
"""0 = Sunday to 6 = Saturday; 7 is what Lofty's routing rules call Sunday, and can be stored"""


@dataclass(frozen=True)
class Problem:
    code: int | str
    message: str


Check = Callable[[object], bool]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_switch(value: object) -> bool:
    return isinstance(value, bool)


def _is_number(allowed: range) -> Check:
    """A bool is an int in Python and none in JSON; 8.0 is none either."""
    return lambda value: type(value) is int and value in allowed


def _is_list(allowed: range) -> Check:
    is_item = _is_number(allowed)
    return lambda value: isinstance(value, list) and all(map(is_item, value))


CHECKS: Mapping[str, tuple[Check, str]] = {
    "id": (_is_number(range(1, 2**63)), "must be a whole number above 0"),
    "assistantName": (_is_text, "must be text"),
    "virtualNumber": (_is_text, "must be text"),
    "virtualNumberCountry": (_is_text, "must be text"),
    "callTransferType": (_is_text, "must be text"),
    "fixedNumber": (_is_text, "must be text"),
    "agentExperience": (_is_text, "must be text"),
    "rentalBusiness": (_is_switch, "must be true or false"),
    "websiteChannel": (_is_switch, "must be true or false"),
    "textChannel": (_is_switch, "must be true or false"),
    "emailChannel": (_is_switch, "must be true or false"),
    "startActiveHour": (_is_number(HOURS), "must be a whole number from 0 to 23"),
    "endActiveHour": (_is_number(HOURS), "must be a whole number from 0 to 23"),
    "activeDays": (_is_list(DAYS), "must be a list of whole numbers from 0 to 7"),
    "leadTypes": (_is_list(INT32), "must be a list of int32"),
    "leadSources": (_is_list(INT64), "must be a list of int64"),
    "leadPipelines": (_is_list(INT64), "must be a list of int64"),
    "agentIds": (_is_list(INT64), "must be a list of int64"),
    "officeIds": (_is_list(INT64), "must be a list of int64"),
    "leadPondIds": (_is_list(INT64), "must be a list of int64"),
    "newLeadEnable": (_is_switch, "must be true or false"),
    "visitorsEnable": (_is_switch, "must be true or false"),
    "followUpRole": (_is_text, "must be text"),
}
PROPERTIES = tuple(CHECKS)


def find_problem(
    body: object,
    agent_id: int,
    *,
    is_strict: bool = False,
    stored: Mapping[str, object] | None = None,
) -> Problem | None:
    """Return the first reason to refuse this PUT body from the owner of `agent_id`, or None.

    is_strict: refuse properties that the documentation does not name. A value that is `stored`
    already is accepted whatever its type, as Lofty itself returned it.
    """
    if not isinstance(body, dict):
        return Problem("INVALID_PARAMETER", "The body must be a JSON object.")
    if body.get("id") is None:
        return Problem("MISSING_PARAMETER", "id is missing.")
    for name, value in body.items():
        if stored is not None and name in stored and name != "id" and stored[name] == value:
            continue
        found = _find_problem_in(name, value)
        if found is not None and (is_strict or name in CHECKS):
            return found
    if body["id"] != agent_id:
        return Problem("INVALID_PARAMETER", "id is not the Sales Agent of this user.")
    return None


def _find_problem_in(name: str, value: object) -> Problem | None:
    if name not in CHECKS:
        return Problem("INVALID_PARAMETER", f"{name[:80]} is not a known property.")
    is_valid, demand = CHECKS[name]
    if value is None or is_valid(value):
        return None
    return Problem(20012, f"{name} {demand}.")


def merge(
    settings: Mapping[str, object], body: Mapping[str, object], omitted: Omitted
) -> dict[str, object]:
    """The settings after an accepted PUT. Lofty does not say what happens to omitted properties."""
    cleared = dict.fromkeys(PROPERTIES) if omitted == "clear" else {}
    known = {name: value for name, value in body.items() if name in CHECKS}
    return {**settings, **cleared, **known}
