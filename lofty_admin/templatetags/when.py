"""Times in the reader's zone, with UTC where the pointer rests on them."""

from datetime import UTC, datetime
from typing import Any

from django import template
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from lofty_admin.zones import reader_zone

register = template.Library()


@register.simple_tag(takes_context=True)
def when(context: dict[str, Any], at: datetime | None) -> SafeString | str:
    """How long ago: "4 minutes ago"; "?" for nothing."""
    return "?" if at is None else _time(context, at, naturaltime(at))


@register.simple_tag(takes_context=True)
def moment(context: dict[str, Any], at: datetime | None) -> SafeString | str:
    """To the second, with its zone: "3 Mar 2026, 14:05:09 CET"; "?" for nothing."""
    return "?" if at is None else _time(context, at, _exactly(context, at))


def _time(context: dict[str, Any], at: datetime, text: str) -> SafeString:
    title = f"{_exactly(context, at)} · {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), title, text)


def _exactly(context: dict[str, Any], at: datetime) -> str:
    here = at.astimezone(reader_zone(context["request"]))
    return f"{date_format(here, 'j M Y, H:i:s')} {here:%Z}"
