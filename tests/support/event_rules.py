"""Check that every event written during a test has what an auditor needs.

A plugin: it looks at each event on its way into the log, in every test, and the test fails if
something is missing. What the console itself writes must be whole; what a test writes by
calling `record` needs only the right shape.
"""

import datetime as dt
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any
from uuid import UUID

import pytest

from lofty_admin.audit import context
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log import record as door
from lofty_admin.audit.log.secrets import hide_secrets
from lofty_admin.audit.models import AuditEvent

PARTS = {
    *("id", "at", "kind", "outcome", "actor", "tenant", "subject", "operation_id"),
    *("request_id", "ip", "reason", "before", "after", "detail"),
}
TENANT = {"id", "slug", "name"}
TEXTS = ("subject", "reason", "ip", "request_id")
ACTORS = {"person", "job", "command", "nobody"}
OPEN = {Kind.SETTINGS_INTENT, Kind.SETTINGS_SEEN_CHANGED}  # nothing has come of it (yet)
OF_A_TENANT = ("tenant.", "credential.", "connection.", "settings.", "directory.")
# Of one tenant, unless both sides say `for` which group or that it is for all tenants.
OF_A_RIGHT = {
    Kind.MEMBER_ADDED,
    Kind.MEMBER_CHANGED,
    Kind.MEMBER_REMOVED,
    Kind.ACCESS_DENIED,
    Kind.DENIAL_LIFTED,
}
OF_AN_OPERATION = {
    Kind.SETTINGS_INTENT,
    Kind.SETTINGS_OUTCOME,
    Kind.SETTINGS_REFUSED,
    Kind.DIRECTORY_SYNCED,
    Kind.RESTORE_ACKNOWLEDGED,
}
SIDES: dict[Kind, set[str]] = {
    Kind.SETTINGS_INTENT: {"before", "after"},
    Kind.SETTINGS_OUTCOME: {"before"},  # after: unless it could not be read
    Kind.SETTINGS_REFUSED: {"before"},
    Kind.SETTINGS_SEEN_CHANGED: {"before", "after"},
    Kind.TENANT_ADDED: {"after"},
    Kind.TENANT_CHANGED: {"before", "after"},
    Kind.CREDENTIAL_ADDED: {"after"},
    Kind.CREDENTIAL_REPLACED: {"before", "after"},
    Kind.CREDENTIAL_REMOVED: {"before"},
    Kind.CREDENTIAL_FAILED: {"before", "after"},
    Kind.CREDENTIAL_RECOVERED: {"before", "after"},
    Kind.CREDENTIAL_RENEWED: {"before", "after"},
    Kind.AGENT_CHANGED: {"before", "after"},
    Kind.GROUP_ADDED: {"after"},
    Kind.GROUP_CHANGED: {"before", "after"},
    Kind.GROUP_DELETED: {"before"},
    Kind.MEMBER_ADDED: {"after"},
    Kind.MEMBER_CHANGED: {"before", "after"},
    Kind.MEMBER_REMOVED: {"before"},
    Kind.ACCESS_DENIED: {"after"},
    Kind.DENIAL_LIFTED: {"before"},
    Kind.PERSON_ADDED: {"after"},
    Kind.PERSON_CHANGED: {"before", "after"},
    Kind.INVITATION_ACCEPTED: {"after"},
    Kind.NAME_GIVEN: {"after"},
}
A_MOMENT = dt.timedelta(minutes=5)


Content = Mapping[str, Any]
Rules = dict[str, Callable[[Content], bool]]
# What no event may lack, whoever writes it.
SHAPE: Rules = {
    "id": lambda event: _is_uuid(event["id"]),
    "at, in UTC": lambda event: _moment(event).utcoffset() == dt.timedelta(0),
    "kind": lambda event: event["kind"] in Kind.values,
    "known outcome": lambda event: event["outcome"] in {None, *Outcome.values},
    "actor": lambda event: set(event["actor"]) == {"kind", "id", "name"},
    "tenant": lambda event: set(event["tenant"] or TENANT) == TENANT,
    "operation id": lambda event: event["operation_id"] is None or _is_uuid(event["operation_id"]),
    "request id": lambda event: bool(event["request_id"]),
    "texts": lambda event: all(isinstance(event[name], str) for name in TEXTS),
}
# What the console's own events also have: who, to what, before and after, and the outcome.
WHOLE: Rules = {
    "known actor": lambda event: event["actor"]["kind"] in ACTORS,
    "named actor": lambda event: event["actor"]["kind"] == "nobody" or all(event["actor"].values()),
    "object": lambda event: bool(event["subject"] or event["tenant"]),
    "tenant of this kind": lambda event: _has_its_tenant(event),
    "outcome of this kind": lambda event: (event["outcome"] is None) == (_kind(event) in OPEN),
    "operation of this kind": lambda event: (
        _kind(event) not in OF_AN_OPERATION or event["operation_id"] is not None
    ),
    "before and after": lambda event: all(event[side] for side in SIDES.get(_kind(event), ())),
    "detail": lambda event: event["detail"] is None or isinstance(event["detail"], dict),
    "address": lambda event: not event["ip"] or _is_address(event["ip"]),
    "fingerprints in place of secrets": lambda event: hide_secrets(event) == event,
}


def shape_faults(event: Content) -> list[str]:
    if set(event) != PARTS:
        return [f"parts: {sorted(set(event) ^ PARTS)}"]
    return [name for name, holds in SHAPE.items() if not holds(event)]


def whole_faults(event: Content) -> list[str]:
    return [name for name, holds in WHOLE.items() if not holds(event)]


def request_faults(event: Content) -> Iterator[str]:
    """What an event lacks that a request wrote: its id, its address, its person."""
    request = context._request.get()
    if request is None:
        return
    if event["request_id"] != context.current_request_id():
        yield "id of its request"
    if not event["ip"]:
        yield "address of its request"
    if event["actor"]["kind"] == "nobody" and request.user.is_authenticated:
        yield "person of its request"


def faults_of(event: Content) -> list[str]:
    """Of an event the console wrote, at any time."""
    return shape_faults(event) or whole_faults(event)


def _kind(event: Content) -> Kind:
    return Kind(event["kind"])


def _moment(event: Content) -> dt.datetime:
    return dt.datetime.fromisoformat(event["at"])


def _has_its_tenant(event: Content) -> bool:
    """One with id, short name and name; none if what it is about is a group or all tenants."""
    kind = _kind(event)
    if kind in OF_A_RIGHT and (scopes := _scopes(event)):
        return event["tenant"] is None and len(scopes) == 1 and all(scopes)
    return all(_values(event["tenant"])) or not (kind in OF_A_RIGHT or kind.startswith(OF_A_TENANT))


def _scopes(event: Content) -> set[str]:
    """What the sides of a change of rights say it is `for`; empty if none says so."""
    said = {side.get("for", "") for side in (event["before"], event["after"]) if side}
    return said if any(said) else set()


def _values(tenant: Mapping[str, str] | None) -> Iterable[str]:
    return tenant.values() if tenant else [""]


def _is_uuid(text: object) -> bool:
    try:
        return str(UUID(str(text))) == text
    except ValueError:
        return False


def _is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def _faults(body: str, writer: str) -> list[str]:
    event = json.loads(body)
    faults = shape_faults(event)
    if not faults and writer.startswith("lofty_admin."):
        faults = [*whole_faults(event), *request_faults(event)]
        faults += [] if abs(dt.datetime.now(dt.UTC) - _moment(event)) < A_MOMENT else ["now"]
    return [f"{event.get('kind')} by {writer} lacks: {fault}" for fault in faults]


APPEND = door._append  # as it is without these looks, which take their time


@pytest.fixture(scope="session")
def events_looked_at() -> Iterator[list[str]]:
    """Collect the faults of the events written; a test that reads them empties the list."""
    found: list[str] = []
    write = APPEND

    def look_and_write(body: str) -> AuditEvent:
        writer = sys._getframe(2).f_globals["__name__"]  # who called record(), which called this
        found.extend(_faults(body, str(writer)))
        return write(body)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(door, "_append", look_and_write)
        yield found


@pytest.fixture(autouse=True)
def every_event_is_whole(events_looked_at: list[str]) -> Iterator[None]:
    events_looked_at.clear()
    yield
    assert events_looked_at == []
