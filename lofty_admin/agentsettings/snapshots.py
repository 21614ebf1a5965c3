"""Read the settings from Lofty, store a snapshot, and detect changes made in Lofty."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import override

from lofty_admin.agentsettings.changes import Change, Values, diff
from lofty_admin.agentsettings.display.naming import name_table
from lofty_admin.agentsettings.fields import BY_NAME
from lofty_admin.agentsettings.hours import is_hour, known_days
from lofty_admin.agentsettings.models import Operation, SettingsSnapshot, State
from lofty_admin.agentsettings.plans import Snapshot
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.log.canonical import canonical
from lofty_admin.audit.log.record import record
from lofty_admin.audit.proof.restore_guard import cached_state
from lofty_admin.core import clocks
from lofty_admin.core.searching import folded
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import Settings, same
from lofty_admin.tenants.credentials.api_client import client_for
from lofty_admin.tenants.credentials.sales_agent import require_agent
from lofty_admin.tenants.models import Tenant


def read_live(tenant: Tenant) -> Snapshot:
    """Read the settings with one GET.

    Raises LoftyError, ConnectionUnavailable before anything is sent, and its subclass WrongAgent
    when the token opens another Sales Agent than the tenant's. While the console is read-only,
    nothing is stored or recorded: the save that explains a difference may be among the lost
    records.
    """
    asked_at = timezone.now()
    snapshot = Snapshot(client_for(tenant).get_settings(), timezone.now())
    require_agent(tenant, snapshot.settings.id)
    if not cached_state().is_read_only:
        store_snapshot(tenant, snapshot.settings, asked_at)
    return snapshot


def store_snapshot(
    tenant: Tenant, found: Settings, asked_at: datetime, *, expected: Values | None = None
) -> None:
    """Store these settings as the snapshot, and record changes that no save here explains.

    asked_at: before the request to Lofty. expected: what Lofty should have after this console's
    changes; without it, the last snapshot. An answer that may be older than one of our saves, or
    than the snapshot, is ignored.
    """
    if expected is None and _is_known(tenant, found, asked_at):
        return
    with transaction.atomic():
        known = SettingsSnapshot.objects.select_for_update().filter(tenant=tenant).first()
        if known is None:
            SettingsSnapshot.objects.get_or_create(
                tenant=tenant, defaults={**summary_fields(found.raw), "read_at": timezone.now()}
            )
            return
        is_newer = asked_at < known.read_at and not clocks.is_ahead(known.read_at, asked_at)
        if expected is None and (is_newer or _may_be_ours(tenant, asked_at)):
            return
        before = known.raw if expected is None else expected
        SettingsSnapshot.objects.filter(pk=known.pk).update(
            **summary_fields(found.raw), read_at=timezone.now()
        )
        if before.get("id") == found.id:
            _record_unexplained(tenant, before, found.raw)


def _is_known(tenant: Tenant, found: Settings, asked_at: datetime) -> bool:
    """Return whether nothing changed, which is usual. Then store the time in a single statement."""
    as_known = SettingsSnapshot.objects.filter(tenant=tenant, raw=found.raw, read_at__lte=asked_at)
    return bool(as_known.update(read_at=timezone.now()))


def summary_fields(raw: Values) -> dict[str, Any]:
    """Return `raw`, and the columns of SettingsSnapshot that copy parts of it."""
    name, start, end = (raw.get(n) for n in ("assistantName", "startActiveHour", "endActiveHour"))
    agent_name = _storable(name)[:200] if isinstance(name, str) else ""
    return {
        "raw": raw,
        "agent_name": agent_name,
        "agent_folded": folded(agent_name),
        "text_channel": _yes_or_no(raw.get("textChannel")),
        "email_channel": _yes_or_no(raw.get("emailChannel")),
        "website_channel": _yes_or_no(raw.get("websiteChannel")),
        "start_hour": start if is_hour(start) else None,
        "end_hour": end if is_hour(end) else None,
        "active_days": known_days(raw.get("activeDays")),
    }


def _storable(text: str) -> str:
    """Return the text without what PostgreSQL refuses; the page spells out what is invisible."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")


def _yes_or_no(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _may_be_ours(tenant: Tenant, asked_at: datetime) -> bool:
    """Return whether a save of ours was in flight when Lofty was asked, or still is."""
    soon = timezone.now() + clocks.SKEW
    unsettled_then = Q(settled_at=None) | Q(settled_at__gt=asked_at, settled_at__lte=soon)
    return Operation.objects.filter(unsettled_then, tenant=tenant, sent_at__isnull=False).exists()


def _record_unexplained(tenant: Tenant, before: Values, after: Values) -> None:
    changes = diff(before, after)
    if not changes:
        return
    with override(settings.LANGUAGE_CODE):
        record(
            Kind.SETTINGS_SEEN_CHANGED,
            tenant=tenant.ref,
            subject=", ".join(change.setting.label for change in changes),
            before=before,
            after=after,
            detail={
                "changed": [change.name for change in changes],
                "names": name_table(tenant, changes),
                "explanation": _explanation(tenant, changes),
                "inexact": [
                    n for n in BY_NAME if not (_exact(before.get(n)) and _exact(after.get(n)))
                ],
            },
        )


def _explanation(tenant: Tenant, changes: Iterable[Change]) -> str:
    """Return a sentence that credits a save recorded as not applied, or says that none fits."""
    saves = Operation.objects.filter(
        tenant=tenant, state__in=[State.NOT_APPLIED, State.REJECTED], sent_at__isnull=False
    )
    newest = saves.order_by("-sent_at").first()
    if newest is not None and all(
        change.name in newest.intended
        and same(change.name, newest.intended[change.name], change.after)
        for change in changes
    ):
        return (
            f"Lofty now has the settings of the save on {newest.sent_at:%Y-%m-%d %H:%M} UTC "
            f"by {newest.actor_name}, which had appeared not to be applied."
        )
    return "Differs from the last read settings, and no save of this console explains it."


def _exact(value: JSON) -> bool:
    """Return whether the record holds this text exactly: it cuts long ones and escapes some."""
    return not isinstance(value, str) or json.loads(canonical(value)) == value
