"""What changes, what it means and what looks wrong: pure functions over settings.

Settings are mappings of Lofty's property names to JSON values; a property that is missing and one
that is None mean the same ("not set in Lofty"). Nothing here reads a database or a network.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

import phonenumbers
from django.utils.translation import gettext as _

from lofty_admin.agentsettings.fields import BY_NAME, DAYS, SETTINGS, Setting, hour_text
from lofty_admin.agentsettings.hours import is_hour, is_overnight
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
        """Of a list: what comes in, in its order."""
        return _without(self.after, self.before)

    @property
    def removed(self) -> list[JSON]:
        """Of a list: what goes, in its order."""
        return _without(self.before, self.after)

    @property
    def widens(self) -> bool:
        """Whether it reaches further than before: from some, or none, to all."""
        return reaches_all(self.name, self.after) and not reaches_all(self.name, self.before)


def _without(items: JSON, others: JSON) -> list[JSON]:
    gone = others if isinstance(others, list) else []
    return [item for item in items if item not in gone] if isinstance(items, list) else []


def reaches_all(name: str, value: JSON) -> bool:
    """Whether a list stands for everything: by Lofty's rule, or as all seven days spelt out."""
    if name == "activeDays" and isinstance(value, list):
        return not value or set(map(str, value)) >= set(map(str, EVERY_DAY))
    return means_all(name, value)


def diff(before: Values, after: Values) -> tuple[Change, ...]:
    """The settings that differ, in the order of the page."""
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
    """Every property of Lofty's answer that differs, settings first: whether a PUT replaces what it
    does not name is not documented, so nothing is left out of the comparison."""
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
    """Whose value a conflict is settled with."""

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
    """A three-way merge: what both can have, and what a person must choose.

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


def settle(theirs: Values, merged: Merge, choices: Mapping[str, Side]) -> dict[str, JSON]:
    """The values to review after a merge: theirs, plus what only I changed, plus my choices.

    Raises KeyError with the name of a conflict nobody chose a side for.
    """
    after = dict(theirs)
    after.update({change.name: change.after for change in merged.mine})
    for conflict in merged.conflicts:
        if choices[conflict.setting.name] is Side.MINE:
            after[conflict.setting.name] = conflict.mine
    return after


@dataclass(frozen=True)
class Caution:
    """Something that looks wrong in the settings as they would be. Never stops a save."""

    names: tuple[str, ...]
    text: str


def lint(after: Values) -> tuple[Caution, ...]:
    """What a careful colleague would point at in these settings."""
    return (
        tuple(_channels(after))
        + tuple(_hours(after))
        + tuple(_numbers(after))
        + tuple(_access(after))
    )


def _channels(after: Values) -> Iterable[Caution]:
    names = ("websiteChannel", "textChannel", "emailChannel")
    if all(after.get(name) is False for name in names):
        yield Caution(names, _("All three channels are off: the assistant cannot reach anybody."))
    if after.get("textChannel") is True and not after.get("virtualNumber"):
        yield Caution(
            ("textChannel", "virtualNumber"),
            _("Text messages are on, but there is no number to text from."),
        )
    if after.get("newLeadEnable") is False and after.get("visitorsEnable") is False:
        yield Caution(
            ("newLeadEnable", "visitorsEnable"),
            _("It follows up neither new leads nor website visitors."),
        )


def _hours(after: Values) -> Iterable[Caution]:
    names = ("startActiveHour", "endActiveHour")
    start, end = (after.get(name) for name in names)
    if not (is_hour(start) and is_hour(end)):
        return
    if start == end:
        yield Caution(
            names,
            _(
                "It starts and ends at %(hour)s: unclear in Lofty's documentation, it may mean all"
                " day or never."
            )
            % {"hour": hour_text(start)},
        )
    elif is_overnight(start, end):
        yield Caution(names, _("Active overnight: from one day into the next."))


def _numbers(after: Values) -> Iterable[Caution]:
    region = after.get("virtualNumberCountry")
    for name in ("virtualNumber", "fixedNumber"):
        number = after.get(name)
        if isinstance(number, str) and number and not _is_valid(number, region):
            yield Caution(
                (name,),
                _("%(label)s: “%(number)s” does not look like a valid phone number.")
                % {"label": BY_NAME[name].label, "number": printable(number)},
            )


def printable(text: str) -> str:
    """Text of Lofty's that any page can show: halves of characters and NUL are spelt out."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")


def _is_valid(number: str, region: JSON) -> bool:
    try:
        parsed = phonenumbers.parse(number, region if isinstance(region, str) else None)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number(parsed)


def _access(after: Values) -> Iterable[Caution]:
    for setting in SETTINGS:
        if setting.is_access_list and after.get(setting.name) == []:
            yield Caution(
                (setting.name,),
                _(
                    "%(label)s: an empty list. Lofty does not document what that means; most likely"
                    " nobody."
                )
                % {"label": setting.label},
            )


def new_warnings(before: Values, after: Values) -> tuple[Caution, ...]:
    """The warnings about `after`, those that this change brings first."""
    old = set(lint(before))
    return tuple(sorted(lint(after), key=lambda warning: warning in old))
