"""Rows of tables for users: changes, conflicts, and whole settings, in names and words."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from lofty_admin.agentsettings.changes import (
    Change,
    Conflict,
    Difference,
    Merge,
    Values,
)
from lofty_admin.agentsettings.display.naming import (
    NameTable,
    is_unnamed,
    member_words,
    name_table,
    names_in,
    words,
)
from lofty_admin.agentsettings.display.widening_words import widening_in_words
from lofty_admin.agentsettings.fields import BY_NAME, SETTINGS, Setting
from lofty_admin.agentsettings.widening import Widening
from lofty_admin.core.visible import visible
from lofty_admin.directory.models import EntryKind
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import means_all, same
from lofty_admin.tenants.models import Tenant

# What Lofty sends in addition to the settings, as the settings page calls it.
PROPERTIES = {"hostedStatus": _lazy("Hosting status"), "headUrl": _lazy("Avatar")}


@dataclass(frozen=True)
class Member:
    """One entry of a list: its name, and its id for the tooltip."""

    id: str
    name: str


@dataclass(frozen=True)
class Row:
    """One setting before and after, in words. `now` is what Lofty has after a save, if it differs.

    added and removed: members by name, where both sides are lists of single members; before_count,
    after_count, and now_count: how many those sides have, else 0. unnamed: ids of lead sources
    without a name. confirm: how it reaches further, where a user has to confirm that.
    """

    name: str
    label: str
    before: str
    after: str
    added: tuple[Member, ...] = ()
    removed: tuple[Member, ...] = ()
    before_count: int = 0
    after_count: int = 0
    now: str = ""
    now_count: int = 0
    unnamed: tuple[str, ...] = ()
    confirm: str = ""

    @property
    def members(self) -> list[tuple[str, Member]]:
        """Return the members that are removed ("-") and added ("+")."""
        return [("-", member) for member in self.removed] + [("+", m) for m in self.added]


def rows_of(tenant: Tenant, changes: Iterable[Change], found: Values | None = None) -> list[Row]:
    """Return a row for each change. `found`: the settings read back, to show where they differ."""
    changes = list(changes)
    return change_rows(changes, name_table(tenant, changes), found)


def change_rows(
    changes: Iterable[Change], table: NameTable, found: Values | None = None
) -> list[Row]:
    """Return rows like `rows_of`, with names that are known already (stored with an event)."""
    return [_row(change, table, found) for change in changes]


def widening_rows(tenant: Tenant, widenings: Iterable[Widening]) -> list[Row]:
    """Return the rows of what reaches further; the first of each says how, to be confirmed."""
    widenings = list(widenings)
    table = name_table(tenant, [change for widening in widenings for change in widening.changes])
    rows = []
    for widening in widenings:
        first, *others = change_rows(widening.changes, table)
        rows += [replace(first, confirm=widening_in_words(widening, table)), *others]
    return rows


def _row(change: Change, table: NameTable, found: Values | None) -> Row:
    setting = change.setting
    now = ""
    if found is not None and not same(change.name, change.after, found.get(change.name)):
        now = words(setting, found.get(change.name), table)
    counts = _count(setting, change.before), _count(setting, change.after)
    listed = all(counts)
    return Row(
        name=change.name,
        label=setting.label,
        before=words(setting, change.before, table),
        after=words(setting, change.after, table),
        added=_members(setting, change.added, table) if listed else (),
        removed=_members(setting, change.removed, table) if listed else (),
        before_count=counts[0],
        after_count=counts[1],
        now=now,
        now_count=_count(setting, found.get(change.name)) if found is not None and now else 0,
        unnamed=_unnamed(setting, [change.before, change.after], table),
    )


def _unnamed(setting: Setting, values: Iterable[JSON], table: NameTable) -> tuple[str, ...]:
    """Return the lead sources without a name: Lofty does not name them, so a user has to."""
    if setting.entries is not EntryKind.SOURCE:
        return ()
    ids = (item for value in values if isinstance(value, list) for item in value)
    strange = (str(i) for i in ids if type(i) is int and i > 0)
    known = table.get(setting.name, {})
    return tuple(dict.fromkeys(i for i in strange if is_unnamed(i, known.get(i))))


def _count(setting: Setting, value: JSON) -> int:
    """Return how many single members a list has; 0 if it stands for all of them, or is none."""
    if not setting.is_list or not isinstance(value, list) or means_all(setting.name, value):
        return 0
    return len(value)


def _members(setting: Setting, items: Iterable[JSON], table: NameTable) -> tuple[Member, ...]:
    items = list(items)
    names = member_words(setting, items, table)
    return tuple(Member(visible(str(item)), name) for item, name in zip(items, names, strict=True))


def unnamed_sources(tenant: Tenant, values: Values, known: Mapping[str, str]) -> tuple[str, ...]:
    """Return the ids of the lead sources among these settings that have no name.

    known: id as text -> name, of those that were looked up already; the others are looked up here.
    """
    setting, value = BY_NAME["leadSources"], values.get("leadSources")
    others = [i for i in value if str(i) not in known] if isinstance(value, list) else []
    table = {**known, **names_in(tenant, setting, [others])}
    return _unnamed(setting, [value], {setting.name: table})


def other_rows(tenant: Tenant, found: Iterable[Difference]) -> list[Row]:
    """Return what else a save changed: settings in words, other properties as Lofty has them."""
    found = list(found)
    named = [Change(one.setting, one.before, one.after) for one in found if one.setting]
    return rows_of(tenant, named) + [_property_row(one) for one in found if not one.setting]


def _property_row(one: Difference) -> Row:
    label = PROPERTIES.get(one.name) or visible(one.name)
    before = _("not present") if one.is_new else _as_text(one.before)
    after = _("no longer present") if one.is_gone else _as_text(one.after)
    return Row(name=one.name, label=str(label), before=before, after=after)


def _as_text(value: JSON) -> str:
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def setting_rows(tenant: Tenant, values: Values) -> list[Row]:
    """Return every setting with its current value, read-only."""
    table = name_table(tenant, [Change(s, None, values.get(s.name)) for s in SETTINGS])
    return [Row(s.name, s.label, words(s, values.get(s.name), table), "") for s in SETTINGS]


def merge_rows(tenant: Tenant, merged: Merge) -> dict[str, list[Row]]:
    """Return what both sides of a three-way merge can have."""
    return {
        "theirs": rows_of(tenant, merged.theirs),
        "mine": rows_of(tenant, merged.mine),
        "agreed": rows_of(tenant, merged.agreed),
    }


def conflict_rows(tenant: Tenant, conflicts: Iterable[Conflict]) -> list[Row]:
    """Return base, theirs, and mine of each conflict, in words."""
    rows = []
    for conflict in conflicts:
        setting = conflict.setting
        sides = (conflict.base, conflict.theirs, conflict.mine)
        table = {setting.name: names_in(tenant, setting, sides)}
        rows.append(
            Row(
                name=setting.name,
                label=setting.label,
                before=words(setting, conflict.base, table),
                now=words(setting, conflict.theirs, table),
                after=words(setting, conflict.mine, table),
            )
        )
    return rows
