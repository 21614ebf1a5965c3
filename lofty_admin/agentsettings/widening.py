"""Find changes that reach further than before: more users, leads, channels, or hours.

Each one is confirmed on its own before it is sent. Pure functions over settings.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lofty_admin.agentsettings.changes import Change, Values, diff, reaches_all
from lofty_admin.agentsettings.hours import NAMES as OF_HOURS
from lofty_admin.agentsettings.hours import more_hours

SWITCHES = frozenset(
    {"websiteChannel", "textChannel", "emailChannel", "newLeadEnable", "visitorsEnable"}
)
# The restricting value of a choice; all other values, also unknown ones, reach further.
RESTRICTED = {"callTransferType": "Disabled", "followUpRole": "Agent"}


@dataclass(frozen=True)
class Widening:
    """One way in which a change reaches further than before.

    changes: the settings that cause it: one, or those of the active hours together. before and
    after: all settings, which the hours are read from.
    """

    changes: tuple[Change, ...]
    before: Values
    after: Values

    @property
    def name(self) -> str:
        """Return the name of the checkbox that confirms it."""
        return self.changes[0].name


def widenings(before: Values, after: Values) -> tuple[Widening, ...]:
    """Return every way in which `after` reaches further than `before`, in the page's order."""
    return tuple(Widening(changes, before, after) for changes in _widening_changes(before, after))


def _widening_changes(before: Values, after: Values) -> Iterator[tuple[Change, ...]]:
    changes = diff(before, after)
    of_hours = tuple(change for change in changes if change.name in OF_HOURS)
    for change in changes:
        if change.name in OF_HOURS:
            if change is of_hours[0] and more_hours(before, after):
                yield of_hours
        elif _widens(change):
            yield (change,)


def _widens(change: Change) -> bool:
    if change.name in SWITCHES:
        return change.after is True
    if change.name in RESTRICTED:
        return change.after is not None and change.after != RESTRICTED[change.name]
    if not change.setting.is_list or reaches_all(change.name, change.before):
        return False
    return reaches_all(change.name, change.after) or bool(change.added)
