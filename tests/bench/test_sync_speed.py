"""Measure reading names: number of calls, call rate, memory.

    BENCH_MEMBERS=5000 python -m pytest -s tests/bench/test_sync_speed.py

Against a practice Lofty that counts calls in windows as the real one's headers say. The full run
has a worker of its own, once with windows of a real minute and once with short ones, because more
of them fit in: what is lost between two windows is the same in both.
"""

import math
import os
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from django.utils import timezone

from lofty_admin.agentsettings.models import State
from lofty_admin.directory.eta import time_left
from lofty_admin.directory.models import Entry, EntryKind, Sync, SyncState
from lofty_admin.directory.names import names
from lofty_admin.directory.sync import start_sync
from lofty_admin.lofty.exchange import RATE_WINDOW
from lofty_admin.tenants.models import RateLimit, Tenant
from tests.support.directory import Connect, get_members, set_members, synced, wait_for
from tests.support.manage_process import start_manage
from tests.support.settings_changes import apply, plan_for
from tools.practice_lofty import limits
from tools.practice_lofty.limits import Budget, Limiter
from tools.practice_lofty.server import Sandbox

MEMBERS = int(os.environ.get("BENCH_MEMBERS", "250"))
IS_FULL = MEMBERS >= 5000
OTHERS = 5  # me, quota, org, ponds, pipelines
PAGE = 25
FEWEST = OTHERS + math.ceil(MEMBERS / PAGE)
# seconds, calls in them, members; short ones are too short for a share that means anything
WINDOWS = (
    [(60.0, 120, MEMBERS), (60.0, 10, 500), (6.0, 30, MEMBERS)] if IS_FULL else [(1.5, 14, MEMBERS)]
)
WANTED_SHARE = 0.95
SAVE = 3


def say(text: str) -> None:
    sys.stdout.write(f"\n{text}")


@dataclass
class Counted:
    """When the practice Lofty took each call (epoch seconds), and its limiter."""

    at: list[float] = field(default_factory=list)
    limiter: Limiter | None = None

    def start_over(self) -> None:
        assert self.limiter is not None
        self.limiter.clear()
        self.at.clear()

    def in_windows(self, seconds: float) -> list[list[float]]:
        """The calls, cut where the practice Lofty began another window."""
        windows: list[list[float]] = []
        for at in self.at:
            if not windows or at >= windows[-1][0] + seconds:
                windows.append([])
            windows[-1].append(at)
        return windows


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    counted, spend = Counted(), Limiter.spend

    def counting(self: Limiter, key: str, limit: int) -> Budget:
        budget = spend(self, key, limit)
        assert not budget.over, "more calls than Lofty allows"
        counted.limiter = self
        counted.at.append(time.time())
        return budget

    monkeypatch.setattr(Limiter, "spend", counting)
    return counted


@pytest.mark.parametrize(("maximum", "oversize"), [(25, "cap"), (25, "refuse"), (100, "cap")])
def test_sync__every_paging__as_many_calls_as_pages(
    acme: Tenant, connect: Connect, counted: Counted, maximum: int, oversize: str
) -> None:
    connect(members=MEMBERS, options={"member_maximum": maximum, "oversize": oversize})
    began = time.perf_counter()
    assert synced(acme).done == MEMBERS
    took = time.perf_counter() - began
    fewest = OTHERS + math.ceil(MEMBERS / maximum) + (oversize == "refuse")
    say(f"{MEMBERS:,} members, pages of {maximum}, larger ones: {oversize}")
    say(f"  {len(counted.at)} calls of at least {fewest}, {took:.1f} s, no limit")
    assert len(counted.at) == fewest


def test_sync__renamed_and_gone_among_many__both_seen_and_no_one_else(
    acme: Tenant, connect: Connect, practice: Sandbox
) -> None:
    connect(members=MEMBERS)
    synced(acme)
    rows = get_members(practice, "acme")
    renamed, left = (int(str(rows[place]["memberUserId"])) for place in (-1, MEMBERS // 2))
    rows[-1] |= {"firstName": "Zoë", "lastName": "Zander"}
    set_members(practice, "acme", rows[: MEMBERS // 2] + rows[MEMBERS // 2 + 1 :])
    assert synced(acme).message == ""
    agents = Entry.objects.filter(tenant=acme, kind=EntryKind.AGENT)
    gone = agents.exclude(gone_since=None).values_list("lofty_id", flat=True)
    assert list(gone) == [left]
    assert names(acme, EntryKind.AGENT, [renamed])[renamed].name == "Zoë Zander"
    assert agents.count() == MEMBERS


def test_sync__five_times_the_members__no_more_memory(
    acme: Tenant, connect: Connect, practice: Sandbox
) -> None:
    connect(members=MEMBERS)
    rows, peaks = get_members(practice, "acme"), []
    for count in (MEMBERS // 5, MEMBERS):
        set_members(practice, "acme", rows[:count])
        tracemalloc.start()
        assert synced(acme).done == count
        peaks.append(tracemalloc.get_traced_memory()[1] / 1e6)
        tracemalloc.stop()
        say(f"{count:>6,} members: a peak of {peaks[-1]:.2f} MB")
    assert peaks[1] < peaks[0] * 1.2 + 0.1


@contextmanager
def reading(tenant: Tenant) -> Iterator[None]:
    """A process that reads names: in the full run a worker, with what its queue costs."""
    sync = start_sync(tenant)
    arguments: tuple[str, ...] = ("sync_directory", "--tenant", tenant.slug)
    if IS_FULL:
        arguments = ("procrastinate", "worker", "--queues", "directory")
    process = start_manage(*arguments)
    try:
        yield
        wait_for(lambda: not Sync.objects.get(pk=sync.pk).is_open, seconds=300)
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("window", "limit", "members"), WINDOWS)
def test_sync__limited__nearly_all_allowed_calls_and_a_save_gets_its_own_at_once(
    acme: Tenant,
    connect: Connect,
    counted: Counted,
    monkeypatch: pytest.MonkeyPatch,
    window: float,
    limit: int,
    members: int,
) -> None:
    monkeypatch.setattr(limits, "WINDOW", window)
    customer = connect(members=members)
    plan = plan_for(acme, assistantName="Bella")
    customer.change(rate_limit=limit)
    RateLimit.objects.update(limit=None, remaining=None, resets_at=None)
    counted.start_over()
    with reading(acme):
        wait_for(lambda: Sync.objects.get().state == SyncState.WAITING, seconds=60)
        told, said = timezone.now(), time_left(Sync.objects.get())
        began = time.perf_counter()
        assert apply(acme, plan, "").state == State.VERIFIED
        saved_in = time.perf_counter() - began
    sync = Sync.objects.get()
    assert sync.done == members
    assert len(counted.at) == OTHERS + math.ceil(members / PAGE) + SAVE
    assert sync.finished_at is not None
    if window == RATE_WINDOW.total_seconds():
        took = (sync.finished_at - told).total_seconds()
        say(f"time left: said {said and said.total_seconds():.0f} s, took {took:.0f} s")
    report(counted.in_windows(window), window, limit, saved_in)


def report(windows: list[list[float]], window: float, limit: int, saved_in: float) -> None:
    """Of the whole windows, which the last is not: how much of the allowed rate was used."""
    starts = [calls[0] for calls in windows]
    periods = [after - before for before, after in pairwise(starts)]
    used = sum(map(len, windows[:-1]))
    lost = sum(periods) / len(periods) - window
    share = used / (limit * sum(periods) / window)
    took = windows[-1][-1] - starts[0]
    say(f"{limit} calls in {window:g} s, whole windows: {len(periods)}")
    say(f"  first to last call {took:.1f} s; a save in between {saved_in:.2f} s")
    say(f"  lost between windows: {lost:.2f} s on average, {max(periods) - window:.2f} at most")
    say(f"  used {share:.1%} of all {limit} calls")
    for rate in (10, 100, 500):
        least = math.ceil(FEWEST / rate - 1)
        say(f"  so at {rate} a minute: {60 / (60 + lost):.1%}, {least * (60 + lost) / 60:.1f} min")
    assert used == limit * len(periods)
    if window >= 60:
        assert share >= WANTED_SHARE
