"""Compare two states of the settings, and merge two edits: pure functions.

Settings are mappings of Lofty's property names to JSON values; a missing property and one that is
None mean the same ("not set in Lofty"). Nothing here reads a database or a network.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum

from lofty_admin.agentsettings.fields import BY_NAME, DAYS, SETTINGS, Setting
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import READ_ONLY, differing, means_all, same

Values = Mapping[str, JSON]
EVERY_DAY = frozenset(DAYS)


@dataclass(frozen=True)
class Change:
    """One setting that differs: `before` and `after` are values as Lofty has them."""

    setting: Setting
    before: JSON
    after: JSON

    @property
    def name(self) -> str:
        return self.setting.name

    @property
    def added(self) -> list[JSON]:
        """Return the members a list gains, in its order."""
        return _without(self.after, self.before)

    @property
    def removed(self) -> list[JSON]:
        """Return the members a list loses, in its order."""
        return _without(self.before, self.after)


def _without(items: JSON, others: JSON) -> list[JSON]:
    gone = {repr(item) for item in others} if isinstance(others, list) else set()
    return [item for item in items if repr(item) not in gone] if isinstance(items, list) else []


def reaches_all(name: str, value: JSON) -> bool:
    """Return whether a list means everything: by Lofty's rule, or as all seven days spelled out."""
    if name == "activeDays" and isinstance(value, list):
        return not value or set(map(str, value)) >= set(map(str, EVERY_DAY))
    return means_all(name, value)


def diff(before: Values, after: Values) -> tuple[Change, ...]:
    """Return the settings that differ, in the order of the page."""
    names = set(differing(before, after))
    return tuple(
        Change(setting, before.get(setting.name), after.get(setting.name))
        for setting in SETTINGS
        if setting.name in names
    )


@dataclass(frozen=True)
class Difference:
    """A property of Lofty's answer that differs; `setting` is None for one that is no setting.

    is_gone: Lofty no longer sends it. is_new: Lofty did not send it before.
    """

    name: str
    before: JSON
    after: JSON
    is_gone: bool = False
    is_new: bool = False

    @property
    def setting(self) -> Setting | None:
        return BY_NAME.get(self.name)


def differences(
    before: Values, after: Values, *, without: Collection[str] = ()
) -> tuple[Difference, ...]:
    """Return every property of Lofty's answer that differs, settings first.

    Whether a PUT replaces the properties it omits is not documented, so all are compared.
    """
    names = dict.fromkeys((*BY_NAME, *READ_ONLY, *sorted({*before, *after} - {*BY_NAME})))
    return tuple(
        Difference(
            name,
            before.get(name),
            after.get(name),
            is_gone=name in before and name not in after,
            is_new=name in after and name not in before,
        )
        for name in names
        if name not in without and not same(name, before.get(name), after.get(name))
    )


class Side(Enum):
    """The side whose value settles a conflict."""

    THEIRS = "theirs"
    MINE = "mine"


@dataclass(frozen=True)
class Conflict:
    """A setting that both sides changed since `base`, to different values."""

    setting: Setting
    base: JSON
    theirs: JSON
    mine: JSON


@dataclass(frozen=True)
class Merge:
    """A three-way merge: what both sides can have, and what a user must choose.

    theirs: settings only they changed; mine: settings only I changed; agreed: both, to the same.
    """

    theirs: tuple[Change, ...]
    mine: tuple[Change, ...]
    agreed: tuple[Change, ...]
    conflicts: tuple[Conflict, ...]


def merge(base: Values, theirs: Values, mine: Values) -> Merge:
    """Sort what changed on both sides since `base`. A list is one value: two edits conflict."""
    their_changes = {change.name: change for change in diff(base, theirs)}
    my_changes = {change.name: change for change in diff(base, mine)}
    both = [name for name in my_changes if name in their_changes]
    equal = {name for name in both if same(name, my_changes[name].after, their_changes[name].after)}
    return Merge(
        theirs=tuple(c for c in their_changes.values() if c.name not in both),
        mine=tuple(c for c in my_changes.values() if c.name not in both),
        agreed=tuple(my_changes[name] for name in both if name in equal),
        conflicts=tuple(
            Conflict(BY_NAME[n], base.get(n), their_changes[n].after, my_changes[n].after)
            for n in both
            if n not in equal
        ),
    )


def resolve_merge(theirs: Values, merged: Merge, choices: Mapping[str, Side]) -> dict[str, JSON]:
    """Return the values to review after a merge: theirs, plus what only I changed, plus my choices.

    Raises KeyError with the name of a conflict without a chosen side.
    """
    after = dict(theirs)
    after.update({change.name: change.after for change in merged.mine})
    for conflict in merged.conflicts:
        if choices[conflict.setting.name] is Side.MINE:
            after[conflict.setting.name] = conflict.mine
    return after
