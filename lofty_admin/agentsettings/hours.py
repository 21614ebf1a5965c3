"""Describe when the assistant is active: the week hour by hour, and in one sentence.

Pure functions over startActiveHour, endActiveHour, and activeDays in settings as Lofty has them: 0
is Sunday, no days means every day, a window that ends before its start continues past midnight (not
documented). Where Lofty's documentation leaves the meaning open, or a value is missing or
unexpected, the hours are UNCLEAR; nothing here raises.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import TypeGuard

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from lofty_admin.agentsettings.fields import DAYS, HOURS, hour_in_short, hour_text
from lofty_admin.core.visible import visible
from lofty_admin.lofty.json_strict import JSON

NAMES = frozenset({"startActiveHour", "endActiveHour", "activeDays"})
NOON, MIDNIGHT = 12, 24
_FROM_MONDAY = (1, 2, 3, 4, 5, 6, 0)
_Values = Mapping[str, JSON]


class Activity(StrEnum):
    """What is known of some hours. Hours without a value are hours off."""

    ACTIVE = "active"
    UNCLEAR = "unclear"


_RANK: Mapping[Activity | None, int] = {None: 0, Activity.UNCLEAR: 1, Activity.ACTIVE: 2}


@dataclass(frozen=True)
class Run:
    """The hours from `start` until before `end` of one day, 0 <= start < end <= 24.

    `is_tail`: they belong to the night that began the day before.
    """

    kind: Activity
    start: int
    end: int
    is_tail: bool = False

    @property
    def hours(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Day:
    """One day, 0 = Sunday, with its runs: in order and never overlapping."""

    number: int
    runs: tuple[Run, ...]

    @property
    def name(self) -> str:
        """Return three letters: "Sun"."""
        return capfirst(_day(self.number, 3))


@dataclass(frozen=True)
class Week:
    """Seven days from Sunday on, and the same as a sentence for users and screen readers."""

    days: tuple[Day, ...]
    sentence: str

    @property
    def is_unclear(self) -> bool:
        return any(run.kind is Activity.UNCLEAR for day in self.days for run in day.runs)


@dataclass(frozen=True)
class HoursChange:
    """The week before and after; `now`: what Lofty has afterwards, if that differs."""

    before: Week
    after: Week
    now: Week | None = None


def week(values: _Values, zone: str = "") -> Week:
    """Return the week. `zone`: the tenant's time zone as Lofty names it, "" if unknown."""
    chosen = _chosen(values.get("activeDays"))
    parts = _parts(values.get("startActiveHour"), values.get("endActiveHour"))
    return Week(tuple(_days(chosen, parts)), in_words(values, zone))


def week_without_days(values: _Values, zone: str = "") -> Week:
    """Return the week while a user has picked no day yet: an empty list would mean every day."""
    hours = _hours_in_words(values.get("startActiveHour"), values.get("endActiveHour"))
    sentence = ", ".join([_("No days selected yet"), hours, _zone(zone)])
    return Week(tuple(Day(number, ()) for number in DAYS), sentence)


def hours_change(
    before: _Values, after: _Values, now: _Values | None = None, zone: str = ""
) -> HoursChange:
    """Return the week before and after.

    `now`: the settings read back, if any; their week is left out if it equals that of `after`.
    """
    wanted, found = week(after, zone), None if now is None else week(now, zone)
    return HoursChange(week(before, zone), wanted, None if found == wanted else found)


def is_hour(value: JSON) -> TypeGuard[int]:
    return type(value) is int and value in HOURS


def known_days(value: JSON) -> list[int] | None:
    """Return the days of a list, each once and in order; None if it is no list of valid days."""
    if not isinstance(value, list) or not all(map(_is_day, value)):
        return None
    return sorted(set(value))


def is_overnight(start: int, end: int) -> bool:
    """Return whether the window reaches into the next day: one until midnight does not."""
    return 0 < end < start


def in_short(start: int | None, end: int | None, days: Sequence[int] | None) -> str:
    """Return hours and days for a line of a list: "Mon–Fri 8 AM–8 PM"; "" when neither is known.

    None and unexpected values are unknown, so they are left out. Agrees with the sentence, but is
    shorter.
    """
    known = {day for day in days if _is_day(day)} if days is not None else set()
    parts = []
    if days == [] or len(known) == len(DAYS):
        parts.append(_("Every day"))
    elif known:
        parts.append(capfirst(", ".join(_spans(known, in_short=True))))
    if is_hour(start) and is_hour(end):
        window = f"{hour_in_short(start)}–{hour_in_short(end)}"
        night = is_overnight(start, end)
        parts.append(_("%(hours)s, overnight") % {"hours": window} if night else window)
        if start == end:
            parts.append(_("(unclear)"))
    return " ".join(parts)


# --- Added hours ----------------------------------------------------------------------------------
def more_hours(before: _Values, after: _Values) -> frozenset[tuple[int, int]]:
    """Return the (day, hour) pairs that become active, or may become so: of 7 x 24.

    Unclear hours that become active count; hours that stay unclear do not.
    """
    old, new = _grid(before), _grid(after)
    return frozenset(at for at, kind in new.items() if _RANK[kind] > _RANK.get(old.get(at), 0))


def more_hours_in_words(before: _Values, after: _Values) -> str:
    """Return how much longer the assistant is active, "" if it is not."""
    more, old, new = more_hours(before, after), _grid(before), _grid(after)
    if not more:
        return ""
    if any(new[at] is Activity.UNCLEAR or at in old for at in more):
        message = _("May be active longer: %(after)s instead of %(before)s")
        return message % {"after": _without_zone(after), "before": _without_zone(before)}
    old_days, days = _day_set(before), _day_set(after)
    is_longer = set(old) <= set(new)
    if old_days == days:
        return _longer_days(before, after, len(more) // len(days), is_longer=is_longer)
    if is_longer and _window(before) == _window(after):
        added = days - old_days
        message = ngettext(
            "Active on %(count)s more day: %(days)s",
            "Active on %(count)s more days: %(days)s",
            len(added),
        )
        return message % {"count": len(added), "days": _listed(list(_spans(added)))}
    message = ngettext(
        "Active %(count)s more hour a week: %(after)s instead of %(before)s",
        "Active %(count)s more hours a week: %(after)s instead of %(before)s",
        len(more),
    )
    values = {"count": len(more), "after": _without_zone(after), "before": _without_zone(before)}
    return message % values


def _longer_days(before: _Values, after: _Values, count: int, *, is_longer: bool) -> str:
    if is_longer:
        message = ngettext(
            "Active %(count)s more hour a day: %(after)s instead of %(before)s",
            "Active %(count)s more hours a day: %(after)s instead of %(before)s",
            count,
        )
    else:
        message = ngettext(
            "Active %(count)s new hour a day: %(after)s instead of %(before)s",
            "Active %(count)s new hours a day: %(after)s instead of %(before)s",
            count,
        )
    return message % {"count": count, "after": _window(after), "before": _window(before)}


def _without_zone(values: _Values) -> str:
    """Return days and hours, without the time zone."""
    start, end = values.get("startActiveHour"), values.get("endActiveHour")
    return f"{_days_in_words(values.get('activeDays'))}, {_hours_in_words(start, end)}"


def _window(values: _Values) -> str:
    start, end = values.get("startActiveHour"), values.get("endActiveHour")
    return in_short(start if is_hour(start) else None, end if is_hour(end) else None, None)


def _day_set(values: _Values) -> set[int]:
    return set(known_days(values.get("activeDays")) or DAYS)


def _grid(values: _Values) -> dict[tuple[int, int], Activity]:
    """Return (day, hour) -> what is known of it, for the hours that are not off."""
    return {
        (day.number, hour): run.kind
        for day in week(values).days
        for run in day.runs
        for hour in range(run.start, run.end)
    }


# --- The week -------------------------------------------------------------------------------------
def _chosen(days: JSON) -> dict[int, Activity]:
    """Return the selected days, by how certain that is."""
    if not isinstance(days, list):
        return dict.fromkeys(DAYS, Activity.UNCLEAR)
    known = [day for day in days if _is_day(day)]
    if not days:
        return dict.fromkeys(DAYS, Activity.ACTIVE)
    # A day the console does not know may be any of the others.
    rest = dict.fromkeys(DAYS, Activity.UNCLEAR) if len(known) < len(days) else {}
    return {**rest, **dict.fromkeys(known, Activity.ACTIVE)}


def _is_day(value: JSON) -> TypeGuard[int]:
    return type(value) is int and value in DAYS


def _parts(start: JSON, end: JSON) -> tuple[Run, ...]:
    """Return one window as runs: its first day, and the tail on the next if there is one."""
    if not (is_hour(start) and is_hour(end)) or start == end:
        return (Run(Activity.UNCLEAR, 0, MIDNIGHT),)
    if not is_overnight(start, end):
        return (Run(Activity.ACTIVE, start, end or MIDNIGHT),)
    return (Run(Activity.ACTIVE, start, MIDNIGHT), Run(Activity.ACTIVE, 0, end, is_tail=True))


def _days(chosen: Mapping[int, Activity], parts: tuple[Run, ...]) -> Iterator[Day]:
    for number in DAYS:
        runs = []
        for part in parts:
            first = (number - 1) % 7 if part.is_tail else number
            if first in chosen:
                kind = max(chosen[first], part.kind)
                runs.append(Run(kind, part.start, part.end, part.is_tail))
        yield Day(number, tuple(sorted(runs, key=lambda run: run.start)))


# --- The sentence ---------------------------------------------------------------------------------
def in_words(values: _Values, zone: str = "") -> str:
    """Return, for example, "Monday to Friday, 8 AM to 8 PM, America/Los_Angeles"."""
    start, end = values.get("startActiveHour"), values.get("endActiveHour")
    parts = (_days_in_words(values.get("activeDays")), _hours_in_words(start, end))
    return ", ".join([*parts, _zone(zone)])


def _zone(name: str) -> str:
    return visible(name) or _("unknown time zone")


def _hours_in_words(start: JSON, end: JSON) -> str:
    if start is None and end is None:
        return _("hours not set in Lofty")
    if not (is_hour(start) and is_hour(end)):
        return _("hours unclear")
    hours = _("%(start)s to %(end)s") % {"start": hour_text(start), "end": hour_text(end)}
    if start == end:
        return _("%(hours)s (could mean all day, or never)") % {"hours": hours}
    if not is_overnight(start, end):
        return hours
    if end <= NOON:
        return _("%(hours)s the next morning") % {"hours": hours}
    return _("%(hours)s the next day") % {"hours": hours}


def _days_in_words(days: JSON) -> str:
    if days is None:
        return _("Days not set in Lofty")
    known = {day for day in days if _is_day(day)} if isinstance(days, list) else set()
    if days == [] or len(known) == len(DAYS):
        return _("Every day")
    if not known or not isinstance(days, list):
        return _("Days unclear")
    spans = list(_spans(known))
    if not all(map(_is_day, days)):
        spans.append(_("an unrecognized day"))
    return capfirst(_listed(spans))


def _spans(days: set[int], *, in_short: bool = False) -> Iterator[str]:
    """Yield days, three or more in a row as "Monday to Friday" or "Mon–Fri", weekends too."""
    letters, to = (3, "%(first)s–%(last)s") if in_short else (None, _("%(first)s to %(last)s"))
    for first in _FROM_MONDAY:
        if first in days and (first - 1) % 7 not in days:
            row = list(takewhile(days.__contains__, ((first + step) % 7 for step in range(7))))
            names = [_day(day, letters) for day in row]
            span = {"first": names[0], "last": names[-1]}
            yield from names if len(names) < 3 else [to % span]


def _day(number: int, letters: int | None) -> str:
    return str(DAYS[number])[:letters]


def _listed(texts: Iterable[str]) -> str:
    *others, last = texts
    if not others:
        return last
    return _("%(others)s and %(last)s") % {"others": ", ".join(others), "last": last}
