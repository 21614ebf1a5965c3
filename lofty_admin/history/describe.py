"""Describe one event in words: what changed, with the names of that time."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from lofty_admin.agentsettings.changes import Change, diff
from lofty_admin.agentsettings.display.rows import Row, change_rows
from lofty_admin.agentsettings.hours import NAMES as OF_HOURS
from lofty_admin.agentsettings.hours import HoursChange, hours_change
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.models import AuditEvent, mapping
from lofty_admin.core.visible import visible
from lofty_admin.lofty.json_strict import JSON

SEEN = (Kind.SETTINGS_OUTCOME, Kind.SETTINGS_SEEN_CHANGED)  # events with what Lofty had afterwards
SETTINGS_KINDS = (Kind.SETTINGS_INTENT, Kind.SETTINGS_REFUSED, *SEEN)


# Subjects in the console's own words, marked for translation.
_RECORDED = (
    (
        re.compile(r"(?P<kind>.+) ending in (?P<end>.{1,4})"),
        gettext_noop("%(kind)s ending in %(end)s"),
    ),
    (re.compile(r"lead source (?P<id>[0-9]+)"), gettext_noop("lead source %(id)s")),
    (re.compile(r"List of (?P<at>[0-9: -]+) UTC"), gettext_noop("List of %(at)s UTC")),
    (re.compile(r"Audit log"), gettext_noop("Audit log")),
    (re.compile(r"an invitation"), gettext_noop("an invitation")),
)
# Properties whose value before and after is recorded, with their labels on a page.
_PROPERTIES = {
    "name": _("name"),
    "slug": _("short name"),
    "note": _("note"),
    "manual_only": _("manual only"),
    "groups": _("groups"),
    "email": _("e-mail address"),
    "role": _("role"),
    "superuser": _("superuser"),
    "kind": _("kind"),
    "version": _("version"),
    "last_four": _("last four characters"),
    "lofty_user": _("Lofty user"),
    "sales_agent_id": _("Sales Agent"),
}


@dataclass(frozen=True)
class Related:
    """Other events: those of the same change, and further ones of the same request."""

    change: Sequence[AuditEvent]
    request: Sequence[AuditEvent]


def related(event: AuditEvent, visible: Iterable[AuditEvent]) -> Related:
    """Sort events that share a change or a request with this one."""
    others = [other for other in visible if other.pk != event.pk]
    change = [o for o in others if event.operation_id and o.operation_id == event.operation_id]
    return Related(change, [other for other in others if other not in change])


def event_rows(event: AuditEvent) -> list[Row]:
    """Return each changed setting before and after; for other events, each property."""
    if event.kind in SETTINGS_KINDS:
        names = cast("dict[str, dict[str, str]]", mapping(event.detail.get("names")))
        after = event.content.get("after")
        return change_rows(event_changes(event), names, mapping(after) if after else None)
    return _plain_rows(event.content)


def event_changes(event: AuditEvent) -> list[Change]:
    """Return what a settings event changed or tried to; then what else differed afterwards."""
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
    """Return the week before and after, if the event changed hours or days."""
    if event.kind not in SETTINGS_KINDS:
        return None
    changed = {change.name: change.after for change in event_changes(event)}
    if OF_HOURS.isdisjoint(changed):
        return None
    before, after = mapping(event.content.get("before")), event.content.get("after")
    return hours_change(before, {**before, **changed}, mapping(after) if after else None, zone)


def subject_in_words(event: AuditEvent) -> str:
    """Return what the event is about, for a page.

    Subjects are recorded in English; those in the console's own words are translated.
    """
    text = event.subject
    if event.kind in SETTINGS_KINDS:
        return ", ".join(gettext(part) if part else "" for part in text.split(", "))
    for pattern, words in _RECORDED:
        if match := pattern.fullmatch(text):
            parts = match.groupdict()
            if "kind" in parts:
                parts["kind"] = gettext(parts["kind"])
            return gettext(words) % parts
    return text


def _plain_rows(content: Mapping[str, Any]) -> list[Row]:
    before, after = mapping(content.get("before")), mapping(content.get("after"))
    return [
        Row(
            name=key,
            label=str(_PROPERTIES.get(key) or key.replace("_", " ")),
            before=_text(before.get(key)),
            after=_text(after.get(key)),
        )
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    ]


def _text(value: JSON) -> str:
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if value is None:
        return "—"
    return visible(str(value)) if value != "" else gettext("empty")
