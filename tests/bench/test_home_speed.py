"""Measure the home page with many tenants: every order, filters, search, the last page.

    BENCH_TENANTS=2000 BENCH_ROUNDS=20 python -m pytest -s tests/bench/test_home_speed.py

Each tenant has a connection, settings as last read with long lists, three changes, and some have
groups. Measured is the whole answer by the test client: middleware, queries and template.
"""

import os
import statistics
import sys
import time
from datetime import timedelta

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from lofty_admin.accounts.models import User
from lofty_admin.agentsettings.models import Operation, SettingsSnapshot
from lofty_admin.agentsettings.snapshots import summary_fields
from lofty_admin.fleet.changes import OUTCOMES
from lofty_admin.fleet.tenant_list import SORTS
from lofty_admin.fleet.views import PAGE_LENGTH
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.tenants.models import Connection, ConnectionHealth, Group, Membership, Role, Tenant
from tests.support.fleet import SETTINGS, saved, sent
from tests.support.users import make_user, signed_in

TENANTS = int(os.environ.get("BENCH_TENANTS", "100"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "2"))
GENEROUS = 0.5  # seconds of this process: a slow machine must pass, a query per row must not
# Session, user, groups, count, tenants; their groups, tokens and last changes; changes by day, seen
# in Lofty, newest and who made those; counts, worker, drafts.
QUERIES = 15
LONG: list[JSON] = list(range(100_000_000_000_000, 100_000_000_000_400))
ADDRESSES = (
    "/",
    *(f"/?sort={way}{name}" for name in SORTS for way in ("", "-")),
    "/?token=failing",
    "/?channel=text&manual=no&group=group-1&sort=-change",
    "/?q=tenant+17",
    "/?q=no+one+is+called+this",
    f"/?status=all&page={max(1, TENANTS // PAGE_LENGTH)}",
)


def make_tenants(first: int, count: int) -> None:
    """That many tenants, numbered from `first`, with all the home page shows of them."""
    now = timezone.now()
    tenants = Tenant.objects.bulk_create(
        Tenant(slug=f"tenant-{n}", name=f"Tenant {n * 7919 % 10007}", note="A note. " * 5)
        for n in range(first, first + count)
    )
    connections = Connection.objects.bulk_create(
        Connection(
            tenant=tenant,
            scheme="api_key",
            sealed=b"x" * 100,
            version=1,
            fingerprint=f"hmac-sha256:{n:064}",
            lofty_user={"name": f"User {n}", "email": f"user{n}@example.com"},
        )
        for n, tenant in enumerate(tenants, first)
        if n % 11
    )
    ConnectionHealth.objects.bulk_create(
        ConnectionHealth(
            connection=connection,
            last_good_at=now - timedelta(minutes=n) if n % 3 else None,
            failing_since=now if n % 20 == 0 else None,
        )
        for n, connection in enumerate(connections, first)
    )
    SettingsSnapshot.objects.bulk_create(
        SettingsSnapshot(
            tenant=tenant, **summary_fields(settings(n)), read_at=now - timedelta(minutes=n)
        )
        for n, tenant in enumerate(tenants, first)
        if n % 13
    )
    Operation.objects.bulk_create(
        sent(tenant, now - timedelta(hours=n % 97 + 100 * age), base=settings(n))
        for n, tenant in enumerate(tenants, first)
        for age in range(3)
    )
    for number in range(5):
        group, _ = Group.objects.get_or_create(slug=f"group-{number}", name=f"Group {number}")
        group.tenants.add(*tenants[number::7])


def settings(n: int) -> dict[str, JSON]:
    return {
        **SETTINGS,
        "assistantName": f"Agent {n * 31 % 997}",
        "textChannel": bool(n % 2),
        "startActiveHour": n % 24,
        "agentIds": LONG,
    }


def analyze() -> None:
    """As the database does by itself, sooner or later."""
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")


@pytest.fixture
def many(db: None) -> None:
    make_tenants(0, TENANTS)
    for n, tenant in enumerate(Tenant.objects.all()[:60]):
        saved(tenant, OUTCOMES[n % 5], days_ago=n % 14, by=f"Person {n % 7}")
    analyze()


def seconds(client: Client, address: str) -> tuple[float, float]:
    """By the clock, and of this process alone, whatever else the machine does."""
    start = time.perf_counter(), time.process_time()
    answer = client.get(address)
    took = time.perf_counter() - start[0], time.process_time() - start[1]
    assert answer.status_code == 200
    return took


def percentiles(times: list[tuple[float, float]]) -> str:
    words = []
    for name, values in zip(("clock", "own"), zip(*times, strict=True), strict=True):
        cuts = statistics.quantiles(values, n=100, method="inclusive")
        words.append(f"{name}: p50 {cuts[49] * 1000:5.1f} p95 {cuts[94] * 1000:5.1f} ms")
    return "   ".join(words)


def measure(client: Client, who: str) -> list[tuple[float, float]]:
    client.get("/")  # templates are compiled by whoever comes first
    took = {address: [seconds(client, address) for _ in range(ROUNDS)] for address in ADDRESSES}
    lines = [f"{percentiles(times)}   {address}" for address, times in took.items()]
    everything = [duration for times in took.values() for duration in times]
    sys.stdout.write("\n".join(["", *lines, f"{percentiles(everything)}   {who}, all", ""]))
    return everything


def test_home__many_tenants__is_fast_for_every_role(many: None, superuser: User) -> None:
    member = make_user("member@example.com", "Mona Member")
    Membership.objects.bulk_create(
        Membership(user=member, tenant=tenant, role=Role.VIEWER) for tenant in Tenant.objects.all()
    )
    analyze()
    for user in (superuser, member):
        took = measure(signed_in(user), f"{TENANTS:,} tenants, {user.name}")
        own = [one for _, one in took]
        assert statistics.quantiles(own, n=20, method="inclusive")[18] < GENEROUS


@pytest.mark.parametrize("address", ["/", "/?sort=-change", "/?q=tenant&sort=token"])
def test_home__ten_times_the_tenants__as_many_queries(superuser: User, address: str) -> None:
    client, asked = signed_in(superuser), []
    for first, count in ((0, 5), (5, 60)):
        make_tenants(first, count)
        for tenant in Tenant.objects.all()[:count]:
            saved(tenant, by=tenant.name)
        with CaptureQueriesContext(database) as queries:
            client.get(address)
        asked.append(len(queries))
    assert asked == [QUERIES, QUERIES]
