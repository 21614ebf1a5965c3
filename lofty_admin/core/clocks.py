"""Compare stored times without trusting a clock that was wrong for a moment.

Leases, pauses, and heartbeats are times that some process wrote down. If its clock was years ahead
then, a plain comparison believes the time for years: a tenant stays blocked, a token is never
checked. So a time further ahead than a correct clock can have written counts as past.
"""

from datetime import datetime, timedelta

from django.db.models import Q

SKEW = timedelta(minutes=5)  # how far the clocks of two healthy machines may differ


def is_ahead(at: datetime, now: datetime) -> bool:
    """Return whether `at`, the time of a past event, lies in the future."""
    return at > now + SKEW


def is_recent(at: datetime, now: datetime, age: timedelta) -> bool:
    """Return whether an event happened less than `age` ago, and not in the future."""
    return now - age < at and not is_ahead(at, now)


def is_held(until: datetime, now: datetime, longest: timedelta) -> bool:
    """Return whether a lease or pause of at most `longest` still holds, given its end `until`."""
    return now < until <= now + longest + SKEW


def happened_long_ago(field: str, now: datetime, age: timedelta) -> Q:
    """Return a condition for rows whose `field` is at least `age` ago, or lies in the future."""
    return Q(**{f"{field}__lte": now - age}) | Q(**{f"{field}__gt": now + SKEW})


def is_over(field: str, now: datetime, longest: timedelta) -> Q:
    """Return a condition for rows that are no longer held: see `is_held`."""
    return Q(**{f"{field}__lte": now}) | Q(**{f"{field}__gt": now + longest + SKEW})
