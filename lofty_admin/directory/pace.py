"""How long a sync will still take, by its own pace so far and the calls that Lofty allows."""

from datetime import datetime, timedelta
from math import ceil

from django.utils import timezone

from lofty_admin.directory.models import Step, Sync, SyncState
from lofty_admin.directory.sync import RESERVE
from lofty_admin.lofty.exchange import RATE_WINDOW
from lofty_admin.tenants.calls import CallsLeft, calls_left


def time_left(sync: Sync) -> timedelta | None:
    """None while nobody can know: before the agents are counted, or while Lofty cannot be read."""
    in_trouble = sync.state == SyncState.WAITING and sync.message
    if not sync.is_open or in_trouble or sync.step != Step.AGENTS or not sync.pages:
        return None
    if not sync.agents or not sync.position:
        return None
    rows_in_a_page = sync.position / sync.pages
    calls = ceil((sync.agents - sync.done) / rows_in_a_page)
    return time_for(calls, sync.seconds / sync.pages, calls_left(sync.tenant), timezone.now())


def time_for(calls: int, seconds: float, left: CallsLeft, now: datetime) -> timedelta:
    """How long so many calls take, at `seconds` each, with a save's calls left alone.

    Calls that no longer fit into this window of Lofty's wait for its end, and from then on each
    window lets so many through.
    """
    if left.limit is None:
        return timedelta(seconds=calls * seconds)
    window = RATE_WINDOW.total_seconds()
    allowed = max(1, left.limit - RESERVE)
    at_once = allowed if left.remaining is None else max(0, left.remaining - RESERVE)
    if calls <= at_once:
        return timedelta(seconds=calls * seconds)
    wait = (left.resets_at - now).total_seconds() if left.resets_at else window
    full_windows, rest = divmod(calls - at_once - 1, allowed)
    return timedelta(
        seconds=max(wait, at_once * seconds)
        + full_windows * max(window, allowed * seconds)
        + (rest + 1) * seconds
    )


def in_words(left: timedelta | None) -> str:
    """ "about 12 minutes left"; "" when it is not known."""
    if left is None:
        return ""
    minutes = round(left.total_seconds() / 60)
    if minutes <= 1:
        return "about a minute left" if minutes else "less than a minute left"
    if minutes < 60:
        return f"about {minutes} minutes left"
    hours, minutes = divmod(5 * round(minutes / 5), 60)
    words = f"{hours} hour{'s' if hours > 1 else ''}"
    return f"about {words} {minutes} minutes left" if minutes else f"about {words} left"
