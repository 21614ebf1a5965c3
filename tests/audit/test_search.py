"""Searching events: every filter, every pair of filters, and pages that neither skip nor repeat."""

import datetime as dt
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from importlib import import_module
from threading import Event
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as budget
from hypothesis import strategies as st

from lofty_admin.audit.context import NOBODY, Actor
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.canonical import JSON
from lofty_admin.audit.log.record import TenantRef, record
from lofty_admin.audit.models import AuditChoice, AuditEvent, AuditIndex, AuditWord, mapping
from lofty_admin.audit.search import index, query
from lofty_admin.audit.search.query import Filter, count, fetch_page, neighbours, stream
from lofty_admin.core.text import is_wordless, search_words, words

pytestmark = pytest.mark.django_db
ACME, GLOBEX = (TenantRef(UUID(int=n), f"t{n}", f"Tenant {n}") for n in (1, 2))
ANNA, BRUNO = Actor("person", "1", "Anna Ångström"), Actor("job", "sync", "Names job")
EVERYTHING = Filter(None)
CASES = st.fixed_dictionaries(
    {
        "kind": st.sampled_from([Kind.SETTINGS_OUTCOME, Kind.SETTINGS_INTENT, Kind.SIGNED_IN]),
        "outcome": st.sampled_from([None, Outcome.VERIFIED, Outcome.UNKNOWN]),
        "tenant": st.sampled_from([None, ACME, GLOBEX]),
        "actor": st.sampled_from([ANNA, BRUNO]),
        "reason": st.sampled_from(["", "holiday hours", "ticket 4711", "Holly's ticket"]),
        "detail": st.sampled_from(
            [
                None,
                {"changed": ["activeDays"]},
                {"changed": ["agentIds"]},
                {"made_by": {"id": "1", "name": "Anna Ångström"}},
                {"made_by": {"id": "2", "name": "Cleo"}, "changed": ["activeDays"]},
            ]
        ),
    }
)
FILTERS = st.builds(
    Filter,
    tenants=st.sampled_from([None, *map(frozenset, ((), (ACME.id,), (ACME.id, GLOBEX.id)))]),
    actor=st.sampled_from(["", "person:1", "person:2", "job:sync"]),
    kind=st.sampled_from(["", Kind.SETTINGS_OUTCOME, Kind.SETTINGS_INTENT]),
    outcome=st.sampled_from(["", Outcome.VERIFIED]),
    setting=st.sampled_from(["", "activeDays"]),
    text=st.sampled_from(["", "hol", "HOLIDAY hours", "ticket", "angstrom", "xyzzy", "' & !:*"]),
)


def naive(wanted: Filter, event: AuditEvent) -> bool:
    """The same, the slow and plain way."""
    maker = mapping(event.detail.get("made_by"))
    texts = [event.reason, event.actor_name, str(maker.get("name", ""))]
    known = words(" ".join([*texts, event.tenant_name, event.tenant_slug]))
    people = {f"{event.actor_kind}:{event.actor_id}", f"person:{maker.get('id')}"}
    return (
        (wanted.tenants is None or event.tenant_id in wanted.tenants)
        and (not wanted.actor or wanted.actor in people)
        and (wanted.kind == event.kind or not (wanted.kind or event.kind == Kind.SETTINGS_INTENT))
        and wanted.outcome in ("", event.outcome)
        and (not wanted.setting or wanted.setting in event.changed)
        and not is_wordless(wanted.text)
        and all(any(k.startswith(word) for k in known) for word in search_words(wanted.text))
    )


def every_page(wanted: Filter) -> Iterator[list[int]]:
    before = None
    while True:
        fetched = fetch_page(wanted, before=before)
        yield [event.seq for event in fetched.events]
        if not fetched.older:
            return
        before = fetched.events[-1].seq


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shrink pages, chunks, and the records checked first, so that both steps are taken."""
    monkeypatch.setattr(query, "PAGE", 3)
    monkeypatch.setattr(query, "CHUNK", 2)
    monkeypatch.setattr(query, "NEAR", 1)
    monkeypatch.setattr(query, "FURTHER", 2)
    monkeypatch.setattr(query, "MAX_WORDS", 1)
    monkeypatch.setattr(query, "MAX_BEGUN", 1)


@budget(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(events=st.lists(CASES, max_size=14), wanted=FILTERS)
def test_page__any_filter_over_any_log__finds_what_a_full_scan_finds(
    small: None, events: list[dict[str, object]], wanted: Filter
) -> None:
    start = AuditIndex.objects.count()
    for one in events:
        record(**one)  # type: ignore[arg-type]  # drawn above
    rows = AuditEvent.objects.order_by("-seq")
    expected = [event.seq for event in rows if naive(wanted, event)]
    assert [seq for one in every_page(wanted) for seq in one] == expected
    assert [event.seq for event in stream(wanted, up_to=10**9)] == expected[::-1]
    assert count(wanted, up_to=10**9) == len(expected)
    for at, seq in enumerate(expected[:5]):
        newer, older = neighbours(wanted, seq)
        assert (newer.seq if newer else None) == (expected[at - 1] if at else None)
        assert (older.seq if older else None) == next(iter(expected[at + 1 :]), None)
        back = fetch_page(wanted, after=seq)
        assert [event.seq for event in back.events] == expected[max(0, at - 3) : at]
        assert back.newer == (at > 3)
    assert AuditIndex.objects.count() == start + len(events)


def write(number: int, **more: object) -> list[AuditEvent]:
    return [record(Kind.TENANT_CHANGED, **more) for _ in range(number)]  # type: ignore[arg-type]


def test_page__newer_pages__lead_back_the_same_way(small: None) -> None:
    seqs = [event.seq for event in write(8)]
    oldest = fetch_page(EVERYTHING, before=seqs[3])
    assert [event.seq for event in oldest.events] == seqs[2::-1]
    assert (oldest.newer, oldest.older) == (True, False)
    newer = fetch_page(EVERYTHING, after=seqs[2])
    assert [event.seq for event in newer.events] == seqs[5:2:-1]
    assert (newer.newer, newer.older) == (True, True)
    assert not fetch_page(EVERYTHING, after=seqs[4]).newer


@pytest.mark.parametrize("apart", [1, 2, 3, 4, 5, 7])
@pytest.mark.parametrize("wanted", [Filter(None, text="tick"), Filter(None, "person:1", text="t")])
def test_page__matches_far_apart__next_window_continues_in_either_direction(
    small: None, wanted: Filter, apart: int
) -> None:
    seqs = [
        write(1, actor=ANNA, reason="" if number % apart else "ticket")[0].seq
        for number in range(21)
    ]
    expected = seqs[::apart]
    assert [seq for one in every_page(wanted) for seq in one] == expected[::-1]
    for at, seq in enumerate(seqs):
        newer = [one for one in expected if one > seq]
        fetched = fetch_page(wanted, after=seq)
        assert [event.seq for event in fetched.events] == newer[2::-1], at
        assert fetched.newer == (len(newer) > 3)


def test_page__beyond_either_end__empty() -> None:
    write(2)
    assert fetch_page(EVERYTHING, before=0).events == []
    assert fetch_page(EVERYTHING, after=10**18).events == []


def test_page__by_time__from_the_first_to_before_the_last(small: None) -> None:
    seqs = [event.seq for event in write(9)]
    begin = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    for day, seq in enumerate(seqs):
        AuditIndex.objects.filter(seq=seq).update(at=begin + dt.timedelta(days=day))
    march = replace(EVERYTHING, since=begin + dt.timedelta(2), until=begin + dt.timedelta(7))
    assert [seq for one in every_page(march) for seq in one] == seqs[6:1:-1]
    assert fetch_page(replace(march, since=begin + dt.timedelta(90), until=None)).events == []
    assert fetch_page(replace(march, since=None, until=begin)).events == []


def test_page__times_out_of_order__none_is_missed() -> None:
    one, other = (event.seq for event in write(2))
    noon = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
    AuditIndex.objects.filter(seq=one).update(at=noon + dt.timedelta(seconds=1))
    AuditIndex.objects.filter(seq=other).update(at=noon - dt.timedelta(seconds=1))
    assert [event.seq for event in fetch_page(replace(EVERYTHING, since=noon)).events] == [one]
    assert [event.seq for event in fetch_page(replace(EVERYTHING, until=noon)).events] == [other]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Verheißung", True),
        ("verheissung", True),
        ("VERH", True),
        ("garcia", True),
        ("nguyen", True),
        ("4155552671", True),
        ("joe example", True),
        ("Ａｎｎａ", True),
        ("nothing", False),
        ("heißung", False),
    ],
)
def test_text__names_values_and_messages__are_found_in_any_writing(text: str, found: bool) -> None:
    detail: dict[str, JSON] = {
        "changed": ["agentIds", "fixedNumber"],
        "names": {"agentIds": {"1": "Anna García", "2": "Nguyễn Văn", "3": "Stayed"}},
        "wanted": {"agentIds": [1, 3], "fixedNumber": "+1 415-555-2671"},
        "answer": {"message": "No such Verheißung"},
    }
    before = {"agentIds": [2, 3], "fixedNumber": "4155552671"}
    record(Kind.SETTINGS_OUTCOME, subject="joe@example.com", before=before, detail=detail)
    assert bool(fetch_page(replace(EVERYTHING, text=text)).events) is found
    assert not fetch_page(replace(EVERYTHING, text="stayed")).events


HOSTILE = ["'", "\\", "a'b:*|!c", "\x00", "half \ud800", "x" * 100_000, "& | ! ( )", "🏠 " * 3000]


@pytest.mark.parametrize("text", HOSTILE, ids=[repr(text)[:12] for text in HOSTILE])
def test_text__hostile__is_recorded_and_can_be_looked_for(text: str) -> None:
    event = record(Kind.NAME_GIVEN, reason=text, subject=text)
    assert fetch_page(EVERYTHING).events[0].seq == event.seq
    fetch_page(replace(EVERYTHING, text=text.replace("\x00", "")[:200]))


@pytest.mark.parametrize(("members", "length", "found"), [(5000, 9, True), (30_000, 99, False)])
def test_text__thousands_of_names_in_one_change__recorded_all_or_as_many_as_fit(
    members: int, length: int, found: bool
) -> None:
    names = {str(n): f"Agent {n:0{length}}" for n in range(members)}
    detail = {"changed": ["agentIds"], "names": {"agentIds": names}, "wanted": {"agentIds": []}}
    event = AuditEvent(seq=1, body=json.dumps({"detail": detail, "before": {"agentIds": [*names]}}))
    index.add(event_like(event))
    assert fetch_page(replace(EVERYTHING, text="agent")) is not None
    row = AuditIndex.objects.get()
    assert len(row.words) > 50_000
    assert count(replace(EVERYTHING, text=f"{members - 1:0{length}}"), up_to=1) == found


def event_like(event: AuditEvent) -> AuditEvent:
    """With the columns of an event that changed many names."""
    event.at, event.kind, event.actor_kind = timezone.now(), Kind.SETTINGS_OUTCOME, "nobody"
    return event


def test_choices__two_tenants__each_offers_its_own_and_everything_both() -> None:
    record(Kind.SIGNED_IN, outcome=Outcome.DONE, actor=ANNA)
    detail = {"changed": ["activeDays"]}
    record(Kind.SETTINGS_OUTCOME, tenant=ACME, outcome=Outcome.VERIFIED, actor=ANNA, detail=detail)
    record(Kind.DIRECTORY_SYNCED, tenant=GLOBEX, outcome=Outcome.DONE, actor=BRUNO)
    acme = query.choices(frozenset({ACME.id}))
    assert acme["actor"] == [("person:1", "Anna Ångström")]
    assert [value for value, _ in acme["kind"]] == [Kind.SETTINGS_OUTCOME]
    assert acme["setting"] == [("activeDays", "")]
    everything = query.choices(None)
    assert {value for value, _ in everything["kind"]} >= {Kind.SIGNED_IN, Kind.DIRECTORY_SYNCED}
    assert everything["actor"] == [("job:sync", "Names job"), ("person:1", "Anna Ångström")]
    assert query.choices(frozenset()) == {}


def test_choices__user_renamed__newest_name() -> None:
    for name in ("Anna Old", "Anna New"):
        record(Kind.SIGNED_IN, actor=Actor("person", "1", name))
    assert query.choices(None)["actor"] == [("person:1", "Anna New")]


# --- the index follows the log --------------------------------------------------------------------
def test_fill__index_lost__rebuilt_unchanged() -> None:
    write(3, tenant=ACME, reason="why", actor=ANNA)
    record(Kind.SETTINGS_OUTCOME, operation_id=uuid4(), detail={"changed": ["agentIds"]})
    before = list(AuditIndex.objects.order_by("seq").values())
    choices = set(AuditChoice.objects.values_list("scope", "dimension", "value", "label"))
    known = set(AuditWord.objects.values_list("word", "kind", "outcome"))
    assert {("why", Kind.TENANT_CHANGED, ""), ("tenant", Kind.TENANT_CHANGED, "")} <= known
    for table in (AuditIndex, AuditChoice, AuditWord):
        table.objects.all().delete()
    assert index.fill() == 4
    assert set(AuditWord.objects.values_list("word", "kind", "outcome")) == known
    assert list(AuditIndex.objects.order_by("seq").values()) == before
    assert set(AuditChoice.objects.values_list("scope", "dimension", "value", "label")) == choices
    assert index.fill() == 0


def test_fill__a_gap_left_by_an_older_version__filled() -> None:
    events = write(5, reason="why")
    AuditIndex.objects.filter(seq__in=[events[1].seq, events[2].seq]).delete()
    assert index.fill() == 2
    assert AuditIndex.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_fill__while_events_are_recorded__waits_without_a_deadlock() -> None:
    write(1, reason="why")
    AuditIndex.objects.all().delete()
    recorded, over = Event(), Event()

    def recording() -> None:
        with closing(connection), transaction.atomic():
            record(Kind.SIGNED_IN, actor=ANNA, outcome=Outcome.DONE)  # nothing like the other
            recorded.set()
            over.wait(20)

    def filling() -> int:
        with closing(connection):
            return index.fill()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(recording)
        assert recorded.wait(20)
        second = pool.submit(filling)
        with pytest.raises(TimeoutError):
            second.result(timeout=0.5)
        over.set()
        first.result(timeout=20)
        assert second.result(timeout=20) == 1


@pytest.mark.parametrize(("kind", "found"), [(Kind.TENANT_CHANGED, 1), (Kind.SIGNED_IN, 0)])
def test_text__begins_words_of_other_kinds__asks_only_for_those_of_this_one(
    kind: Kind, found: int
) -> None:
    write(1, reason="phone call")
    record(Kind.SIGNED_IN, actor=ANNA, outcome=Outcome.DONE)
    with CaptureQueriesContext(connection) as statements:
        assert len(fetch_page(Filter(None, kind=kind, text="pho")).events) == found
    searched = [
        statement["sql"] for statement in statements if "audit_auditindex" in statement["sql"]
    ]
    assert bool(searched) == bool(found)
    assert not [sql for sql in searched if ":*" in sql]


@pytest.mark.parametrize(("rows", "used"), [(query.CHECKED, False), (query.INDEXED, True)])
def test_condition__on_expressions_or_columns__keeps_the_index_out_or_uses_it(
    rows: QuerySet[AuditIndex], used: bool
) -> None:
    write(1, reason="ticket")
    condition = Filter(None, setting="activeDays", text="tick").condition()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert ("audit_index_search" in rows.filter(condition).explain()) == used


def test_fill__damaged_body__indexed_by_its_columns() -> None:
    event = write(1, reason="still findable")[0]
    spoilt = AuditEvent.objects.get(pk=event.pk)
    for body in ("not json", "[1]", '{"detail": 7}', '{"detail": {"changed": "x"}}'):
        spoilt.body = body
        spoilt.__dict__.pop("content", None)
        assert "findable" in list(index.search_words(spoilt))
        kind = NOBODY.kind
        assert index.terms(spoilt)[:2] == [f"actor {kind}:", "kind tenant.changed"]


def test_migration__outcomes_of_an_older_version__found_by_the_maker_too() -> None:
    made_by = {"made_by": {"id": "2", "name": "Cleo"}}
    event = record(Kind.SETTINGS_OUTCOME, actor=ANNA, outcome=Outcome.VERIFIED, detail=made_by)
    other = record(Kind.SETTINGS_OUTCOME, actor=ANNA, outcome=Outcome.VERIFIED)
    kept = AuditIndex.objects.get(seq=other.seq).terms
    AuditIndex.objects.update(terms=kept)
    assert fetch_page(Filter(None, actor="person:2")).events == []
    with connection.cursor() as cursor:
        cursor.execute(import_module("lofty_admin.audit.migrations.0009_makers").FORGET)
    assert index.fill() == 1
    assert [one.seq for one in fetch_page(Filter(None, actor="person:2")).events] == [event.seq]


@pytest.mark.django_db(transaction=True)
def test_migration__interrupted_while_it_made_the_index__starts_over() -> None:
    MigrationExecutor(connection).migrate([("audit", "0009_makers")])
    try:
        with connection.cursor() as cursor:
            cursor.execute("CREATE INDEX audit_index_search ON audit_auditindex (kind)")
            cursor.execute("DROP INDEX audit_index_kind")
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, "audit_auditindex")
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("30s",)
    assert constraints["audit_index_search"]["columns"] == ["terms", "words"]
    assert not constraints.keys() & {"audit_index_terms", "audit_index_kind", "audit_index_actor"}


def test_record__rolled_back__leaves_nothing_in_the_index() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        write(1)
        raise RuntimeError
    assert not AuditIndex.objects.exists()


def test_audit_index__rebuilt__unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    write(3, reason="why")
    before = list(AuditIndex.objects.order_by("seq").values())
    AuditIndex.objects.update(terms=[], kind="spoilt")
    call_command("audit_index")
    assert "0 events indexed." in capsys.readouterr().out
    call_command("audit_index", "--all")
    assert "3 events indexed." in capsys.readouterr().out
    assert list(AuditIndex.objects.order_by("seq").values()) == before
