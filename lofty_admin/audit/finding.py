"""Finds events in the log: filters that combine, pages that stay quick however deep they lie.

Pages go by record number, never by counting: the page before record 500,000 costs what the first
one costs. Searching happens in AuditIndex; the events themselves come from the record.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.fields.array import ArrayContains  # type: ignore[attr-defined]  # not in the stubs
from django.contrib.postgres.search import SearchVectorField
from django.db.models import F, Lookup, Q, QuerySet

from lofty_admin.audit import index
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.models import AuditChoice, AuditEvent, AuditIndex
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
NEAR = 100  # so many writers at once could record out of the order of their clocks
# An intent stands with its outcome; a connection renews itself every few hours.
QUIET = (Kind.SETTINGS_INTENT, Kind.CREDENTIAL_RENEWED)
# How many records that one exact filter finds are looked at one by one for the other filters.
LOOKED_AT = 2_000
NEWEST = 2**63 - 2  # behind every record there will be
ALL = (0, NEWEST)
_COLUMNS = {"actor": "actor", "kind": "kind", "outcome": "outcome", "tenant": "tenant_id"}
_OUR_WORDS = 12  # of a search text; more narrow nothing down


@SearchVectorField.register_lookup
class Matches(Lookup):  # type: ignore[type-arg]  # generic only in the stubs
    """`words__matches="'ann':* & 'smith':*"`: a tsquery as it stands, not parsed anew."""

    lookup_name = "matches"
    template = "{} @@ %s::tsquery"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        left, left_params = self.process_lhs(compiler, connection)
        return self.template.format(left), [*left_params, self.rhs]

    def get_prep_lookup(self) -> Any:
        return self.rhs


@SearchVectorField.register_lookup
class MatchesEach(Matches):
    """The same, row by row: the database must not ask the index for all that match."""

    lookup_name = "matches_each"
    template = "({} || ''::tsvector) @@ %s::tsquery"


@ArrayField.register_lookup
class ContainsEach(ArrayContains):  # type: ignore[misc]  # for the same reason
    """`terms__contains_each=[...]`: the same for the index of terms."""

    lookup_name = "contains_each"

    def process_lhs(self, *args: Any, **kwargs: Any) -> tuple[str, Any]:
        left, params = super().process_lhs(*args, **kwargs)
        return f"({left} || '{{}}'::text[])", params


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

    def rows(self, by: str = "") -> QuerySet[AuditIndex]:
        """What is found, in no order; without what is QUIET, unless asked for.

        by: the one of `ordered` to go through record by record, looking at each for the rest.
        """
        wanted = [Q(**self._exactly(by))]
        if self.tenants is not None and len(self.tenants) != 1:
            wanted.append(Q(tenant_id__in=sorted(self.tenants)))
        if not self.kind:
            wanted.append(~Q(kind__in=QUIET))
        if self.since:
            wanted.append(Q(at__gte=self.since))
        if self.until:
            wanted.append(Q(at__lt=self.until))
        if sought := words(self.text)[:_OUR_WORDS]:
            query = " & ".join(f"'{word}':*" for word in sought)
            wanted.append(Q(**{"words__matches_each" if by else "words__matches": query}))
        return AuditIndex.objects.filter(*wanted)

    @property
    def is_in_order(self) -> bool:
        """Whether one index gives the answer in the order of the log already."""
        several_tenants = self.tenants is not None and len(self.tenants) != 1
        others = several_tenants or self.setting or self.text or self.since or self.until
        return len(self._wanted()) <= 1 and not others

    def ordered(self) -> Iterator[tuple[str, QuerySet[AuditIndex]]]:
        """The exact filters that an index keeps in the order of the log, and what each finds."""
        for name, value in self._wanted().items():
            if column := _COLUMNS.get(name):
                yield name, AuditIndex.objects.filter(**{column: value})

    def _exactly(self, by: str) -> dict[str, Any]:
        """By its own column where that gives the order too, else all at once."""
        wanted = self._wanted()
        if self.is_in_order:
            return {_COLUMNS.get(name, name): v for name, v in wanted.items()}
        found: dict[str, Any] = {_COLUMNS[by]: wanted.pop(by)} if by else {}
        if "kind" in wanted and "outcome" in wanted:
            wanted = {index.PAIR: f"{self.kind} {self.outcome}", **wanted}
            del wanted["kind"], wanted["outcome"]
        if wanted:
            contains = "terms__contains_each" if by else "terms__contains"
            found[contains] = [index.term(name, value) for name, value in wanted.items()]
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
        seqs = _nearest(wanted, above=after, limit=PAGE + 1)
        return Found(_events(seqs[-PAGE:]), newer=len(seqs) > PAGE, older=True)
    below = NEWEST if before is None else before
    seqs = _nearest(wanted, below=below, limit=PAGE + 1)
    return Found(_events(seqs[:PAGE]), newer=before is not None, older=len(seqs) > PAGE)


def neighbours(wanted: Filter, seq: int) -> tuple[AuditEvent | None, AuditEvent | None]:
    """The next newer and the next older event that the filter finds."""
    newer = _events(_nearest(wanted, above=seq, limit=1))
    older = _events(_nearest(wanted, below=seq, limit=1))
    return next(iter(newer), None), next(iter(older), None)


def count(wanted: Filter, up_to: int) -> int:
    """How many the filter finds up to this record. Reads all of them: for exports."""
    return wanted.rows().filter(seq__lte=up_to).count()


def stream(wanted: Filter, up_to: int) -> Iterator[AuditEvent]:
    """Everything the filter finds up to this record, oldest first, with bodies.

    Reads piece by piece and holds no transaction: what is there once never changes.
    """
    seqs = wanted.rows().filter(seq__lte=up_to).order_by("seq").values_list("seq", flat=True)
    last = 0
    while piece := list(seqs.filter(seq__gt=last)[:CHUNK]):
        yield from AuditEvent.objects.filter(seq__in=piece).order_by("seq")
        last = piece[-1]


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


def _end() -> int:
    newest = AuditIndex.objects.order_by("-seq").values_list("seq", flat=True).first()
    return (newest or 0) + 1


def _nearest(
    wanted: Filter, *, below: int | None = None, above: int | None = None, limit: int
) -> list[int]:
    """Record numbers, newest first: the nearest below one record, or above another."""
    rows = wanted.rows()
    first, last = bounds = _bounds(wanted)
    if bounds != ALL:
        rows = rows.filter(seq__range=bounds)
    down = below is not None
    edge = min(below, last + 1) if below is not None else max(above or 0, first - 1)
    if wanted.is_in_order:
        return _in_order(rows, "seq", edge, down, limit)
    if any(wanted.ordered()):
        found, that_is_all = _one_by_one(wanted, bounds, edge, down, limit)
        if that_is_all or len(found) == limit:
            return found
    elif len(found := _close_by(rows, edge, down, limit)) == limit:
        return found
    # By an expression: the database must not walk the log in search of few matches.
    return _in_order(rows.annotate(far=F("seq") + 0), "far", edge, down, limit)


def _close_by(rows: QuerySet[AuditIndex], edge: int, down: bool, limit: int) -> list[int]:
    """As `_in_order`, among the records close to the edge: perhaps not all there are."""
    start = _end() if edge == NEWEST else edge
    found: list[int] = []
    for reach in (NEARBY, FURTHER):
        near = rows.filter(seq__range=(start - reach, start + reach))
        found = _in_order(near, "seq", edge, down, limit)
        if len(found) == limit or len(found) * (FURTHER // NEARBY) < limit // 2:
            break
    return found


def _one_by_one(
    wanted: Filter, bounds: tuple[int, int], edge: int, down: bool, limit: int
) -> tuple[list[int], bool]:
    """What is found among the LOOKED_AT nearest records of the rarest of the exact filters, and
    whether it has no more of them."""
    end = bounds[0] if down else bounds[1]
    reaches = []
    for name, rows in wanted.ordered():
        within = rows.filter(seq__range=bounds)
        last = _in_order(within, "seq", edge, down, LOOKED_AT, skip=LOOKED_AT - 1)
        reaches.append((last[0] if last else end, name))
    far, by = min(reaches) if down else max(reaches)
    near = wanted.rows(by).filter(seq__range=sorted((far, edge)))
    return _in_order(near, "seq", edge, down, limit), far == end


def _in_order(
    rows: QuerySet[AuditIndex], name: str, edge: int, down: bool, limit: int, skip: int = 0
) -> list[int]:
    """At most `limit` numbers on one side of the edge, those nearest to it; newest first."""
    beyond = rows.filter(**{f"{name}__lt" if down else f"{name}__gt": edge})
    nearest = beyond.order_by(f"-{name}" if down else name).values_list("seq", flat=True)
    return sorted(nearest[skip:limit], reverse=True)


def _bounds(wanted: Filter) -> tuple[int, int]:
    """Between which records the time asked for lies. Times may be a little out of order."""
    by_time = AuditIndex.objects.values_list("seq", flat=True)
    first, last = ALL
    if wanted.since:
        from_then = by_time.filter(at__gte=wanted.since).order_by("at")[:NEAR]
        first = min(from_then, default=NEWEST)
    if wanted.until:
        until_then = by_time.filter(at__lt=wanted.until).order_by("-at")[:NEAR]
        last = max(until_then, default=0)
    return first, last


def _events(seqs: Sequence[int]) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(seq__in=seqs).order_by("-seq").only(*LISTED))
