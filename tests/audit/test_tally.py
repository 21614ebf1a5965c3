"""Counting changes by day, outcome and person: those of the tenants asked for and no others."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from lofty_admin.audit.context import Actor
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.models import AuditIndex
from lofty_admin.audit.record import record
from lofty_admin.audit.tally import Counted, names_of, newest, tally
from lofty_admin.tenants.models import Tenant
from lofty_admin.zones import begin_of

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


def test_tally__days_of_a_zone__counted_where_they_begin_there(log: None, acme: Tenant) -> None:
    saved = Kind.SETTINGS_OUTCOME.value
    of_acme = {
        Counted(saved, 0, "verified", "", 1),
        Counted(saved, 1, "verified", "", 1),
        Counted(saved, 1, "unknown", "", 1),
        Counted(saved, 2, "verified", "person:2", 1),
    }
    of_globex = {
        Counted(saved, 2, "verified", "person:3", 1),
        Counted(Kind.SETTINGS_SEEN_CHANGED.value, 2, "", "person:3", 1),
    }
    assert set(tally(Tenant.objects.filter(pk=acme.pk).values("pk"), BEGINS)) == of_acme
    assert set(tally(None, BEGINS)) == of_acme | of_globex
    assert tally(Tenant.objects.none().values("pk"), BEGINS) == []


def test_newest__of_some_tenants__in_order_and_no_more_than_asked(log: None, acme: Tenant) -> None:
    kinds = [event.kind for event in newest(None, BEGINS[-1], 5)]
    assert kinds == ["settings.seen_changed", "settings.outcome", "settings.outcome"]
    assert len(newest(None, BEGINS[-1], 2)) == 2
    of_acme = newest(Tenant.objects.filter(pk=acme.pk).values("pk"), BEGINS[-1], 5)
    assert [event.tenant_id for event in of_acme] == [acme.pk]


def test_names_of__actors__newest_names_in_their_order(log: None, acme: Tenant) -> None:
    record(Kind.TENANT_CHANGED, tenant=acme.ref, actor=Actor("person", "2", "Wed Anew"))
    assert names_of(["person:3", "person:2", "job:nameless"]) == [
        "Person 3",
        "Wed Anew",
        "nameless",
    ]


def test_tally__index__holds_all_it_needs() -> None:
    """Then counting reads nothing else, however long the log is (docs/performance.md)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'audit_index_outcomes'")
        (made,) = cursor.fetchone()
    assert "(at) INCLUDE (seq, tenant_id, kind, outcome, actor)" in made
    assert "settings.outcome" in made
