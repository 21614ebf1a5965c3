"""Activate the reader's time zone: the one the browser reports, otherwise UTC."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

COOKIE = "zone"  # set by static/app.js


class ReaderZoneMiddleware:
    """Activate the reader's zone for the times that a page shows."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with timezone.override(reader_zone(request)):
            return self.get_response(request)


def reader_zone(request: HttpRequest) -> tzinfo:
    """Return the browser's time zone, or UTC when it names none that exists."""
    return zone_named(request.COOKIES.get(COOKIE, "")) or UTC


def zone_named(name: str) -> tzinfo | None:
    """Return the zone with this name ("America/New_York"), or None when there is none."""
    return ZoneInfo(name) if name in _zones() else None


def begin_of(day: date, zone: tzinfo) -> datetime:
    """Return midnight at the start of a day in a zone."""
    return datetime.combine(day, time(), zone)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
