"""Find events in the log: filters that combine, and pages that stay fast at any depth.

Pages go by record number, never by counting: the page before record 500,000 costs what the first
one costs. Searching happens in AuditIndex; the events themselves come from the record, in the same
statement. The SQL is written by hand: which index the database takes depends on how a condition is
phrased, and building it from a QuerySet took longer than the search.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from typing import Any, Self
from uuid import UUID

from django.db import connection

from lofty_admin.audit.log.kinds import Kind
from lofty_admin.audit.models import AuditChoice, AuditEvent
from lofty_admin.audit.search import index
from lofty_admin.core.text import is_wordless, search_words

PAGE = 50
# Scan windows in records, in the order of the log: the second is used only if the matches in the
# first promise to fill a page. Where matches are few, the indexes return all of them, to be sorted.
ALONG_THE_LOG: Sequence[int] = (1_000, 20_000)
# Scan windows in records that one exact filter matches.
ALONG_AN_INDEX: Sequence[int] = (2_000, 8_000)
CHUNK = 500
# The columns of a line of the list.
LISTED = (
    "seq",
    "at",
    "kind",
    "outcome",
    "actor_kind",
    "actor_id",
    "actor_name",
    "tenant_name",
    "subject",
    "reason",
    "operation_id",
)
# Up to a hundred concurrent writers could record out of the order of their clocks.
FIRST_SINCE = """SELECT min(seq) FROM
  (SELECT seq FROM audit_auditindex WHERE at >= %s ORDER BY at LIMIT 100) AS near"""
LAST_UNTIL = """SELECT max(seq) FROM
  (SELECT seq FROM audit_auditindex WHERE at < %s ORDER BY at DESC LIMIT 100) AS near"""
# An intent is repeated by its outcome; a connection renews itself every few hours.
QUIET = (Kind.SETTINGS_INTENT, Kind.CREDENTIAL_RENEWED)
NEWEST = 2**63 - 2  # greater than any record number
ALL = (0, NEWEST)
_LISTED = ", ".join(("id", *LISTED))
_COLUMNS = {"actor": "actor", "kind": "kind", "outcome": "outcome", "tenant": "tenant_id"}
_OUR_WORDS = 12  # of a search text; more do not narrow it further
MOST_WORDS = 20  # with the typed beginning: above that, a prefix search is faster
LAST_SIGN = "\U0010ffff"


@dataclass(frozen=True)
class Sql:
    """A condition or a query, with a placeholder for each value, and the values."""

    sql: str
    values: tuple[Any, ...]

    def __and__(self, other: "Sql") -> "Sql":
        return Sql(f"{self.sql} AND {other.sql}", self.values + other.values)


def _is(sql: str, *values: Any) -> Sql:
    return Sql(sql, values)


INDEX = _is("audit_auditindex")


@dataclass(frozen=True)
class Filter:
    """A filter for events. Every field that is set must match.

    tenants: only events of these; None for every event, also those of no tenant. actor: as
    `index.actor_key`. setting: Lofty's name of a changed one. since, until: UTC, until not
    included. text: every word must begin a word of reason, subject, names or Lofty's message.
    """

    tenants: frozenset[UUID] | None
    actor: str = ""
    kind: str = ""
    outcome: str = ""
    setting: str = ""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""

    def narrowed_to(self, tenant_id: UUID) -> Self:
        """Return the filter limited to this tenant; it matches nothing if not among `tenants`."""
        seen = self.tenants is None or tenant_id in self.tenants
        return replace(self, tenants=frozenset({tenant_id}) if seen else frozenset())

    def condition(self, query: str) -> Sql:
        """Return the condition that the indexes use; it excludes QUIET kinds unless asked for.

        query: `text` as `_query` returns it. Uses one column where its index gives the order,
        otherwise the terms of all.
        """
        found = self._columns()
        if not self.is_in_order and (terms := index.narrowest(list(self._wanted().items()))):
            found = _is("terms @> %s::text[]", terms)
        return found & self._others(query)

    def look(self, query: str) -> Sql:
        """Return the condition for checking one record after the other."""
        found = self._columns() & self._others(query)
        if terms := self.only_in_terms:
            found &= _is("terms @> %s::text[]", terms)
        return found

    @property
    def only_in_terms(self) -> list[str]:
        """What no column says: the settings changed, and whose change another user settled."""
        found = {"setting": self.setting, "actor": self.actor if self._is_of_user else ""}
        return [index.term(name, value) for name, value in found.items() if value]

    @property
    def _is_of_user(self) -> bool:
        return index.is_user(self.actor)

    @property
    def is_in_order(self) -> bool:
        """Return whether one index gives the answer in the order of the log already."""
        several_tenants = self.tenants is not None and len(self.tenants) != 1
        others = several_tenants or self.only_in_terms or self.text or self.since or self.until
        return len(self._wanted()) <= 1 and not others

    def ordered(self) -> list[Sql]:
        """Return the exact filters that an index keeps in the order of the log."""
        wanted = self._wanted()
        if self._is_of_user:
            del wanted["actor"]
        return [_is(f"{_COLUMNS[name]} = %s", wanted[name]) for name in wanted if name in _COLUMNS]

    def _columns(self) -> Sql:
        return reduce(Sql.__and__, self.ordered(), _is("TRUE"))

    def _others(self, query: str) -> Sql:
        found = _is("TRUE")
        if self.tenants is not None and len(self.tenants) != 1:
            found &= _is("tenant_id = ANY(%s::uuid[])", sorted(self.tenants))
        if not self.kind:
            found &= _is("kind <> ALL(%s)", list(QUIET))
        if self.since:
            found &= _is("at >= %s", self.since)
        if self.until:
            found &= _is("at < %s", self.until)
        if query:
            found &= _is("words @@ %s::tsquery", query)
        return found

    def _wanted(self) -> dict[str, str]:
        exact = {"actor": self.actor, "kind": self.kind, "outcome": self.outcome}
        exact["setting"] = self.setting
        if self.tenants is not None and len(self.tenants) == 1:
            exact["tenant"] = str(next(iter(self.tenants)))
        return {name: value for name, value in exact.items() if value}


@dataclass(frozen=True)
class Page:
    """One page, newest first, as LISTED. newer, older: whether there are more each way."""

    events: Sequence[AuditEvent]
    newer: bool
    older: bool


def fetch_page(wanted: Filter, *, before: int | None = None, after: int | None = None) -> Page:
    """Return the 50 events just before record `before`, or just after `after`, or the newest."""
    if after is not None:
        events = _nearest(wanted, above=after, limit=PAGE + 1)
        return Page(events[-PAGE:], newer=len(events) > PAGE, older=True)
    below = NEWEST if before is None else before
    events = _nearest(wanted, below=below, limit=PAGE + 1)
    return Page(events[:PAGE], newer=before is not None, older=len(events) > PAGE)


def neighbours(wanted: Filter, seq: int) -> tuple[AuditEvent | None, AuditEvent | None]:
    """Return the next newer and the next older event that the filter matches."""
    newer = _nearest(wanted, above=seq, limit=1)
    older = _nearest(wanted, below=seq, limit=1)
    return next(iter(newer), None), next(iter(older), None)


def count(wanted: Filter, up_to: int) -> int:
    """Count the matches up to this record. Reads all of them: for exports."""
    query = _query(wanted)
    if query is None:
        return 0
    found = wanted.condition(query) & _is("seq <= %s", up_to)
    sql = f"SELECT count(*) FROM audit_auditindex WHERE {found.sql}"  # noqa: S608 - values are bound
    return int(_first(Sql(sql, found.values)))


def stream(wanted: Filter, up_to: int) -> Iterator[AuditEvent]:
    """Yield all matches up to this record, oldest first, with bodies.

    Reads in chunks and holds no transaction: a stored record never changes.
    """
    query = _query(wanted)
    if query is None:
        return
    found, last = wanted.condition(query) & _is("seq <= %s", up_to), 0
    while piece := _events("*", _numbers(found & _is("seq > %s", last), "seq", CHUNK)):
        last = piece[0].seq
        while piece:
            yield piece.pop()  # so that it is not kept until the next chunk arrives


def choices(tenants: frozenset[UUID] | None) -> dict[str, list[tuple[str, str]]]:
    """Return dimension -> (value, label) for the events of these tenants, or for all events."""
    scopes = [AuditChoice.EVERYWHERE] if tenants is None else sorted(tenants)
    rows = AuditChoice.objects.filter(scope__in=scopes).order_by("dimension", "value")
    if len(scopes) > 1:
        rows = rows.distinct()
    found: dict[str, dict[str, str]] = {}
    for dimension, value, label in rows.values_list("dimension", "value", "label"):
        found.setdefault(dimension, {})[value] = label
    return {dimension: list(values.items()) for dimension, values in found.items()}


def _nearest(
    wanted: Filter, *, below: int | None = None, above: int | None = None, limit: int
) -> list[AuditEvent]:
    """Return the matches nearest below one record, or above another; newest first, as LISTED."""
    query = _query(wanted)
    if query is None:
        return []
    first, last = bounds = _bounds(wanted)
    within = _is("TRUE") if bounds == ALL else _is("seq BETWEEN %s AND %s", *bounds)
    down = below is not None
    edge = min(below, last + 1) if below is not None else max(above or 0, first - 1)
    if wanted.is_in_order:
        return _in_order(wanted.condition(query) & within, edge, down, limit)
    found = _along(wanted, query, within, edge, down, limit)
    if found is not None:
        return found
    # An expression, so that the database does not walk the log in search of few matches.
    return _in_order(wanted.condition(query) & within, edge, down, limit, "(seq + 0)")


def _query(wanted: Filter) -> str | None:
    """Return the filter's text as a tsquery, "" without one; None if no event can match.

    No event matches a text without a word, or words that occur nowhere. It searches for whole
    words, unless very many begin as typed: a prefix search takes up to ten times longer in the
    index. AuditWord knows which words there are, also by kind and outcome.
    """
    if is_wordless(wanted.text):
        return None
    exact = _is("TRUE")
    for column, value in (("kind", wanted.kind), ("outcome", wanted.outcome)):
        if value:
            exact &= _is(f"{column} = %s", value)
    begins = search_words(wanted.text)[:_OUR_WORDS]
    asked = [exact & _is("word BETWEEN %s AND %s", one, one + LAST_SIGN) for one in begins]
    if not asked:
        return ""
    sql = " UNION ALL ".join(
        f"(SELECT DISTINCT {number}, word FROM audit_auditword WHERE {one.sql}"  # noqa: S608 - values are bound
        f" ORDER BY word LIMIT {MOST_WORDS + 1})"
        for number, one in enumerate(asked)
    )
    found: list[list[str]] = [[] for _ in begins]
    for number, word in _rows(Sql(sql, tuple(value for one in asked for value in one.values))):
        found[number].append(word)
    if not all(found):
        return None
    return " & ".join(f"({_any_of(*one)})" for one in zip(begins, found, strict=True))


def _any_of(begin: str, known: Sequence[str]) -> str:
    return " | ".join(f"'{word}'" for word in known) if len(known) <= MOST_WORDS else f"'{begin}':*"


def _along(
    wanted: Filter, query: str, within: Sql, edge: int, down: bool, limit: int
) -> list[AuditEvent] | None:
    """Scan the log record by record, like `_in_order`; None if that would take too long."""
    exact = wanted.ordered()
    by = within & _rarest(exact, within, edge, down)
    reaches = ALONG_AN_INDEX if exact else ALONG_THE_LOG
    # Only columns, which are checked fast.
    if not (exact or wanted.only_in_terms or query):
        reaches = reaches[1:]
    order, fitting = _order(down), wanted.look(query)
    found: list[AuditEvent] = []
    seen = 0
    for reach in reaches:
        if seen and len(found) * reach < seen * (limit // 2):
            break
        # Without a match the scan's progress is unknown.
        steps = reach - seen if found else reach
        beyond = _beyond(by, edge, down)
        near = _near(beyond, order, steps)
        more = _events(_LISTED, _numbers(fitting, order, limit - len(found), of=near))
        found = found + more if down else more + found
        if len(found) == limit:
            return found
        seen = reach
        if found:
            edge = found[-1 if down else 0].seq
    return found if exact and _last(beyond, order, steps) is None else None


def _rarest(exact: Sequence[Sql], within: Sql, edge: int, down: bool) -> Sql:
    """Return the filter whose records lie farthest apart; TRUE if there is none."""
    if len(exact) < 2:
        return next(iter(exact), _is("TRUE"))

    def far(one: Sql) -> int:
        beyond = _beyond(within & one, edge, down)
        last = _last(beyond, _order(down), ALONG_AN_INDEX[0])
        return NEWEST if last is None else abs(edge - last)

    return max(exact, key=far)


def _in_order(
    condition: Sql, edge: int, down: bool, limit: int, place: str = "seq"
) -> list[AuditEvent]:
    """Return at most `limit` matches on one side of the edge, the nearest; newest first."""
    beyond = _beyond(condition, edge, down, place)
    return _events(_LISTED, _numbers(beyond, _order(down, place), limit))


def _beyond(condition: Sql, edge: int, down: bool, place: str = "seq") -> Sql:
    return condition & _is(f"{place} {'<' if down else '>'} %s", edge)


def _order(down: bool, place: str = "seq") -> str:
    return f"{place} {'DESC' if down else 'ASC'}"


def _bounds(wanted: Filter) -> tuple[int, int]:
    """Return the record numbers that enclose the filter's time range.

    Recorded times may be slightly out of order.
    """
    first, last = ALL
    if wanted.since:
        first = _first(_is(FIRST_SINCE, wanted.since)) or NEWEST
    if wanted.until:
        last = _first(_is(LAST_UNTIL, wanted.until)) or 0
    return first, last


def _events(columns: str, numbers: Sql) -> list[AuditEvent]:
    """Return the events with these numbers, newest first."""
    sql = (
        f"SELECT {columns} FROM audit_auditevent"  # noqa: S608 - values are bound
        f" WHERE seq IN ({numbers.sql}) ORDER BY seq DESC"
    )
    return list(AuditEvent.objects.raw(sql, numbers.values))


def _numbers(condition: Sql, order: str, limit: int, skipped: int = 0, of: Sql = INDEX) -> Sql:
    """Return the query for the record numbers of the matches."""
    sql = (
        f"SELECT seq FROM {of.sql} WHERE {condition.sql}"  # noqa: S608 - values are bound
        f" ORDER BY {order} OFFSET {skipped} LIMIT {limit}"
    )
    return Sql(sql, of.values + condition.values)


def _near(condition: Sql, order: str, steps: int) -> Sql:
    """Return the first `steps` matches as a table for `_numbers`."""
    sql = (
        f"(SELECT * FROM audit_auditindex WHERE {condition.sql}"  # noqa: S608 - values are bound
        f" ORDER BY {order} LIMIT {steps}) AS near"
    )
    return Sql(sql, condition.values)


def _last(condition: Sql, order: str, steps: int) -> int | None:
    """Return the record number `steps` matches further; None if there are fewer."""
    number: int | None = _first(_numbers(condition, order, 1, steps - 1))
    return number


def _first(query: Sql) -> Any:
    """Return the first value of the first row; None if there is no row."""
    return next((row[0] for row in _rows(query)), None)


def _rows(query: Sql) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query.sql, query.values)
        return list(cursor.fetchall())
