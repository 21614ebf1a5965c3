"""Compare a save with the three calls it consists of, at a slow Lofty.

    make bench                                  # 40 rounds
    BENCH_ROUNDS=40 python -m pytest -s tests/bench/test_save_speed.py

The practice Lofty is a process of its own on plain loopback and waits 50 ms before each answer.
Measured alternating: `apply`, from the reviewed plan to the recorded outcome, and bare calls
(GET, PUT, GET) by `requests`, each with its own connection, like the console's calls. What a
bare save does
not have: the place in flight, the committed intent, the outcome, the budget noted of every answer.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
import requests
from pytest_django import Settings

from lofty_admin.agentsettings.models import State
from lofty_admin.agentsettings.plans import Plan
from lofty_admin.audit.log import record
from lofty_admin.lofty.schema import payload
from lofty_admin.tenants.models import Tenant
from tests.bench.lofty import PATH, customer_of
from tests.support.event_rules import APPEND
from tests.support.practice_customer import PracticeCustomer
from tests.support.settings_changes import apply, plan_for

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
IN_EARNEST = ROUNDS >= 20
LATENCY = 0.05  # seconds, of each answer
MOST = 1.3 if IN_EARNEST else 5.0  # times the bare calls; a shared machine only finds disasters

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lofty(tmp_path: Path, acme: Tenant, settings: Settings) -> Iterator[PracticeCustomer]:
    with customer_of(acme, tmp_path, settings) as customer:
        yield customer


@dataclass
class Took:
    """Seconds by the clock, and of this process alone, whatever else the machine does."""

    clock: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)

    def add(self, call: Callable[[], object]) -> None:
        start = time.perf_counter(), time.process_time()
        call()
        self.clock.append(time.perf_counter() - start[0])
        self.own.append(time.process_time() - start[1])

    @property
    def middle(self) -> float:
        return statistics.median(self.clock)

    def __str__(self) -> str:
        late = statistics.quantiles(self.clock, n=20, method="inclusive")[18]
        own = statistics.median(self.own)
        return " | ".join(f"{one * 1000:.0f}" for one in (self.middle, late, own))


def save(tenant: Tenant, plan: Plan) -> None:
    assert apply(tenant, plan, "bench").state == State.VERIFIED


def bare(customer: PracticeCustomer, token: str, body: object) -> None:
    url, headers = customer.url + PATH, {"Authorization": f"Bearer {token}"}
    assert requests.get(url, headers=headers, timeout=5).status_code == 200
    assert requests.put(url, headers=headers, json=body, timeout=5).status_code == 200
    assert requests.get(url, headers=headers, timeout=5).status_code == 200


def test_save__compared_with_three_bare_calls__costs_little_more(
    acme: Tenant, lofty: PracticeCustomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "_append", APPEND)  # the tests' own look at every event
    token, ours, theirs = lofty.token, Took(), Took()
    lofty.misbehave("delay", on="any", times=None, path=PATH, seconds=LATENCY)
    save(acme, plan_for(acme, assistantName="Anna the First"))
    for number in range(ROUNDS):
        plan = plan_for(acme, assistantName=f"Bella {number}")
        body = payload(plan.snapshot.settings, {"assistantName": f"Carla {number}"})
        ours.add(partial(save, acme, plan))
        theirs.add(partial(bare, lofty, token, body))
    times = ours.middle / theirs.middle
    lines = [
        f"{ROUNDS} saves, alternating with bare calls; Lofty takes {LATENCY * 1000:.0f} ms a call",
        "| | p50 ms | p95 ms | own ms |",
        "| --- | --- | --- | --- |",
        f"| a save | {ours} |",
        f"| GET, PUT, GET by requests | {theirs} |",
        f"a save is {times:.2f} times the bare calls",
    ]
    sys.stdout.write("\n" + "\n".join(lines) + "\n")
    assert times <= MOST
