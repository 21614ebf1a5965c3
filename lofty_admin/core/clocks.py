"""Times written by a clock that was wrong for a moment.

Leases, pauses, and heartbeats are times that some process wrote down. If its clock was years ahead
then, a plain comparison believes the time for years: a tenant stays blocked, a token is never
checked. So a time further ahead than any right clock can have written counts as passed.
"""

from datetime import datetime, timedelta

from django.db.models import Q

SKEW = timedelta(minutes=5)  # how far the clocks of two sound machines may differ


def is_ahead(at: datetime, now: datetime) -> bool:
    """Whether `at` lies in the future, though it says when something happened."""
    return at > now + SKEW


def is_recent(at: datetime, now: datetime, age: timedelta) -> bool:
    """Whether something happened less than `age` ago, and not in the future."""
    return now - age < at and not is_ahead(at, now)


def is_held(until: datetime, now: datetime, longest: timedelta) -> bool:
    """Whether something is held until a time to come, by a lease or pause of at most `longest`."""
    return now < until <= now + longest + SKEW


def happened_long_ago(field: str, now: datetime, age: timedelta) -> Q:
    """Rows whose `field` is at least `age` ago, or lies in the future."""
    return Q(**{f"{field}__lte": now - age}) | Q(**{f"{field}__gt": now + SKEW})


def is_over(field: str, now: datetime, longest: timedelta) -> Q:
    """Rows that are no longer held: see `is_held`."""
    return Q(**{f"{field}__lte": now}) | Q(**{f"{field}__gt": now + longest + SKEW})
