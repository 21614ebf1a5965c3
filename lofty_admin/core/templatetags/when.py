"""Times in the reader's zone, with UTC where the pointer rests on them.

The one way in which a page shows a time. Each is a tag, and a filter of the same name for use
within a translated sentence: {% blocktranslate with at=token.added_at|moment %}.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache, lru_cache
from typing import Any

from django import template
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.dates import MONTHS_3
from django.utils.timesince import timesince
from django.utils.translation import get_language

from lofty_admin.core.timezones import reader_zone

register = template.Library()
AN_HOUR = timedelta(hours=1)


@register.simple_tag(takes_context=True, name="when")
def when_tag(context: dict[str, Any], at: datetime | None) -> str:
    """Return how long ago it was: "4 minutes ago"; "?" for nothing."""
    return _ago_in(at, reader_zone(context["request"]))


@register.simple_tag(takes_context=True, name="moment")
def moment_tag(context: dict[str, Any], at: datetime | None) -> str:
    """Return the second, with its zone: "3 Mar 2026, 14:05:09 CET"; "?" for nothing."""
    return _moment_in(at, reader_zone(context["request"]))


@register.filter
def when(at: datetime | None) -> str:
    """As the tag; the zone is the one that ReaderZoneMiddleware made the current one."""
    return _ago_in(at, timezone.get_current_timezone())


@register.filter
def moment(at: datetime | None) -> str:
    """As the tag."""
    return _moment_in(at, timezone.get_current_timezone())


@register.filter
def day(at: datetime | None) -> str:
    """Return the day in the reader's zone: "3 Mar 2026"; "?" for nothing."""
    if at is None:
        return "?"
    zone = timezone.get_current_timezone()
    return _time(at, _day(at.astimezone(zone)), zone, get_language())


@register.filter
def how_long(at: datetime | None) -> str:
    """Return how long it has been so: "3 days, 4 hours"; "?" for nothing."""
    if at is None:
        return "?"
    return _time(at, timesince(at), timezone.get_current_timezone(), get_language())


def _ago_in(at: datetime | None, zone: tzinfo) -> str:
    return "?" if at is None else _time(at, _ago(at), zone, get_language())


def _moment_in(at: datetime | None, zone: tzinfo) -> str:
    return "?" if at is None else _time(at, exactly(at, zone), zone, get_language())


def _ago(at: datetime) -> str:
    now = timezone.now()
    if now - at < AN_HOUR:
        return naturaltime(at)
    return _ago_by_minutes(_minutes(at), _minutes(now), get_language())


def _minutes(at: datetime) -> int:
    return int(at.timestamp()) // 60


@lru_cache(maxsize=2000)
def _ago_by_minutes(at: int, now: int, language: str | None) -> str:
    """Kept for a minute: on a page of fifty times, working these out was a tenth of the work."""
    return naturaltime(datetime.fromtimestamp(at * 60, UTC))


def exactly(at: datetime, zone: tzinfo) -> str:
    """As `moment` shows it, as plain text."""
    here = at.astimezone(zone)
    return f"{_day(here)}, {here.time().isoformat('seconds')} {here.tzname()}"


def _day(here: datetime) -> str:
    return f"{here.day} {_month(here.month, get_language())} {here.year}"


@cache
def _month(number: int, language: str | None) -> str:
    return str(MONTHS_3[number]).title()


@lru_cache(maxsize=2000)
def _time(at: datetime, text: str, zone: tzinfo, language: str | None) -> str:
    """Kept: many look at the same fifty, again and again."""
    in_utc = at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "seconds")
    title = f"{exactly(at, zone)} · {in_utc} UTC"
    return render_to_string("components/time.html", {"at": at, "title": title, "text": text})
