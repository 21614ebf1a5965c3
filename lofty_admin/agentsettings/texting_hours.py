"""Warn when text messages may be sent outside the hours allowed in the United States.

Pure functions. Federal law allows 8 AM to 9 PM where the lead is; some states allow less. Lofty
documents neither whose time zone the active hours are in nor where the leads are. So this only ever
warns, states its assumptions, and forbids nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import phonenumbers
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from lofty_admin.agentsettings.hours import in_short, week
from lofty_admin.lofty.json_strict import JSON

SUNDAY = 0
TOLL_FREE = frozenset({"800", "833", "844", "855", "866", "877", "888"})


@dataclass(frozen=True)
class Rule:
    """The hours of a day in which texts are allowed, [start, end), and of Sundays."""

    place: str | Promise
    words: str | Promise
    start: int
    end: int
    sunday_start: int
    area_codes: frozenset[str] = frozenset()
    zones: frozenset[str] = frozenset()

    def allows(self, day: int, hour: int) -> bool:
        start = self.sunday_start if day == SUNDAY else self.start
        return start <= hour < self.end


FEDERAL = Rule("", "", 8, 21, 8)


def _texas() -> Rule:
    codes = (
        "210 214 254 281 325 346 361 409 430 432 469 512 621 682 713 726 737 806 817 830 832 903"
        " 915 936 940 945 956 972 979"
    )
    return Rule(
        pgettext_lazy("state", "Texas"),
        gettext_lazy("Monday to Saturday 9 AM to 9 PM, Sunday 12 PM to 9 PM"),
        start=9,
        end=21,
        sunday_start=12,
        area_codes=frozenset(codes.split()),
        zones=frozenset({"America/Chicago", "America/Denver", "US/Central", "US/Mountain"}),
    )


def _until_eight(place: str | Promise, area_codes: str, *zones: str) -> Rule:
    words = gettext_lazy("8 AM to 8 PM")
    return Rule(place, words, 8, 20, 8, frozenset(area_codes.split()), frozenset(zones))


EASTERN, CENTRAL = ("America/New_York", "US/Eastern"), ("America/Chicago", "US/Central")
STATES = (
    _texas(),
    _until_eight(
        pgettext_lazy("state", "Florida"),
        "239 305 321 324 352 386 407 448 561 645 656 689 727 728 754 772 786 813 850 863 904 941"
        " 954",
        *EASTERN,
        *CENTRAL,
    ),
    _until_eight(pgettext_lazy("state", "Maryland"), "227 240 301 410 443 667", *EASTERN),
    _until_eight(pgettext_lazy("state", "Oklahoma"), "405 539 572 580 918", *CENTRAL),
    _until_eight(
        pgettext_lazy("state", "Washington"),
        "206 253 360 425 509 564",
        "America/Los_Angeles",
        "US/Pacific",
    ),
)


def texting_warnings(values: Mapping[str, JSON], zone: str = "") -> Iterator[str]:
    """Yield warnings if text messages are on. zone: the tenant's, "" if unknown."""
    number = _number(values)
    if values.get("textChannel") is not True or not _is_in_us(number, values, zone):
        return
    hours = _hours(values)
    if _breaks(FEDERAL, values):
        yield _(
            "Text messages may be sent at hours that US law doesn't allow. Active: "
            "%(hours)s. Allowed: 8 AM to 9 PM in the lead's time zone. %(doubt)s"
        ) % {"hours": hours, "doubt": _doubt()}
    states, how = _states(number, zone)
    stricter = [rule for rule in states if _breaks(rule, values)]
    if stricter:
        rules = "; ".join(f"{rule.place}: {rule.words}" for rule in stricter)
        yield _(
            "Some states allow text messages at fewer hours (%(rules)s). Active: %(hours)s."
            " %(how)s %(doubt)s"
        ) % {"rules": rules, "hours": hours, "how": how, "doubt": _doubt()}


def _doubt() -> str:
    return _("Lofty doesn't say whether hours are in the lead's or the tenant's time zone.")


def _hours(values: Mapping[str, JSON]) -> str:
    start, end, days = (values.get(n) for n in ("startActiveHour", "endActiveHour", "activeDays"))
    known = [day for day in days if type(day) is int] if isinstance(days, list) else None
    first, last = (hour if type(hour) is int else None for hour in (start, end))
    return in_short(first, last, known) or _("at unknown hours")


def _breaks(rule: Rule, values: Mapping[str, JSON]) -> bool:
    """Return whether any hour that is active, or may be, is outside the rule."""
    days = week(values).days
    slots = ((day.number, hour) for day in days for r in day.runs for hour in range(r.start, r.end))
    return not all(rule.allows(day, hour) for day, hour in slots)


def _number(values: Mapping[str, JSON]) -> phonenumbers.PhoneNumber | None:
    text, region = values.get("virtualNumber"), values.get("virtualNumberCountry")
    if not isinstance(text, str) or not text:
        return None
    try:
        return phonenumbers.parse(text, region if isinstance(region, str) else None)
    except phonenumbers.NumberParseException:
        return None


def _is_in_us(
    number: phonenumbers.PhoneNumber | None, values: Mapping[str, JSON], zone: str
) -> bool:
    """Return whether US rules may apply. A number without a known region may be in the US."""
    if number is not None:
        region = phonenumbers.region_code_for_number(number)
        return number.country_code == 1 and region in (None, "US")
    country = values.get("virtualNumberCountry")
    if country:
        return country == "US"
    return not zone or zone.startswith(("America/", "US/")) or zone == "Pacific/Honolulu"


def _states(number: phonenumbers.PhoneNumber | None, zone: str) -> tuple[Iterable[Rule], str]:
    """Return the states to consider, and how they are known or what is unknown."""
    area = str(number.national_number)[:3] if number is not None else ""
    if area and area not in TOLL_FREE:
        there = [rule for rule in STATES if area in rule.area_codes]
        return there, _("The texting number is from that state (area code %(area)s).") % {
            "area": area
        }
    if zone:
        there = [rule for rule in STATES if zone in rule.zones]
        return there, _("The time zone %(zone)s includes these states; which one is unknown.") % {
            "zone": zone
        }
    return STATES, _("The state is unknown.")
