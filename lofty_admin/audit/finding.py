"""Finds events in the log: filters that combine, pages that stay quick however deep they lie.

Pages go by record number, never by counting: the page before record 500,000 costs what the first
one costs. Searching happens in AuditIndex; the events themselves come from the record, by the same
statement. It is SQL as it stands: which index the database takes depends on how a condition is put,
and making it from a QuerySet took longer than the search.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from django.db import connection

from lofty_admin.audit import index
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.models import AuditChoice, AuditEvent
from lofty_admin.folding import words

PAGE = 50
# How far back one looks first, in records, in the order of the log, and then, if that promises to
# be enough. Where matches are few, the indexes give all there are, to be sorted.
NEARBY, FURTHER = 1_000, 10_000
CHUNK = 500
# What a line of the list shows.
LISTED = (
    "seq",
    "at",
    "kind",
    "outcome",
    "actor_id",
    "actor_name",
    "tenant_name",
    "subject",
    "reason",
)
# A hundred writers at once could record out of the order of their clocks.
FIRST_SINCE = """SELECT min(seq) FROM
  (SELECT seq FROM audit_auditindex WHERE at >= %s ORDER BY at LIMIT 100) AS near"""
LAST_UNTIL = """SELECT max(seq) FROM
  (SELECT seq FROM audit_auditindex WHERE at < %s ORDER BY at DESC LIMIT 100) AS near"""
# An intent stands with its outcome; a connection renews itself every few hours.
QUIET = (Kind.SETTINGS_INTENT, Kind.CREDENTIAL_RENEWED)
# How many records that one exact filter finds are looked at one by one for the other filters.
LOOKED_AT = 2_000
NEWEST = 2**63 - 2  # behind every record there will be
ALL = (0, NEWEST)
_LISTED = ", ".join(("id", *LISTED))
_COLUMNS = {"actor": "actor", "kind": "kind", "outcome": "outcome", "tenant": "tenant_id"}
_OUR_WORDS = 12  # of a search text; more narrow nothing down


@dataclass(frozen=True)
class Condition:
    """Of rows of AuditIndex: SQL with a mark for each value, and the values."""

    sql: str
    values: tuple[Any, ...]

    def __and__(self, other: "Condition") -> "Condition":
        return Condition(f"{self.sql} AND {other.sql}", self.values + other.values)


def _is(sql: str, *values: Any) -> Condition:
    return Condition(sql, values)


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

    def condition(self, by: str = "") -> Condition:
        """What it finds; without what is QUIET, unless asked for.

        by: the one of `ordered` to go through record by record, looking at each for the rest: the
        database must not ask its indexes for all that match the others.
        """
        found = self._exactly(by)
        if self.tenants is not None and len(self.tenants) != 1:
            found &= _is("tenant_id = ANY(%s::uuid[])", sorted(self.tenants))
        if not self.kind:
            found &= _is("kind <> ALL(%s)", list(QUIET))
        if self.since:
            found &= _is("at >= %s", self.since)
        if self.until:
            found &= _is("at < %s", self.until)
        if sought := words(self.text)[:_OUR_WORDS]:
            query = " & ".join(f"'{word}':*" for word in sought)
            known = "(words || ''::tsvector)" if by else "words"
            found &= _is(f"{known} @@ %s::tsquery", query)
        return found

    @property
    def is_in_order(self) -> bool:
        """Whether one index gives the answer in the order of the log already."""
        several_tenants = self.tenants is not None and len(self.tenants) != 1
        others = several_tenants or self.setting or self.text or self.since or self.until
        return len(self._wanted()) <= 1 and not others

    def ordered(self) -> dict[str, Condition]:
        """The exact filters that an index keeps in the order of the log."""
        return {
            name: _is(f"{_COLUMNS[name]} = %s", value)
            for name, value in self._wanted().items()
            if name in _COLUMNS
        }

    def _exactly(self, by: str) -> Condition:
        """By its own column where that gives the order too, else all at once."""
        wanted, found = self._wanted(), _is("TRUE")
        if self.is_in_order:
            return next(iter(self.ordered().values()), found)
        if by:
            found &= self.ordered()[by]
            del wanted[by]
        if "kind" in wanted and "outcome" in wanted:
            wanted = {index.PAIR: f"{self.kind} {self.outcome}", **wanted}
            del wanted["kind"], wanted["outcome"]
        if wanted:
            terms = [index.term(name, value) for name, value in wanted.items()]
            known = "(terms || '{}'::text[])" if by else "terms"
            found &= _is(f"{known} @> %s::text[]", terms)
        return found

    def _wanted(self) -> dict[str, str]:
        exact = {"actor": self.actor, "kind": self.kind, "outcome": self.outcome}
        exact["setting"] = self.setting
        if self.tenants is not None and len(self.tenants) == 1:
            exact["tenant"] = str(next(iter(self.tenants)))
        return {name: value for name, value in exact.items() if value}


@dataclass(frozen=True)
class Found:
    """One page, newest first, as LISTED. newer, older: whether there are more each way."""

    events: Sequence[AuditEvent]
    newer: bool
    older: bool


def page(wanted: Filter, *, before: int | None = None, after: int | None = None) -> Found:
    """The 50 events just before record `before`, or just after record `after`, or the newest."""
    if after is not None:
        events = _nearest(wanted, above=after, limit=PAGE + 1)
        return Found(events[-PAGE:], newer=len(events) > PAGE, older=True)
    below = NEWEST if before is None else before
    events = _nearest(wanted, below=below, limit=PAGE + 1)
    return Found(events[:PAGE], newer=before is not None, older=len(events) > PAGE)


def neighbours(wanted: Filter, seq: int) -> tuple[AuditEvent | None, AuditEvent | None]:
    """The next newer and the next older event that the filter finds."""
    newer = _nearest(wanted, above=seq, limit=1)
    older = _nearest(wanted, below=seq, limit=1)
    return next(iter(newer), None), next(iter(older), None)


def count(wanted: Filter, up_to: int) -> int:
    """How many the filter finds up to this record. Reads all of them: for exports."""
    found = wanted.condition() & _is("seq <= %s", up_to)
    sql = f"SELECT count(*) FROM audit_auditindex WHERE {found.sql}"  # noqa: S608 - values are bound
    return int(_first(sql, found.values))


def stream(wanted: Filter, up_to: int) -> Iterator[AuditEvent]:
    """Everything the filter finds up to this record, oldest first, with bodies.

    Reads piece by piece and holds no transaction: what is there once never changes.
    """
    found, last = wanted.condition() & _is("seq <= %s", up_to), 0
    while piece := _events("*", found & _is("seq > %s", last), "seq", CHUNK):
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
    condition = wanted.condition()
    first, last = bounds = _bounds(wanted)
    if bounds != ALL:
        condition &= _is("seq BETWEEN %s AND %s", *bounds)
    down = below is not None
    edge = min(below, last + 1) if below is not None else max(above or 0, first - 1)
    if wanted.is_in_order:
        return _in_order(condition, edge, down, limit)
    if wanted.ordered():
        found, that_is_all = _one_by_one(wanted, bounds, edge, down, limit)
        if that_is_all or len(found) == limit:
            return found
    elif len(found := _close_by(condition, edge, down, limit)) == limit:
        return found
    # By an expression: the database must not walk the log in search of few matches.
    return _in_order(condition, edge, down, limit, "(seq + 0)")


def _close_by(condition: Condition, edge: int, down: bool, limit: int) -> list[AuditEvent]:
    """As `_in_order`, among the records close to the edge: perhaps not all there are."""
    start = edge
    if edge == NEWEST:
        start = (_first("SELECT max(seq) FROM audit_auditindex") or 0) + 1
    found: list[AuditEvent] = []
    for reach in (NEARBY, FURTHER):
        near = condition & _is("seq BETWEEN %s AND %s", start - reach, start + reach)
        found = _in_order(near, edge, down, limit)
        if len(found) == limit or len(found) * (FURTHER // NEARBY) < limit // 2:
            break
    return found


def _one_by_one(
    wanted: Filter, bounds: tuple[int, int], edge: int, down: bool, limit: int
) -> tuple[list[AuditEvent], bool]:
    """What is found among the LOOKED_AT nearest records of the rarest of the exact filters, and
    whether it has no more of them."""
    end = bounds[0] if down else bounds[1]
    reaches = []
    for by, exact in wanted.ordered().items():
        within = _beyond(exact & _is("seq BETWEEN %s AND %s", *bounds), edge, down)
        last = _first(_numbers(within, f"seq {_order(down)}", 1, LOOKED_AT - 1), within.values)
        reaches.append((end if last is None else last, by))
    far, by = min(reaches) if down else max(reaches)
    near = wanted.condition(by) & _is("seq BETWEEN %s AND %s", *sorted((far, edge)))
    return _in_order(near, edge, down, limit), far == end


def _in_order(
    condition: Condition, edge: int, down: bool, limit: int, place: str = "seq"
) -> list[AuditEvent]:
    """At most `limit` on one side of the edge, those nearest to it; newest first."""
    beyond = _beyond(condition, edge, down, place)
    return _events(_LISTED, beyond, f"{place} {_order(down)}", limit)


def _beyond(condition: Condition, edge: int, down: bool, place: str = "seq") -> Condition:
    return condition & _is(f"{place} {'<' if down else '>'} %s", edge)


def _order(down: bool) -> str:
    return "DESC" if down else "ASC"


def _bounds(wanted: Filter) -> tuple[int, int]:
    """Between which records the time asked for lies. Times may be a little out of order."""
    first, last = ALL
    if wanted.since:
        first = _first(FIRST_SINCE, [wanted.since]) or NEWEST
    if wanted.until:
        last = _first(LAST_UNTIL, [wanted.until]) or 0
    return first, last


def _events(columns: str, condition: Condition, order: str, limit: int) -> list[AuditEvent]:
    """The first of them in this order, newest first."""
    sql = (
        f"SELECT {columns} FROM audit_auditevent"  # noqa: S608 - values are bound
        f" WHERE seq IN ({_numbers(condition, order, limit)}) ORDER BY seq DESC"
    )
    return list(AuditEvent.objects.raw(sql, condition.values))


def _numbers(condition: Condition, order: str, limit: int, skipped: int = 0) -> str:
    """The query for the record numbers of these."""
    return (
        f"SELECT seq FROM audit_auditindex WHERE {condition.sql}"  # noqa: S608 - values are bound
        f" ORDER BY {order} OFFSET {skipped} LIMIT {limit}"
    )


def _first(sql: str, values: Sequence[Any] = ()) -> Any:
    """The first value of the first row; None if there is no row."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        row = cursor.fetchone()
    return row and row[0]
