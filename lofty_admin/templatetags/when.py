"""Times in the reader's zone, with UTC where the pointer rests on them."""

from datetime import UTC, datetime, tzinfo
from functools import cache
from typing import Any

from django import template
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.utils.dates import MONTHS_3
from django.utils.html import format_html
from django.utils.translation import get_language

from lofty_admin.zones import reader_zone

register = template.Library()


@register.simple_tag(takes_context=True)
def when(context: dict[str, Any], at: datetime | None) -> str:
    """How long ago: "4 minutes ago"; "?" for nothing."""
    return "?" if at is None else _time(at, naturaltime(at), reader_zone(context["request"]))


@register.simple_tag(takes_context=True)
def moment(context: dict[str, Any], at: datetime | None) -> str:
    """To the second, with its zone: "3 Mar 2026, 14:05:09 CET"; "?" for nothing."""
    if at is None:
        return "?"
    zone = reader_zone(context["request"])
    return _time(at, exactly(at, zone), zone)


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
