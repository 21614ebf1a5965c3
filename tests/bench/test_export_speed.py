"""Measure how fast the log is exported, with memory that does not grow with the events.

BENCH_EVENTS=100000 python -m pytest -s tests/bench/test_export_speed.py
"""

import sys
import time
import tracemalloc

import pytest
from django.db import connection

from lofty_admin.accounts.models import User
from lofty_admin.audit.kinds import Outcome
from lofty_admin.audit.search.query import Filter
from lofty_admin.history.models import Format
from lofty_admin.tenants.models import Tenant
from tests.bench.log import build, tenant_ids
from tests.support.bench_export import EVENTS, run

TENANTS = 10
FILTERS = {
    "everything": Filter(None),
    "one tenant": Filter(frozenset(tenant_ids(1))),
    "five tenants": Filter(frozenset(tenant_ids(5))),
    "one setting": Filter(None, setting="activeDays"),
    "a word": Filter(None, text="ticket"),
    "two at once": Filter(None, setting="activeDays", outcome=Outcome.VERIFIED),
}


@pytest.fixture
def log(db: None) -> None:
    build(EVENTS, tenants=TENANTS)
    # An export stops when its user may no longer see a tenant of the filter.
    Tenant.objects.bulk_create(
        Tenant(id=tenant_id, slug=f"tenant-{number}", name=f"Tenant {number}")
        for number, tenant_id in enumerate(tenant_ids(TENANTS))
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE audit_auditevent, audit_auditindex")


def test_export__each_filter__tells_how_fast(log: None, superuser: User) -> None:
    for name, wanted in FILTERS.items():
        for form in Format:
            start = time.perf_counter()
            done, size = run(superuser, wanted, form)
            took = time.perf_counter() - start
            sys.stdout.write(
                f"\n{name:<14}{form.label:<11} {done:>9,} events {size / 1e6:>8,.1f} MB"
                f" {took:7.2f} s {done / took:>9,.0f} events/s"
            )
            assert done > 0


@pytest.mark.parametrize("form", Format)
def test_export__four_times_the_events__the_same_memory(
    log: None, superuser: User, form: Format
) -> None:
    run(superuser, FILTERS["everything"], form, 100)  # what is made once and kept
    peaks = []
    for up_to in (EVENTS // 4, EVENTS):
        tracemalloc.start()
        done, _ = run(superuser, FILTERS["everything"], form, up_to)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert done > up_to / 2
    sys.stdout.write(f"\n{form.label}: peaks of {peaks[0] / 1e6:.1f} and {peaks[1] / 1e6:.1f} MB")
    assert peaks[1] <= 1.3 * peaks[0]
