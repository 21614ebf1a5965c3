"""Finds events in the log: filters that combine, pages that stay quick however deep they lie.

Pages go by record number, never by counting: the page before record 500,000 costs what the first
one costs. Searching happens in AuditIndex; the events themselves come from the record, by the same
statement. It is SQL as it stands: which index the database takes depends on how a condition is put,
and making it from a QuerySet took longer than the search.
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
# How far one looks first, in records in the order of the log, and how far then, if what was found
# promises to be enough. Where matches are few, the indexes give all there are, to be sorted.
ALONG_THE_LOG: Sequence[int] = (1_000, 20_000)
# The same in records that one exact filter finds.
ALONG_AN_INDEX: Sequence[int] = (2_000, 8_000)
CHUNK = 500
# What a line of the list shows.
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
# A hundred writers at once could record out of the order of their clocks.
FIRST_SINCE = """SELECT min(seq) FROM
  (SELECT seq FROM audit_auditindex WHERE at >= %s ORDER BY at LIMIT 100) AS near"""
LAST_UNTIL = """SELECT max(seq) FROM
  (SELECT seq FROM audit_auditindex WHERE at < %s ORDER BY at DESC LIMIT 100) AS near"""
# An intent stands with its outcome; a connection renews itself every few hours.
QUIET = (Kind.SETTINGS_INTENT, Kind.CREDENTIAL_RENEWED)
NEWEST = 2**63 - 2  # behind every record there will be
ALL = (0, NEWEST)
_LISTED = ", ".join(("id", *LISTED))
_COLUMNS = {"actor": "actor", "kind": "kind", "outcome": "outcome", "tenant": "tenant_id"}
_OUR_WORDS = 12  # of a search text; more narrow nothing down
MOST_WORDS = 20  # that begin as searched for: of more, asking for the beginning is quicker
LAST_SIGN = "\U0010ffff"


@dataclass(frozen=True)
class Sql:
    """A condition or a query, with a mark for each value, and the values."""

    sql: str
    values: tuple[Any, ...]

    def __and__(self, other: "Sql") -> "Sql":
        return Sql(f"{self.sql} AND {other.sql}", self.values + other.values)


def _is(sql: str, *values: Any) -> Sql:
    return Sql(sql, values)


INDEX = _is("audit_auditindex")


@dataclass(frozen=True)
class Filter:
    """Which events. Everything that is set must hold.

    tenants: only events of these; None for every event, also those of no tenant. actor: as
    `index.actor_key`. setting: Lofty's name of one that was changed. since, until: UTC, until not
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
        """The same, of this tenant only; nothing if it is not among `tenants`."""
        seen = self.tenants is None or tenant_id in self.tenants
        return replace(self, tenants=frozenset({tenant_id}) if seen else frozenset())

    def condition(self, query: str) -> Sql:
        """What it finds, for the indexes; without what is QUIET, unless asked for.

        query: `text` as `_query` makes it. By one column where its index gives the order, else by
        the terms of all.
        """
        found = self._columns()
        if not self.is_in_order and (terms := index.narrowest(list(self._wanted().items()))):
            found = _is("terms @> %s::text[]", terms)
        return found & self._others(query)

    def look(self, query: str) -> Sql:
        """The same, for looking at one record after the other."""
        found = self._columns() & self._others(query)
        if self.setting:
            found &= _is("terms @> %s::text[]", [index.term("setting", self.setting)])
        return found

    @property
    def is_in_order(self) -> bool:
        """Whether one index gives the answer in the order of the log already."""
        several_tenants = self.tenants is not None and len(self.tenants) != 1
        others = several_tenants or self.setting or self.text or self.since or self.until
        return len(self._wanted()) <= 1 and not others

    def ordered(self) -> list[Sql]:
        """The exact filters that an index keeps in the order of the log."""
        wanted = self._wanted()
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
    """The 50 events just before record `before`, or just after record `after`, or the newest."""
    if after is not None:
        events = _nearest(wanted, above=after, limit=PAGE + 1)
        return Page(events[-PAGE:], newer=len(events) > PAGE, older=True)
    below = NEWEST if before is None else before
    events = _nearest(wanted, below=below, limit=PAGE + 1)
    return Page(events[:PAGE], newer=before is not None, older=len(events) > PAGE)


def neighbours(wanted: Filter, seq: int) -> tuple[AuditEvent | None, AuditEvent | None]:
    """The next newer and the next older event that the filter finds."""
    newer = _nearest(wanted, above=seq, limit=1)
    older = _nearest(wanted, below=seq, limit=1)
    return next(iter(newer), None), next(iter(older), None)


def count(wanted: Filter, up_to: int) -> int:
    """How many the filter finds up to this record. Reads all of them: for exports."""
    query = _query(wanted)
    if query is None:
        return 0
    found = wanted.condition(query) & _is("seq <= %s", up_to)
    sql = f"SELECT count(*) FROM audit_auditindex WHERE {found.sql}"  # noqa: S608 - values are bound
    return int(_first(Sql(sql, found.values)))


def stream(wanted: Filter, up_to: int) -> Iterator[AuditEvent]:
    """Everything the filter finds up to this record, oldest first, with bodies.

    Reads piece by piece and holds no transaction: what is there once never changes.
    """
    query = _query(wanted)
    if query is None:
        return
    found, last = wanted.condition(query) & _is("seq <= %s", up_to), 0
    while piece := _events("*", _numbers(found & _is("seq > %s", last), "seq", CHUNK)):
        last = piece[0].seq
        while piece:
            yield piece.pop()  # and not kept until the next piece is there


def choices(tenants: frozenset[UUID] | None) -> dict[str, list[tuple[str, str]]]:
    """dimension -> (value, label) of what occurs in the events of these tenants, or in all."""
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
    """Newest first, as LISTED: the nearest below one record, or above another."""
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
    # By an expression: the database must not walk the log in search of few matches.
    return _in_order(wanted.condition(query) & within, edge, down, limit, "(seq + 0)")


def _query(wanted: Filter) -> str | None:
    """Its text as a tsquery, "" without one; None if no event has all of the words, or the text
    has no word.

    By whole words, unless very many begin as asked for: finding by the beginning takes the index up
    to ten times longer. Which there are, AuditWord knows, also by kind and outcome.
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
    """As `_in_order`, from record to record; None if that would take too long."""
    exact = wanted.ordered()
    by = within & _rarest(exact, within, edge, down)
    reaches = ALONG_AN_INDEX if exact else ALONG_THE_LOG
    if not (exact or wanted.setting or query):  # nothing but columns, which are looked at quickly
        reaches = reaches[1:]
    order, fitting = _order(down), wanted.look(query)
    found: list[AuditEvent] = []
    seen = 0
    for reach in reaches:
        if seen and len(found) * reach < seen * (limit // 2):
            break
        # Without a match one does not know how far one came.
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
    """That of these filters whose records lie farthest apart; TRUE if there is none."""
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
    """At most `limit` on one side of the edge, those nearest to it; newest first."""
    beyond = _beyond(condition, edge, down, place)
    return _events(_LISTED, _numbers(beyond, _order(down, place), limit))


def _beyond(condition: Sql, edge: int, down: bool, place: str = "seq") -> Sql:
    return condition & _is(f"{place} {'<' if down else '>'} %s", edge)


def _order(down: bool, place: str = "seq") -> str:
    return f"{place} {'DESC' if down else 'ASC'}"


def _bounds(wanted: Filter) -> tuple[int, int]:
    """Between which records the time asked for lies. Times may be a little out of order."""
    first, last = ALL
    if wanted.since:
        first = _first(_is(FIRST_SINCE, wanted.since)) or NEWEST
    if wanted.until:
        last = _first(_is(LAST_UNTIL, wanted.until)) or 0
    return first, last


def _events(columns: str, numbers: Sql) -> list[AuditEvent]:
    """Those with these numbers, newest first."""
    sql = (
        f"SELECT {columns} FROM audit_auditevent"  # noqa: S608 - values are bound
        f" WHERE seq IN ({numbers.sql}) ORDER BY seq DESC"
    )
    return list(AuditEvent.objects.raw(sql, numbers.values))


def _numbers(condition: Sql, order: str, limit: int, skipped: int = 0, of: Sql = INDEX) -> Sql:
    """The query for the record numbers of these."""
    sql = (
        f"SELECT seq FROM {of.sql} WHERE {condition.sql}"  # noqa: S608 - values are bound
        f" ORDER BY {order} OFFSET {skipped} LIMIT {limit}"
    )
    return Sql(sql, of.values + condition.values)


def _near(condition: Sql, order: str, steps: int) -> Sql:
    """The first so many of these: a table for `_numbers`."""
    sql = (
        f"(SELECT * FROM audit_auditindex WHERE {condition.sql}"  # noqa: S608 - values are bound
        f" ORDER BY {order} LIMIT {steps}) AS near"
    )
    return Sql(sql, condition.values)


def _last(condition: Sql, order: str, steps: int) -> int | None:
    """The record number so many of these on; None if there are fewer."""
    number: int | None = _first(_numbers(condition, order, 1, steps - 1))
    return number


def _first(query: Sql) -> Any:
    """The first value of the first row; None if there is no row."""
    return next((row[0] for row in _rows(query)), None)


def _rows(query: Sql) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query.sql, query.values)
        return list(cursor.fetchall())
