"""Names for ids, and searching them."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from pytest_django import DjangoAssertNumQueries

from lofty_admin.audit.models import AuditEvent
from lofty_admin.core.text import search_words
from lofty_admin.directory.models import FOLDED_LENGTH, Entry, EntryKind
from lofty_admin.directory.names import freshness, give_name, names, profile, search
from lofty_admin.tenants.models import Tenant
from tests.support.directory import found

BIG = 844510972070138


def add(tenant: Tenant, *rows: tuple[int, str, str], kind: EntryKind = EntryKind.AGENT) -> None:
    Entry.objects.keep([Entry.build(tenant, kind, *row) for row in rows])


@pytest.fixture
def staff(acme: Tenant) -> Tenant:
    add(
        acme,
        (BIG, "José Álvarez", "jose@acme.example.com · Downtown"),
        (102, "Anna Smith", "anna@acme.example.com · Uptown"),
        (103, "Marianna Jones", "mj@acme.example.com · Downtown"),
        (104, "Joanna Annandale", "ja@acme.example.com · Harbour"),
        (105, "王伟", "wang@acme.example.com · Harbour"),
        (106, "Łukasz Żółty", "lz@acme.example.com"),
        (107, "100% Real_Estate", ""),
    )
    return acme


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("alvarez", "José Álvarez"),
        ("JOSÉ", "José Álvarez"),
        ("jose@", "José Álvarez"),
        (str(BIG), "José Álvarez"),
        ("72070138", "José Álvarez"),
        ("smith anna", "Anna Smith"),
        ("伟", "王伟"),
        ("lukasz", "Łukasz Żółty"),
        ("ZOLTY", "Łukasz Żółty"),
        ("100%", "100% Real_Estate"),
        ("l_e", "100% Real_Estate"),
    ],
)
def test_search__any_part_in_any_script__found(staff: Tenant, text: str, first: str) -> None:
    assert found(staff, text)[:1] == [first]


def test_search__several_hits__beginnings_before_words_before_middles(staff: Tenant) -> None:
    assert found(staff, "anna") == ["Anna Smith", "Joanna Annandale", "Marianna Jones"]


@pytest.mark.parametrize("text", ["%", "_", "\\", "xyz", "anna unknown", "\0", "🎉", "-", "\u200b"])
def test_search__signs_with_a_meaning_in_sql__are_plain_text(staff: Tenant, text: str) -> None:
    assert found(staff, text) == []


@pytest.mark.parametrize("text", ["100%", "real_", "100% Real_Estate"])
def test_search__signs_next_to_words__only_the_words_count(staff: Tenant, text: str) -> None:
    assert found(staff, text) == ["100% Real_Estate"]


def test_search__gone_entries__come_last(staff: Tenant) -> None:
    Entry.objects.filter(lofty_id=102).update(gone_since=timezone.now())
    hits = search(staff, EntryKind.AGENT, "anna")
    assert [name.id for name in hits] == [104, 103, 102]
    assert [name.gone_since is None for name in hits] == [True, True, False]


def test_search__other_tenant_and_other_kind__not_found(staff: Tenant, globex: Tenant) -> None:
    add(globex, (201, "Anna Globex", ""))
    add(staff, (301, "Anna Office", ""), kind=EntryKind.OFFICE)
    assert found(globex, "anna") == ["Anna Globex"]
    assert found(staff, "anna", EntryKind.OFFICE) == ["Anna Office"]
    assert "Anna Globex" not in found(staff, "")


def test_search__many_hits__fifty_at_most(acme: Tenant) -> None:
    add(acme, *((number, f"Agent {number}", "") for number in range(1, 80)))
    assert len(search(acme, EntryKind.AGENT, "agent")) == 50
    assert len(search(acme, EntryKind.AGENT, "agent", limit=500)) == 50
    assert len(search(acme, EntryKind.AGENT, "agent", limit=3)) == 3
    assert search(acme, EntryKind.AGENT, "agent", limit=-1) == []


def test_names__known_gone_and_unknown__an_entry_for_each_in_order(staff: Tenant) -> None:
    since = timezone.now() - timedelta(days=3)
    Entry.objects.filter(lofty_id=103).update(gone_since=since)
    told = names(staff, EntryKind.AGENT, [103, 1002, BIG, 103, 2**80, -1])
    assert list(told) == [103, 1002, BIG, 2**80, -1]
    assert (told[103].name, told[103].gone_since) == ("Marianna Jones", since)
    assert (told[1002].name, told[1002].known) == ("unknown (1002)", False)
    assert told[BIG].detail == "jose@acme.example.com · Downtown"
    assert told[2**80].name == f"unknown ({2**80})"


def test_names__entry_without_a_name__says_so(acme: Tenant) -> None:
    add(acme, (7, "", ""))
    assert names(acme, EntryKind.AGENT, [7])[7].name == "without a name (7)"


def test_names__many_ids__one_query(
    staff: Tenant, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        names(staff, EntryKind.AGENT, range(1000))


def test_give_name__new_then_other_name__both_recorded(acme: Tenant) -> None:
    give_name(acme, 1002, "Zilow")
    assert give_name(acme, 1002, "Zillow").name == "Zillow"
    assert names(acme, EntryKind.SOURCE, [1002])[1002].name == "Zillow"
    events = AuditEvent.objects.filter(kind="directory.name_given").order_by("seq")
    told = [(event.content["before"], event.content["after"]) for event in events]
    assert told == [(None, "Zilow"), ("Zilow", "Zillow")]
    assert {event.subject for event in events} == {"lead source 1002"}


def test_give_name__the_same_again__no_second_record(acme: Tenant) -> None:
    give_name(acme, 1002, "Zillow")
    give_name(acme, 1002, " Zillow ")
    assert AuditEvent.objects.filter(kind="directory.name_given").count() == 1


def test_freshness__nothing_read_yet__says_so(acme: Tenant) -> None:
    fresh = freshness(acme)
    assert (fresh.synced_at, fresh.running, fresh.message) == (None, None, "")
    assert profile(acme) is None


class AnyName(TestCase):
    @given(st.text(max_size=700), st.text(max_size=700), st.integers(1, 2**63 - 1))
    def test_keep__any_name__stored_and_found_by_its_first_word(
        self, name: str, detail: str, lofty_id: int
    ) -> None:
        acme = Tenant.objects.create(slug="acme", name="Acme")
        add(acme, (lofty_id, name, detail))
        entry = Entry.objects.get(tenant=acme)
        assert len(entry.folded) <= FOLDED_LENGTH
        for text in [*search_words(entry.name)[:1], str(lofty_id)]:
            assert [hit.id for hit in search(acme, EntryKind.AGENT, text)] == [lofty_id]
