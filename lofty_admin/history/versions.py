"""Reconstruct a tenant's settings at a point in time from the audit log."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from lofty_admin.agentsettings.changes import Values
from lofty_admin.agentsettings.fields import SETTINGS, Setting
from lofty_admin.agentsettings.models import Operation, SettingsSnapshot
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.models import AuditEvent, AuditIndex, mapping
from lofty_admin.audit.search.index import term
from lofty_admin.history.describe import SEEN, SETTINGS_KINDS
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import IS_TYPE, TYPES, differing
from lofty_admin.tenants.models import Tenant

SIDES = ("before", "after")


@dataclass(frozen=True)
class Version:
    """The settings as they were known at one time.

    read_at: when Lofty was read. event, side: where the log has them; None for the last reading.
    until: the next reading in the log; `moved`: whether that found other settings.
    """

    values: Mapping[str, JSON]
    read_at: datetime
    event: AuditEvent | None = None
    side: str = ""
    until: datetime | None = None
    moved: bool = False


def version_at(tenant: Tenant, at: datetime) -> Version | None:
    """Return what was known of the settings at a time; None before anything was.

    This is the newest reading up to then. If there is none, it is the "before" side of the first
    event after it: Lofty had these settings some time earlier, but they were not read then.
    """
    events = _readings(tenant)
    last = events.filter(at__lte=at).order_by("-seq").first()
    following = events.filter(at__gt=at).order_by("seq").first()
    next_one = _event(following)
    if (known := _event(last)) is None:
        found = next_one and _side(next_one, "before")
        return Version(found, next_one.at, next_one, "before") if next_one and found else None
    side = "after" if _side(known, "after") else "before"
    values = _side(known, side)
    before_next = _side(next_one, "before") if next_one else {}
    moved = bool(before_next) and bool(differing(values, before_next))
    return Version(values, known.at, known, side, next_one.at if next_one else None, moved)


def version_now(tenant: Tenant) -> Version | None:
    """Return the last reading of Lofty."""
    known = SettingsSnapshot.objects.filter(tenant=tenant).first()
    return Version(known.raw, known.read_at) if known else None


def version_of(event: AuditEvent, side: str) -> Version | None:
    """Return the settings on one side of an event; None if it does not hold them."""
    values = _side(event, side) if event.kind in SETTINGS_KINDS and side in SIDES else {}
    return Version(values, event.at, event, side) if values else None


def _readings(tenant: Tenant) -> QuerySet[AuditIndex]:
    return AuditIndex.objects.filter(tenant_id=tenant.id, kind__in=SEEN)


def _event(row: AuditIndex | None) -> AuditEvent | None:
    return AuditEvent.objects.get(seq=row.seq) if row else None


def _side(event: AuditEvent, side: str) -> Mapping[str, JSON]:
    return mapping(event.content.get(side))


def sendable(event: AuditEvent, side: str) -> dict[str, JSON]:
    """Return the editable settings on that side of an event, with the types Lofty takes.

    Values that cannot be sent (null, wrong types, texts recorded only in part) are left out.
    """
    if event.kind not in SETTINGS_KINDS:
        return {}
    values = _of_operation(event, side) or _of_record(event, side)
    return {name: v for name, v in values.items() if v is not None and IS_TYPE[TYPES[name]](v)}


def _of_operation(event: AuditEvent, side: str) -> dict[str, JSON]:
    """Return the exact settings from the save the event belongs to."""
    if event.operation_id is None or not _side(event, side):
        return {}
    operation = operation_of(event)
    if operation is None:
        return {}
    values = operation.after if side == "after" else operation.before or operation.base
    return {s.name: values.get(s.name) for s in SETTINGS} if values else {}


def operation_of(event: AuditEvent) -> Operation | None:
    """Return the save the event belongs to."""
    if event.operation_id is None or event.tenant_id is None:
        return None
    found = Operation.objects.filter(pk=event.operation_id, tenant_id=event.tenant_id)
    return found.first()


def undoing(event: AuditEvent) -> Values:
    """Return the former values of what this save changed; empty if nothing can be undone.

    `event` must be the outcome of the save.
    """
    operation = operation_of(event) if event.kind == Kind.SETTINGS_OUTCOME else None
    return operation.undoing if operation else {}


def _of_record(event: AuditEvent, side: str) -> dict[str, JSON]:
    """Return the settings from the record itself, without values it holds only cut or escaped."""
    values = _side(event, side)
    inexact = event.detail.get("inexact") or []
    return {
        s.name: _exact(s, values.get(s.name)) for s in SETTINGS if values and s.name not in inexact
    }


def _exact(setting: Setting, value: JSON) -> JSON:
    """Convert ids beyond 2^53 in a list, which the log holds as text (RFC 8785), to numbers."""
    if not setting.is_list or not isinstance(value, list):
        return value
    return [int(item) if _is_number_text(item) else item for item in value]


def _is_number_text(item: JSON) -> bool:
    return isinstance(item, str) and item.removeprefix("-").isdecimal()


def changed_since(event: AuditEvent, names: set[str]) -> dict[str, AuditEvent]:
    """Return the newest event that changed each of these settings in Lofty, if any did since."""
    rows = AuditIndex.objects.filter(
        tenant_id=event.tenant_id,
        seq__gt=event.seq,
        kind__in=SEEN,
        outcome__in=("", Outcome.VERIFIED),
    )
    found = {}
    for name in names:
        row = rows.filter(terms__contains=[term("setting", name)]).order_by("-seq").first()
        if row is not None:
            found[name] = AuditEvent.objects.defer("body").get(seq=row.seq)
    return found
