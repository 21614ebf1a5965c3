"""Times in the reader's zone, with UTC where the pointer rests on them."""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache, lru_cache
from typing import Any

from django import template
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.utils import timezone
from django.utils.dates import MONTHS_3
from django.utils.html import format_html
from django.utils.translation import get_language

from lofty_admin.zones import reader_zone

register = template.Library()
AN_HOUR = timedelta(hours=1)


@register.simple_tag(takes_context=True)
def when(context: dict[str, Any], at: datetime | None) -> str:
    """How long ago: "4 minutes ago"; "?" for nothing."""
    if at is None:
        return "?"
    return _time(at, _ago(at), reader_zone(context["request"]))


@register.simple_tag(takes_context=True)
def moment(context: dict[str, Any], at: datetime | None) -> str:
    """To the second, with its zone: "3 Mar 2026, 14:05:09 CET"; "?" for nothing."""
    if at is None:
        return "?"
    zone = reader_zone(context["request"])
    return _time(at, exactly(at, zone), zone)


def _ago(at: datetime) -> str:
    now = timezone.now()
    if now - at < AN_HOUR:
        return naturaltime(at)
    return _ago_by_minutes(_minute(at), _minute(now), get_language())


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


@lru_cache(maxsize=2000)
def _ago_by_minutes(at: datetime, now: datetime, language: str | None) -> str:
    """Kept for a minute: on a page of fifty times, working these out was a tenth of the work."""
    return naturaltime(at)


def exactly(at: datetime, zone: tzinfo) -> str:
    """As `moment` shows it, as plain text."""
    here = at.astimezone(zone)
    return f"{here.day} {_month(here.month, get_language())} {here:%Y, %H:%M:%S %Z}"


@cache
def _month(number: int, language: str | None) -> str:
    return str(MONTHS_3[number]).title()


def _time(at: datetime, text: str, zone: tzinfo) -> str:
    title = f"{exactly(at, zone)} · {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), title, text)
