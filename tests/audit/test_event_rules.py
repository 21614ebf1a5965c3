"""The check of every recorded event (support/event_rules.py) finds each fault."""

from collections.abc import Callable
from typing import Any

import pytest

from lofty_admin.accounts.models import User
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.log import record as door
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import AuditEvent
from lofty_admin.tenants.access import grants, memberships
from lofty_admin.tenants.access.grants import Scope
from lofty_admin.tenants.models import Group, Role, Tenant
from tests.support.event_rules import faults_of
from tests.support.users import signed_in

Spoil = Callable[[dict[str, Any]], object]
SPOILS: dict[str, Spoil] = {
    "a part is missing": lambda event: event.pop("reason"),
    "a part too many": lambda event: event.update(more=1),
    "id": lambda event: event.update(id="7"),
    "time of another zone": lambda event: event.update(at="2026-01-01T00:00:00+01:00"),
    "unknown kind": lambda event: event.update(kind="settings.eaten"),
    "unknown outcome": lambda event: event.update(outcome="eaten"),
    "no outcome": lambda event: event.update(outcome=None),
    "actor without a name": lambda event: event["actor"].update(kind="person", id="7", name=""),
    "actor of another kind": lambda event: event["actor"].update(kind="cat", id="7", name="Tom"),
    "actor in parts": lambda event: event["actor"].pop("id"),
    "no tenant": lambda event: event.update(tenant=None),
    "tenant without a name": lambda event: event["tenant"].update(name=""),
    "operation id": lambda event: event.update(operation_id="7"),
    "no request id": lambda event: event.update(request_id=""),
    "address": lambda event: event.update(ip="here"),
    "no before": lambda event: event.update(before=None),
    "no after": lambda event: event.update(after={}),
    "detail": lambda event: event.update(detail=[1]),
    "a secret": lambda event: event["after"].update(apiKey="SENTINEL"),
}


@pytest.fixture
def event(acme: Tenant, viewer: User) -> dict[str, Any]:
    """A whole one, of the console's own."""
    memberships.grant(acme, viewer, Role.EDITOR)
    return dict(AuditEvent.objects.get().content)


def test_faults__event_as_it_was_written__none(event: dict[str, Any]) -> None:
    assert faults_of(event) == []


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS.keys())
def test_faults__something_missing_or_wrong__found(event: dict[str, Any], spoil: Spoil) -> None:
    spoil(event)
    assert len(faults_of(event)) == 1


ELSEWHERE: dict[str, Spoil] = {
    "a tenant besides the group": lambda event: event.update(
        tenant={"id": "7", "slug": "acme", "name": "Acme"}
    ),
    "one side for the group only": lambda event: event["before"].pop("for"),
    "sides for different groups": lambda event: event["after"].update({"for": "the group East"}),
    "neither group nor tenant": lambda event: [
        event[side].pop("for") for side in ("before", "after")
    ],
}


@pytest.fixture
def event_of_group(viewer: User) -> dict[str, Any]:
    """A right in a group, changed: an event without a tenant."""
    scope = Scope(group=Group.objects.create(slug="west", name="West"))
    grants.assign(viewer, scope, Role.VIEWER)
    grants.assign(viewer, scope, Role.EDITOR)
    return dict(AuditEvent.objects.get(kind=Kind.MEMBER_CHANGED).content)


def test_faults__right_of_a_group__none_without_a_tenant(event_of_group: dict[str, Any]) -> None:
    assert event_of_group["tenant"] is None
    assert faults_of(event_of_group) == []


@pytest.mark.parametrize("spoil", ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_faults__right_of_a_group__said_differently__found(
    event_of_group: dict[str, Any], spoil: Spoil
) -> None:
    spoil(event_of_group)
    assert faults_of(event_of_group) == ["tenant of this kind"]


def test_plugin__console_writes_half_an_event__found(
    db: None, events_looked_at: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if a service forgot the tenant and the outcome. A test that writes it is none."""
    record(Kind.TENANT_ADDED)
    assert events_looked_at == []
    monkeypatch.setitem(globals(), "__name__", "lofty_admin.tenants.services")
    record(Kind.TENANT_ADDED)
    assert [fault.partition(": ")[2] for fault in events_looked_at] == [
        "object",
        "tenant of this kind",
        "outcome of this kind",
        "before and after",
    ]
    events_looked_at.clear()


def test_plugin__request_writes_without_its_address__found(
    superuser: User, events_looked_at: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "current_ip", lambda: "")
    signed_in(superuser).post("/tenants/add/", {"name": "Initech", "scheme": "api_key"})
    assert [fault.partition(": ")[2] for fault in events_looked_at] == ["address of its request"]
    events_looked_at.clear()
