"""Tenants with what the home page shows of them, written straight into the database."""

from datetime import datetime, timedelta
from uuid import uuid4

from django.urls import reverse
from django.utils import timezone

from lofty_admin.accounts.models import User
from lofty_admin.agentsettings.models import Operation, SettingsSnapshot, State
from lofty_admin.agentsettings.snapshots import summary_fields
from lofty_admin.audit.context import Actor
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import AuditEvent, AuditIndex
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.tenants.models import Tenant
from tests.support.users import signed_in

SETTINGS: dict[str, JSON] = {
    "id": 7,
    "assistantName": "Bella",
    "textChannel": True,
    "emailChannel": False,
    "websiteChannel": True,
    "startActiveHour": 8,
    "endActiveHour": 20,
}


def read(tenant: Tenant, minutes_ago: int = 4, **settings: JSON) -> SettingsSnapshot:
    """As if its settings had been read then."""
    at = timezone.now() - timedelta(minutes=minutes_ago)
    raw = {**SETTINGS, **settings}
    return SettingsSnapshot.objects.create(tenant=tenant, **summary_fields(raw), read_at=at)


def sent(tenant: Tenant, at: datetime, **fields: object) -> Operation:
    """An operation that was sent and verified at `at`; not saved."""
    values: dict[str, object] = {
        "id": uuid4(),
        "tenant": tenant,
        "state": State.VERIFIED,
        "base": {},
        "wanted": {},
        "changed": [],
        "actor_name": "Olivia Owner",
        "request_id": "0" * 32,
        "lease_until": at,
        "created_at": at,
        "sent_at": at,
        "settled_at": at,
    }
    return Operation(**{**values, **fields})


def change(tenant: Tenant, minutes_ago: int = 60, **fields: object) -> Operation:
    operation = sent(tenant, timezone.now() - timedelta(minutes=minutes_ago), **fields)
    operation.save(force_insert=True)
    return operation


NAMES = ("Acme Realty", "Globex Homes", "Hooli")


def home(user: User, query: str = "") -> str:
    return signed_in(user).get(reverse("fleet:home") + query).content.decode()


def listed(user: User, query: str = "") -> list[str]:
    """The names in the list, in its order."""
    html = home(user, query).partition('id="found"')[2]
    return sorted((name for name in NAMES if f">{name}<" in html), key=html.index)


SUBJECT = "Active days"


def saved(
    tenant: Tenant,
    outcome: Outcome | None = Outcome.VERIFIED,
    *,
    by: str = "Olivia Owner",
    days_ago: int = 0,
    kind: Kind = Kind.SETTINGS_OUTCOME,
) -> AuditEvent:
    actor = Actor("person", f"of {by}" if by else "", by)
    operation_id = uuid4()
    if kind is not Kind.SETTINGS_SEEN_CHANGED and outcome is not None:
        at = timezone.now() - timedelta(days=days_ago)
        fields = {"state": outcome, "actor_id": actor.id, "actor_name": by, "created_at": at}
        sent(tenant, at, id=operation_id, **fields).save(force_insert=True)
    event = record(
        kind,
        tenant=tenant.ref,
        outcome=outcome,
        subject=SUBJECT,
        operation_id=operation_id,
        before={},
        after={},
        actor=actor,
    )
    AuditIndex.objects.filter(seq=event.seq).update(at=event.at - timedelta(days=days_ago))
    return event
