"""Compare verifying the audit log with bare HMAC over the same bytes.

    BENCH_EVENTS=100000 python -m pytest -s tests/bench/test_verify_speed.py

"bare HMAC" has the bodies in memory already; "read + HMAC" fetches them from PostgreSQL, as
verifying has to.
"""

import os
import sys
import time
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.conf import settings

from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.chain import link
from lofty_admin.audit.log.record import TenantRef, record
from lofty_admin.audit.models import AuditEvent, AuditHead
from lofty_admin.audit.proof.verify import CHUNK, Verification

EVENTS = int(os.environ.get("BENCH_EVENTS", "600"))
ROUNDS = 40 if EVENTS < 10_000 else 5
SETTINGS = {f"property{number}": list(range(number, number + 12)) for number in range(23)}


@pytest.fixture
def log(db: None) -> None:
    """One event in four is a save that carries all settings, as in a busy console."""
    acme = TenantRef(uuid4(), "acme", "Acme Realty")
    for number in range(EVENTS):
        whole = SETTINGS if number % 4 == 0 else {"activeDays": [1, 2, 3]}
        record(
            Kind.SETTINGS_OUTCOME,
            tenant=acme,
            subject="Sales Agent settings",
            outcome=Outcome.VERIFIED,
            operation_id=uuid4(),
            reason=f"reason {number}",
            before=whole,
            after={**whole, "activeDays": [number % 7]},
        )


def seconds(*runs: Callable[[], object]) -> dict[str, tuple[float, float]]:
    """By the clock, and of this process alone: the best of some rounds in which each has its turn,
    so that whatever else the machine does is not met by one of them alone."""
    clock: dict[str, list[float]] = {run.__name__: [] for run in runs}
    own: dict[str, list[float]] = {run.__name__: [] for run in runs}
    for _ in range(ROUNDS):
        for run in runs:
            start = time.perf_counter(), time.process_time()
            run()
            clock[run.__name__].append(time.perf_counter() - start[0])
            own[run.__name__].append(time.process_time() - start[1])
    return {name: (min(clock[name]), min(own[name])) for name in clock}


def test_verify__many_records__within_three_times_of_hashing_them(log: None) -> None:
    ring, log_id = settings.ENVIRONMENT.audit_keys, AuditHead.objects.get().log_id
    columns = AuditEvent.objects.order_by("seq").values_list("seq", "previous_hash", "body")
    rows = list(columns)

    def bare() -> None:
        for row in rows:
            link(ring.keys[ring.current], log_id, *row)

    def read() -> None:
        for row in columns.iterator(chunk_size=CHUNK):
            link(ring.keys[ring.current], log_id, *row)

    def verify() -> None:
        assert list(Verification().findings()) == []

    took = seconds(bare, read, verify)
    size = sum(len(row[2]) for row in rows) / EVENTS
    lines = [
        f"{name:<8} {clock:7.3f} s ({own:.3f} s in Python) {EVENTS / clock:>10,.0f} events/s"
        for name, (clock, own) in took.items()
    ]
    sys.stdout.write("\n".join([f"\n{EVENTS:,} events of {size:,.0f} characters", *lines, ""]))
    assert took["verify"][1] <= 3 * took["read"][1]
