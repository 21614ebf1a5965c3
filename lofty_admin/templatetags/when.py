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
    return _time(at, _ago(at), reader_zone(context["request"]), get_language())


@register.simple_tag(takes_context=True)
def moment(context: dict[str, Any], at: datetime | None) -> str:
    """To the second, with its zone: "3 Mar 2026, 14:05:09 CET"; "?" for nothing."""
    if at is None:
        return "?"
    zone = reader_zone(context["request"])
    return _time(at, exactly(at, zone), zone, get_language())


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
    month = _month(here.month, get_language())
    return f"{here.day} {month} {here.year}, {here.time().isoformat('seconds')} {here.tzname()}"


@cache
def _month(number: int, language: str | None) -> str:
    return str(MONTHS_3[number]).title()


@lru_cache(maxsize=2000)
def _time(at: datetime, text: str, zone: tzinfo, language: str | None) -> str:
    """Kept: many look at the same fifty, again and again."""
    in_utc = at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "seconds")
    title = f"{exactly(at, zone)} · {in_utc} UTC"
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), title, text)
