"""Estimate the time left of a sync from its speed so far and the calls that Lofty allows."""

from datetime import datetime, timedelta
from math import ceil

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from lofty_admin.directory.models import Step, Sync, SyncState
from lofty_admin.lofty.exchange import RATE_WINDOW
from lofty_admin.tenants.credentials.api_client import RESERVE, CallsLeft, calls_left


def time_left(sync: Sync) -> timedelta | None:
    """Return the time left, or None if unknown: agents not counted yet, or Lofty unreachable."""
    in_trouble = sync.state == SyncState.WAITING and sync.message
    if not sync.is_open or in_trouble or sync.step != Step.AGENTS or not sync.pages:
        return None
    if not sync.agents or not sync.position:
        return None
    rows_in_a_page = sync.position / sync.pages
    calls = ceil((sync.agents - sync.done) / rows_in_a_page)
    return time_for(calls, sync.seconds / sync.pages, calls_left(sync.tenant), timezone.now())


def time_for(calls: int, seconds: float, left: CallsLeft, now: datetime) -> timedelta:
    """Return how long `calls` calls take, at `seconds` each.

    The reserve is left alone until the last moments of each of Lofty's windows.
    """
    if left.limit is None:
        return timedelta(seconds=calls * seconds)
    window = RATE_WINDOW.total_seconds()
    in_this = left.limit if left.remaining is None else left.remaining
    if calls <= in_this - RESERVE:
        return timedelta(seconds=calls * seconds)
    wait = (left.resets_at - now).total_seconds() if left.resets_at else window
    if calls <= in_this:
        return timedelta(seconds=max(wait, calls * seconds))
    full_windows, rest = divmod(calls - in_this - 1, max(1, left.limit))
    ends_late = rest + 1 > left.limit - RESERVE
    return timedelta(
        seconds=max(wait, in_this * seconds)
        + full_windows * max(window, left.limit * seconds)
        + (max(window, (rest + 1) * seconds) if ends_late else (rest + 1) * seconds)
    )


def in_words(left: timedelta | None) -> str:
    """Return the time left in words, such as "about 12 minutes left"; "" when it is unknown."""
    if left is None:
        return ""
    minutes = round(left.total_seconds() / 60)
    if minutes <= 1:
        return _("about a minute left") if minutes else _("less than a minute left")
    if minutes < 60:
        return ngettext(
            "about %(minutes)d minute left", "about %(minutes)d minutes left", minutes
        ) % {"minutes": minutes}
    hours, minutes = divmod(5 * round(minutes / 5), 60)
    if not minutes:
        return ngettext("about %(hours)d hour left", "about %(hours)d hours left", hours) % {
            "hours": hours
        }
    return ngettext(
        "about %(hours)d hour %(minutes)d minutes left",
        "about %(hours)d hours %(minutes)d minutes left",
        hours,
    ) % {"hours": hours, "minutes": minutes}
