"""Estimating how long a sync will still take."""

from datetime import timedelta

import pytest
from django.utils import timezone

from lofty_admin.directory.eta import in_words, time_for, time_left
from lofty_admin.directory.models import Step, Sync, SyncState
from lofty_admin.directory.sync import open_sync
from lofty_admin.tenants.credentials.api_client import CallsLeft
from lofty_admin.tenants.models import Tenant

NOW = timezone.now()
SOON = NOW + timedelta(seconds=20)


@pytest.mark.parametrize(
    ("calls", "seconds", "left", "expected"),
    [
        (200, 0.1, CallsLeft(None, None, None), 20),  # no limit known: its own pace
        (6, 0.1, CallsLeft(10, None, None), 0.6),  # a window of its own, but for the reserve
        (6, 0.1, CallsLeft(10, 10, SOON), 0.6),
        (7, 0.1, CallsLeft(10, 10, SOON), 20),  # one waits for the last moments
        (11, 0.1, CallsLeft(10, 10, SOON), 20.1),  # one waits for the next window
        (8, 0.1, CallsLeft(10, 3, SOON), 20.5),
        (10, 0.1, CallsLeft(10, 3, SOON), 80),  # the last of the next window wait for its end
        (203, 0.1, CallsLeft(10, 3, SOON), 20 + 20 * 60),
        (1000, 0.5, CallsLeft(500, 500, SOON), 500),  # slower than Lofty allows
        (3, 0.1, CallsLeft(2, 1, SOON), 80),  # fewer than the reserve
    ],
)
def test_time_for__calls_pace_and_budget__as_long_as_the_windows_take(
    calls: int, seconds: float, left: CallsLeft, expected: float
) -> None:
    assert time_for(calls, seconds, left, NOW).total_seconds() == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (20, "less than a minute left"),
        (50, "about a minute left"),
        (95, "about 2 minutes left"),
        (59 * 60, "about 59 minutes left"),
        (60 * 60, "about 1 hour left"),
        (68 * 60, "about 1 hour 10 minutes left"),
        (2 * 3600 + 1, "about 2 hours left"),
    ],
)
def test_in_words__never_more_exact_than_it_is(seconds: float | None, words: str) -> None:
    left = None if seconds is None else timedelta(seconds=seconds)
    assert in_words(left) == words


@pytest.mark.parametrize(
    "unknown",
    [
        {"step": Step.OFFICES},
        {"step": Step.AGENTS, "pages": 0},
        {"step": Step.AGENTS, "total": None},
        {"step": Step.AGENTS, "state": SyncState.WAITING, "message": "Lofty cannot be reached."},
        {"step": Step.AGENTS, "state": SyncState.FAILED},
    ],
)
def test_time_left__not_computable__none(acme: Tenant, unknown: dict[str, object]) -> None:
    sync = open_sync(acme)
    facts = {"step": Step.AGENTS, "position": 50, "pages": 2, "seconds": 1, "total": 100}
    Sync.objects.update(state=SyncState.RUNNING, **facts)
    sync.refresh_from_db()
    assert time_left(sync) == timedelta(seconds=1)
    Sync.objects.update(**unknown)
    sync.refresh_from_db()
    assert time_left(sync) is None
