"""Find events in the log: filters that combine, and pages that stay fast at any depth.

Pages go by record number, never by counting: the page before record 500,000 costs what the first
one costs. Searching happens in AuditIndex, in two steps. The first checks the records next to the
page one by one. If too few of them match, matches are rare, and the second step lets the GIN index
return all of them. PostgreSQL alone would choose by its estimates, and it expects two common values
to occur together: where they never do, it would read the whole log.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from math import isqrt
from typing import Self
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db.models import F, Max, Min, OrderBy, Q, QuerySet, TextField, Value
from django.db.models.expressions import Expression
from django.db.models.functions import NullIf

from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.models import AuditChoice, AuditEvent, AuditIndex, AuditWord
from lofty_admin.audit.search import index
from lofty_admin.core.text import is_wordless, search_words

PAGE = 50
# The first step checks this times the square root of the log's length, and FURTHER times as many if
# the matches so far promise to fill the page. What is rarer, the second step finds about as fast.
NEAR, FURTHER = 12, 4
CHUNK = 500
MAX_WRITERS = 100  # at once; each may record out of the order of its clock
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
# An intent is repeated by its outcome; a connection renews itself every few hours.
QUIET = (Kind.SETTINGS_INTENT, Kind.CREDENTIAL_RENEWED)
MAX_TYPED = 12  # words of a search text; more do not narrow it further
# Words that begin as typed. The GIN index finds a few words faster than all that begin so, and more
# of them need too much of it.
MAX_WORDS, MAX_BEGUN = 20, 200

# PostgreSQL uses an index for a column, and not for an expression, even if it changes nothing.
_TERMS = NullIf("terms", Value([], ArrayField(TextField())))
_WORDS = NullIf("words", Value("", SearchVectorField()))
# Rows for a condition that is checked row by row, and for one that the GIN index answers.
CHECKED = AuditIndex.objects.alias(its_terms=_TERMS, its_words=_WORDS, checked_words=_WORDS)
INDEXED = AuditIndex.objects.alias(its_terms=F("terms"), its_words=F("words"), checked_words=_WORDS)


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

    def condition(self) -> Q | None:
        """Return the condition on CHECKED or INDEXED rows; None if no event can match.

        It excludes QUIET kinds unless asked for.
        """
        text = self._text_condition()
        if text is None:
            return None
        found = text if self.kind else text & ~Q(kind__in=QUIET)
        if self.tenants is not None:
            found &= Q(tenant_id__in=self.tenants)
        if self.since:
            found &= Q(at__gte=self.since)
        if self.until:
            found &= Q(at__lt=self.until)
        if terms := self._terms():
            found &= Q(its_terms__contains=terms)
        return found

    @property
    def is_in_order(self) -> bool:
        """Return whether a plain index returns the matches in the order of the log."""
        several_tenants = self.tenants is not None and len(self.tenants) > 1
        return not (several_tenants or self._terms() or self.text)

    def _terms(self) -> list[str]:
        exact = {"actor": self.actor, "kind": self.kind, "outcome": self.outcome}
        exact["setting"] = self.setting
        values = [(name, value) for name, value in exact.items() if value]
        # A tenant alone has an index in the order of the log.
        if self.tenants is not None and len(self.tenants) == 1 and (values or self.text):
            values.append(("tenant", str(next(iter(self.tenants)))))
        return index.narrowest(values)

    def _text_condition(self) -> Q | None:
        """Return the condition for the text; None if no event can match.

        That is a text without a word, or with a word that no event of this kind and outcome has.
        """
        typed = search_words(self.text)[:MAX_TYPED]
        known = {begin: self._known_words(begin) for begin in typed}
        if is_wordless(self.text) or not all(known.values()):
            return None
        wide = [begin for begin, words in known.items() if len(words) > MAX_BEGUN]
        found = [Q(its_words=_any_of(begin, known[begin])) for begin in typed if begin not in wide]
        # In the GIN index a wide beginning can take seconds: it is only used if nothing else is.
        column = "checked_words" if found or self._terms() else "its_words"
        found += [Q(**{column: _begins(begin)}) for begin in wide]
        return reduce(Q.__and__, found, Q())

    def _known_words(self, begin: str) -> list[str]:
        """Return the words that begin this way, at most one too many."""
        known = AuditWord.objects.filter(word__startswith=begin)
        if self.kind:
            known = known.filter(kind=self.kind)
        if self.outcome:
            known = known.filter(outcome=self.outcome)
        words = known.order_by("word").values_list("word", flat=True).distinct()
        return list(words[: MAX_BEGUN + 1])


class TsQuery(SearchQuery):
    """A query of folded words in PostgreSQL's own notation: nothing parses them again."""

    template = "%(expressions)s::tsquery"


def _any_of(begin: str, words: Sequence[str]) -> TsQuery:
    if len(words) > MAX_WORDS:
        return _begins(begin)
    return TsQuery(" | ".join(f"'{word}'" for word in words))


def _begins(begin: str) -> TsQuery:
    return TsQuery(f"'{begin}':*")


@dataclass(frozen=True)
class Page:
    """One page, newest first, as LISTED. newer, older: whether there are more each way."""

    events: Sequence[AuditEvent]
    newer: bool
    older: bool


def fetch_page(wanted: Filter, *, before: int | None = None, after: int | None = None) -> Page:
    """Return the 50 events just before record `before`, or just after `after`, or the newest."""
    events = _nearest(wanted, PAGE + 1, before=before, after=after)
    if after is not None:
        return Page(events[-PAGE:], newer=len(events) > PAGE, older=True)
    return Page(events[:PAGE], newer=before is not None, older=len(events) > PAGE)


def neighbours(wanted: Filter, seq: int) -> tuple[AuditEvent | None, AuditEvent | None]:
    """Return the next newer and the next older event that the filter matches."""
    newer = _nearest(wanted, 1, after=seq)
    older = _nearest(wanted, 1, before=seq)
    return next(iter(newer), None), next(iter(older), None)


def count(wanted: Filter, up_to: int) -> int:
    """Count the matches up to this record. Reads all of them: for exports."""
    condition = wanted.condition()
    return 0 if condition is None else INDEXED.filter(condition, seq__lte=up_to).count()


def stream(wanted: Filter, up_to: int) -> Iterator[AuditEvent]:
    """Yield all matches up to this record, oldest first, with bodies.

    Reads in chunks and holds no transaction: a stored record never changes.
    """
    condition = wanted.condition()
    if condition is None:
        return
    rows, last = INDEXED.filter(condition, seq__lte=up_to).order_by("seq"), 0
    while piece := list(_events(rows.filter(seq__gt=last), CHUNK)):
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
    wanted: Filter, limit: int, *, before: int | None = None, after: int | None = None
) -> list[AuditEvent]:
    """Return the matches nearest before one record, or after another; newest first, as LISTED."""
    condition = wanted.condition()
    if condition is None:
        return []
    first, last = _bounds(wanted)
    reach, older = NEAR * isqrt(last), after is None
    if after is not None:
        first = max(first, after + 1)
    elif before is not None:
        last = min(last, before - 1)
    for steps in (reach, FURTHER * reach):
        near = (max(first, last - steps + 1), last) if older else (first, min(last, first + steps))
        found = _listed(CHECKED.filter(condition, seq__range=near), F("seq"), older, limit)
        if len(found) == limit or near == (first, last):
            return found
        if len(found) * FURTHER < limit:
            break
    # Sorted by an expression, or PostgreSQL would walk the log in search of few matches.
    place = F("seq") if wanted.is_in_order else F("seq") + 0
    return _listed(INDEXED.filter(condition, seq__range=(first, last)), place, older, limit)


def _listed(
    rows: QuerySet[AuditIndex], place: F | Expression, older: bool, limit: int
) -> list[AuditEvent]:
    """Return the events of the nearest rows by `place`; newest first, as LISTED."""
    nearest = rows.order_by(OrderBy(place, descending=older))
    return list(_events(nearest, limit).only(*LISTED))


def _bounds(wanted: Filter) -> tuple[int, int]:
    """Return the record numbers between which the filter's time range lies.

    Recorded times may be slightly out of order.
    """
    oldest = newest = AuditIndex.objects.all()
    if wanted.since:
        oldest = oldest.filter(at__gte=wanted.since).order_by("at")[:MAX_WRITERS]
    if wanted.until:
        newest = newest.filter(at__lt=wanted.until).order_by("-at")[:MAX_WRITERS]
    first = oldest.aggregate(seq=Min("seq"))["seq"]
    last = newest.aggregate(seq=Max("seq"))["seq"]
    return (first, last) if first and last else (1, 0)


def _events(rows: QuerySet[AuditIndex], limit: int) -> QuerySet[AuditEvent]:
    """Return the events of the first rows, newest first."""
    return AuditEvent.objects.filter(seq__in=rows.values("seq")[:limit]).order_by("-seq")
