"""Reading the settings from Lofty, remembering what was read, and noticing outside changes."""

from django.db import transaction
from django.utils import timezone

from lofty_admin.agentsettings.changes import Values, diff
from lofty_admin.agentsettings.models import LastKnown, Operation, State
from lofty_admin.agentsettings.naming import name_table
from lofty_admin.agentsettings.plans import Snapshot
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.record import record
from lofty_admin.lofty.schema import Settings
from lofty_admin.tenants.calls import client_for
from lofty_admin.tenants.models import Tenant


def read_live(tenant: Tenant) -> Snapshot:
    """One GET of the settings. Raises LoftyError, or NoCredential before anything is sent."""
    snapshot = Snapshot(client_for(tenant).get_settings(), timezone.now())
    remember(tenant, snapshot.settings)
    return snapshot


def remember(tenant: Tenant, found: Settings, *, expected: Values | None = None) -> None:
    """Keep these as the settings last known, and record what was changed not through this console.

    expected: what Lofty should have by what the console did; without it, what was last known. While
    a change of ours is in flight a difference may be our own, so nothing is concluded then.
    """
    with transaction.atomic():
        known = LastKnown.objects.select_for_update().filter(tenant=tenant).first()
        if known is None:
            LastKnown.objects.get_or_create(
                tenant=tenant, defaults={"raw": found.raw, "read_at": timezone.now()}
            )
            return
        if expected is None and _in_flight(tenant):
            return
        before = known.raw if expected is None else expected
        LastKnown.objects.filter(pk=known.pk).update(raw=found.raw, read_at=timezone.now())
        if before.get("id") == found.id:
            _record_outside_changes(tenant, before, found.raw)


def _in_flight(tenant: Tenant) -> bool:
    return Operation.objects.filter(tenant=tenant, state__in=[State.SENT, State.UNKNOWN]).exists()


def _record_outside_changes(tenant: Tenant, before: Values, after: Values) -> None:
    changes = diff(before, after)
    if not changes:
        return
    record(
        Kind.SETTINGS_SEEN_CHANGED,
        tenant=tenant.ref,
        subject=", ".join(change.setting.label for change in changes),
        before=before,
        after=after,
        detail={
            "changed": [change.name for change in changes],
            "names": name_table(tenant, changes),
            "explanation": "Changed in Lofty, not through this console. Seen when it was read.",
        },
    )
