"""The newest changes and the changes seen in Lofty, for the requested tenants only."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from lofty_admin.audit.context import Actor
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import AuditIndex
from lofty_admin.audit.search.stats import newest, seen_in_lofty
from lofty_admin.core.timezones import begin_of
from lofty_admin.tenants.models import Tenant

pytestmark = pytest.mark.django_db
ZONE = ZoneInfo("America/New_York")
# Its clocks went forward in the night to the 8th: that day has 23 hours.
BEGINS = [begin_of(date(2026, 3, day), ZONE) for day in (7, 8, 9)]


def happened(
    tenant: Tenant, at: datetime, kind: Kind, outcome: Outcome | None, who: str = "1"
) -> None:
    """The index says it happened at `at`; the record keeps its own time."""
    actor = Actor("person", who, f"Person {who}")
    event = record(kind, tenant=tenant.ref, outcome=outcome, actor=actor)
    AuditIndex.objects.filter(seq=event.seq).update(at=at)


@pytest.fixture
def log(acme: Tenant, globex: Tenant) -> None:
    saved = (Kind.SETTINGS_OUTCOME, Outcome.VERIFIED)
    first, second, last = BEGINS
    happened(acme, first - timedelta(seconds=1), *saved)  # before all of it
    happened(acme, second - timedelta(seconds=1), *saved)
    happened(acme, last - timedelta(seconds=1), *saved)
    happened(acme, last - timedelta(hours=23), Kind.SETTINGS_OUTCOME, Outcome.UNKNOWN)
    happened(acme, last, *saved, who="2")
    happened(globex, last, *saved, who="3")
    happened(globex, last + timedelta(hours=1), Kind.SETTINGS_SEEN_CHANGED, None, who="3")
    happened(globex, last, Kind.SETTINGS_INTENT, None)
    happened(globex, last, Kind.DIRECTORY_SYNCED, Outcome.DONE)


def test_seen_in_lofty__since_a_moment__of_the_tenants_asked_for(log: None, acme: Tenant) -> None:
    assert seen_in_lofty(None, BEGINS[-1]) == 1
    assert seen_in_lofty(None, BEGINS[-1] + timedelta(hours=2)) == 0
    assert seen_in_lofty(Tenant.objects.filter(pk=acme.pk).values("pk"), BEGINS[0]) == 0


def test_newest__of_some_tenants__in_order_and_no_more_than_asked(log: None, acme: Tenant) -> None:
    kinds = [event.kind for event in newest(None, BEGINS[-1], 5)]
    assert kinds == ["settings.seen_changed", "settings.outcome", "settings.outcome"]
    assert len(newest(None, BEGINS[-1], 2)) == 2
    of_acme = newest(Tenant.objects.filter(pk=acme.pk).values("pk"), BEGINS[-1], 5)
    assert [event.tenant_id for event in of_acme] == [acme.pk]


def test_tally__index__holds_all_it_needs() -> None:
    """Then counting reads nothing else, however long the log is (docs/performance.md)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'audit_index_outcomes'")
        (made,) = cursor.fetchone()
    assert "(at) INCLUDE (seq, tenant_id, kind, outcome, actor)" in made
    assert "settings.outcome" in made
