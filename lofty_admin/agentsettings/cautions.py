"""Warnings about settings after a change: what a careful colleague would point out.

A warning never stops a save. Pure functions; what only the directory knows is passed as `Known`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import phonenumbers
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_countries import countries

from lofty_admin.agentsettings.changes import Values
from lofty_admin.agentsettings.entered import parsed_number
from lofty_admin.agentsettings.fields import BY_NAME, SETTINGS, Setting, hour_text
from lofty_admin.agentsettings.hours import is_hour, is_overnight
from lofty_admin.agentsettings.texting_hours import texting_warnings
from lofty_admin.core.visible import visible
from lofty_admin.directory.id_families import Foreign
from lofty_admin.lofty.json_strict import JSON


@dataclass(frozen=True)
class Caution:
    """Something that looks wrong in the settings after a change. Never stops a save."""

    names: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Known:
    """What the console knows about a tenant in addition to its settings.

    zone: its time zone as Lofty names it, "" if unknown. gone: setting -> id -> name, of entries
    that are no longer in Lofty. foreign: setting -> why the ids Lofty has there do not look like
    those of the directory. listed: setting -> ids that are in the directory.
    """

    zone: str = ""
    gone: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    foreign: Mapping[str, str] = field(default_factory=dict)
    listed: Mapping[str, frozenset[int]] = field(default_factory=dict)


NOTHING_KNOWN = Known()


def lint(after: Values, known: Known = NOTHING_KNOWN) -> tuple[Caution, ...]:
    """Return the warnings about these settings."""
    return (
        *_channels(after),
        *_hours(after),
        *_texting(after, known),
        *_numbers(after),
        *_number_country(after),
        *_access(after),
        *_gone(after, known),
        *_foreign(after, known),
    )


def new_warnings(
    before: Values, after: Values, known: Known = NOTHING_KNOWN
) -> tuple[Caution, ...]:
    """Return the warnings that this change introduces."""
    old = set(lint(before, known))
    return tuple(caution for caution in lint(after, known) if caution not in old)


def existing_warnings(
    before: Values, after: Values, known: Known = NOTHING_KNOWN
) -> tuple[Caution, ...]:
    """Return the warnings about `after` that were already true before."""
    old = set(lint(before, known))
    return tuple(caution for caution in lint(after, known) if caution in old)


def foreign_words(setting: Setting, foreign: Foreign) -> str:
    """Return why names must not be trusted for what Lofty has in this list."""
    if foreign.is_all:
        message = ngettext(
            "%(label)s: the ID in Lofty is not in the list of names, so it may be another "
            "kind of ID. No name can be matched to it.",
            "%(label)s: none of the %(count)s IDs in Lofty is in the list of names, so "
            "they may be another kind of ID. No names can be matched to them.",
            foreign.count,
        )
    else:
        message = ngettext(
            "%(label)s: %(count)s ID in Lofty has a different length from the IDs in the "
            "list of names, so it may be another kind of ID.",
            "%(label)s: %(count)s IDs in Lofty have a different length from the IDs in "
            "the list of names, so they may be another kind of ID.",
            foreign.count,
        )
    return message % {"label": setting.label, "count": foreign.count}


def _channels(after: Values) -> Iterable[Caution]:
    names = ("websiteChannel", "textChannel", "emailChannel")
    if all(after.get(name) is False for name in names):
        yield Caution(names, _("All three channels are off: the assistant can't reach anyone."))
    if after.get("textChannel") is True and not after.get("virtualNumber"):
        yield Caution(
            ("textChannel", "virtualNumber"),
            _("Text messages are on, but there is no texting number."),
        )
    if after.get("newLeadEnable") is False and after.get("visitorsEnable") is False:
        yield Caution(
            ("newLeadEnable", "visitorsEnable"),
            _("Follow-up is off for both new leads and website visitors."),
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
                "Active hours start and end at %(hour)s. Lofty's documentation doesn't "
                "say whether this means all day or never."
            )
            % {"hour": hour_text(start)},
        )
    elif is_overnight(start, end):
        yield Caution(names, _("Active overnight: from one day until the next morning."))


def _texting(after: Values, known: Known) -> Iterable[Caution]:
    names = ("textChannel", "startActiveHour", "endActiveHour", "activeDays")
    return (Caution(names, text) for text in texting_warnings(after, known.zone))


def _numbers(after: Values) -> Iterable[Caution]:
    region = after.get("virtualNumberCountry")
    for name in ("virtualNumber", "fixedNumber"):
        number = after.get(name)
        if not isinstance(number, str) or not number:
            continue
        parsed = parsed_number(number, region)
        if parsed is None or not phonenumbers.is_valid_number(parsed):
            yield Caution(
                (name,),
                _("%(label)s: “%(number)s” does not look like a valid phone number.")
                % {"label": BY_NAME[name].label, "number": visible(number)},
            )


def _number_country(after: Values) -> Iterable[Caution]:
    """Warn about a number with a country code next to a different country."""
    number, country = after.get("virtualNumber"), after.get("virtualNumberCountry")
    if not isinstance(number, str) or not isinstance(country, str) or not country:
        return
    parsed = parsed_number(number, None)  # None unless it has a country code
    regions = _regions(parsed) if parsed is not None else ()
    if regions and country not in regions:
        yield Caution(
            ("virtualNumber", "virtualNumberCountry"),
            _(
                "The texting number %(number)s belongs to %(region)s, but the texting "
                "number country is %(country)s."
            )
            % {
                "number": visible(number),
                "region": _country(regions[0]),
                "country": _country(country),
            },
        )


def _regions(number: phonenumbers.PhoneNumber) -> tuple[str, ...]:
    """Return the countries it can belong to, the likeliest first; () if there is none."""
    region = phonenumbers.region_code_for_number(number)
    code = number.country_code or 0
    regions = (region,) if region else phonenumbers.region_codes_for_country_code(code)
    return tuple(region for region in regions if region != "001")


def _country(code: str) -> str:
    name = countries.name(code) if code.isascii() else ""
    return f"{name} ({visible(code)})" if name else visible(code)


def _access(after: Values) -> Iterable[Caution]:
    for setting in SETTINGS:
        if setting.is_access_list and after.get(setting.name) == []:
            yield Caution(
                (setting.name,),
                _(
                    "%(label)s: an empty list. Lofty's documentation doesn't say what "
                    "that means; most likely, no one."
                )
                % {"label": setting.label},
            )


def _gone(after: Values, known: Known) -> Iterable[Caution]:
    for name, gone in known.gone.items():
        for entry in _ids(after.get(name)):
            if entry in gone:
                values = {"label": BY_NAME[name].label, "name": gone[entry], "id": entry}
                yield Caution(
                    (name,), _("%(label)s: %(name)s (%(id)s) is no longer in Lofty.") % values
                )


def _foreign(after: Values, known: Known) -> Iterable[Caution]:
    for name, why in known.foreign.items():
        yield Caution((name,), why)
        if known.listed.get(name, frozenset()).intersection(_ids(after.get(name))):
            yield Caution(
                (name,),
                _(
                    "%(label)s: the entries selected by name have a different kind of ID "
                    "from those in Lofty, so they may be the wrong ones."
                )
                % {"label": BY_NAME[name].label},
            )


def _ids(value: JSON) -> list[int]:
    return [item for item in value if type(item) is int] if isinstance(value, list) else []
