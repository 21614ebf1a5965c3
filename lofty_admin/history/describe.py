"""One event in words: what changed, with the names of its day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.utils.translation import gettext

from lofty_admin.agentsettings.changes import Change, diff
from lofty_admin.agentsettings.hours import NAMES as OF_HOURS
from lofty_admin.agentsettings.hours import HoursChange, hours_change
from lofty_admin.agentsettings.rows import Row, change_rows
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.models import AuditEvent, mapping
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.visible import visible

SEEN = (Kind.SETTINGS_OUTCOME, Kind.SETTINGS_SEEN_CHANGED)  # with what Lofty had afterwards
SETTINGS_KINDS = (Kind.SETTINGS_INTENT, Kind.SETTINGS_REFUSED, *SEEN)


@dataclass(frozen=True)
class Related:
    """Other events: of the same change, and of the same request beyond that."""

    change: Sequence[AuditEvent]
    request: Sequence[AuditEvent]


def related(event: AuditEvent, visible: Iterable[AuditEvent]) -> Related:
    """Sort events that share a change or a request with this one."""
    others = [other for other in visible if other.pk != event.pk]
    change = [o for o in others if event.operation_id and o.operation_id == event.operation_id]
    return Related(change, [other for other in others if other not in change])


def event_rows(event: AuditEvent) -> list[Row]:
    """Per changed setting before and after; for other events, property by property."""
    if event.kind in SETTINGS_KINDS:
        names = cast("dict[str, dict[str, str]]", mapping(event.detail.get("names")))
        after = event.content.get("after")
        return change_rows(event_changes(event), names, mapping(after) if after else None)
    return _plain_rows(event.content)


def event_changes(event: AuditEvent) -> list[Change]:
    """What a settings event changed or wanted to; then what else differed afterwards."""
    content, detail = event.content, event.detail
    before = mapping(content.get("before"))
    wanted = mapping(detail.get("wanted")) or mapping(content.get("after"))
    meant = set(event.changed)
    after = {**before, **{name: wanted[name] for name in meant if name in wanted}}
    changes = list(diff(before, after))
    seen = content.get("after")
    if isinstance(seen, Mapping) and "wanted" in detail:
        changes += [c for c in diff(before, seen) if c.name not in meant]
    return changes


def event_hours(event: AuditEvent, zone: str = "") -> HoursChange | None:
    """The week before and after, if the event changed hours or days."""
    if event.kind not in SETTINGS_KINDS:
        return None
    changed = {change.name: change.after for change in event_changes(event)}
    if OF_HOURS.isdisjoint(changed):
        return None
    before, after = mapping(event.content.get("before")), event.content.get("after")
    return hours_change(before, {**before, **changed}, mapping(after) if after else None, zone)


def _plain_rows(content: Mapping[str, Any]) -> list[Row]:
    before, after = mapping(content.get("before")), mapping(content.get("after"))
    return [
        Row(
            name=key,
            label=key.replace("_", " "),
            before=_text(before.get(key)),
            after=_text(after.get(key)),
        )
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    ]


def _text(value: JSON) -> str:
    if value is None:
        return "—"
    return visible(str(value)) if value != "" else gettext("empty")
