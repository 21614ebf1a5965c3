"""Tenants with what the home page shows of them, put straight into the database."""

from datetime import datetime, timedelta
from uuid import uuid4

from django.utils import timezone

from lofty_admin.agentsettings.models import Operation, SettingsSnapshot, State
from lofty_admin.agentsettings.snapshots import summary_fields
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.tenants.models import Tenant

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
