"""Today's changes and those of the last two weeks, for the home page.

Counted by operation, so each change counts once, with its current outcome and for the user who made
it, whoever settled it and however often that was tried.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    Case,
    Count,
    DateTimeField,
    F,
    Func,
    IntegerField,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from lofty_admin.agentsettings.credit import credited
from lofty_admin.agentsettings.models import Operation, State
from lofty_admin.audit.kinds import Outcome
from lofty_admin.audit.models import AuditEvent
from lofty_admin.audit.search.stats import newest, seen_in_lofty
from lofty_admin.core.timezones import begin_of
from lofty_admin.core.visible import isolated
from lofty_admin.tenants.models import Tenant

DAYS = 14
LISTED = 5
NAMED = 2
# Outcomes in the order they are stacked: those that need no one are at the bottom.
OUTCOMES = (
    Outcome.VERIFIED,
    Outcome.NOT_SENT,
    Outcome.REJECTED,
    Outcome.NOT_APPLIED,
    Outcome.UNKNOWN,
)


@dataclass(frozen=True)
class Day:
    """A day in the reader's time zone and its number of changes by outcome."""

    date: date
    counts: Mapping[str, int]

    @property
    def in_order(self) -> list[int]:
        """Return one number for each of OUTCOMES."""
        return [self.counts.get(outcome, 0) for outcome in OUTCOMES]

    @property
    def by_outcome(self) -> list[tuple[str, int]]:
        """Return the numbers of `in_order`, each with its outcome."""
        return [(outcome.value, self.counts.get(outcome, 0)) for outcome in OUTCOMES]

    @property
    def total(self) -> int:
        return sum(self.in_order)

    @property
    def words(self) -> str:
        """Return the day in words, such as "5 verified, 1 rejected"."""
        counts = zip(self.in_order, OUTCOMES, strict=True)
        return ", ".join(f"{n} {one.label.lower()}" for n, one in counts if n) or _("none")


@dataclass(frozen=True)
class Changes:
    """Counts for the home page.

    days: the last two weeks, today last. by: who changed something today, in words. in_lofty: how
    many changes made in Lofty itself were seen today. newest: the newest ones of today.
    """

    days: tuple[Day, ...]
    by: str
    in_lofty: int
    newest: Sequence[AuditEvent]

    @property
    def today(self) -> Day:
        return self.days[-1]

    @property
    def total(self) -> int:
        return sum(day.total for day in self.days)

    @property
    def totals(self) -> list[int]:
        """Return the sums over all days, one for each of OUTCOMES."""
        return [sum(column) for column in zip(*(day.in_order for day in self.days), strict=True)]


@dataclass(frozen=True)
class Counted:
    """A number of similar changes. day: 0 for the first of the requested days."""

    day: int
    outcome: str
    actor_id: str
    actor_name: str
    count: int


def changes(visible: QuerySet[Tenant] | None, zone: tzinfo) -> Changes:
    """Count the changes of these tenants, or of all, by day in `zone`. At most three queries."""
    today = timezone.now().astimezone(zone).date()
    dates = [today - timedelta(days=ago) for ago in range(DAYS - 1, -1, -1)]
    ids = None if visible is None else visible.order_by().values("pk")
    begins = [begin_of(one, zone) for one in dates]
    counted = _counted(ids, begins)
    return Changes(
        days=tuple(_day(one, n, counted) for n, one in enumerate(dates)),
        by=_by(one for one in counted if one.day == DAYS - 1),
        in_lofty=seen_in_lofty(ids, begins[-1]),
        newest=credited(newest(ids, begins[-1], LISTED)),
    )


def _counted(tenants: QuerySet[Any] | None, begins: Sequence[datetime]) -> list[Counted]:
    """Count the changes settled since `begins[0]`, and those sent since with unknown outcome.

    Days are passed as moments, because PostgreSQL may not know the reader's time zone.
    """
    stopped = Q(state=State.UNKNOWN) | Q(state=State.SENT, lease_until__lte=timezone.now())
    found = Operation.objects.filter(
        Q(settled_at__gte=begins[0]) | Q(stopped, settled_at=None, sent_at__gte=begins[0])
    )
    if tenants is not None:
        found = found.filter(tenant_id__in=tenants)
    edges = Value(list(begins), output_field=ArrayField(DateTimeField()))
    at = Coalesce("settled_at", "sent_at")
    day = Func(at, edges, function="width_bucket", output_field=IntegerField())
    outcome = Case(When(settled_at=None, then=Value(State.UNKNOWN)), default=F("state"))
    rows = (
        found.annotate(day=day - 1, outcome=outcome)
        .values_list("day", "outcome", "actor_id", "actor_name")
        .annotate(Count("pk"))
        .order_by()
    )
    return [Counted(*row) for row in rows]


def _day(of: date, number: int, counted: Iterable[Counted]) -> Day:
    counts: Counter[str] = Counter()
    for one in counted:
        if one.day == number:
            counts[one.outcome] += one.count
    return Day(of, counts)


def _by(of_today: Iterable[Counted]) -> str:
    """Return names such as "Olivia Owner, Emil Editor and 3 others", most changes first."""
    counts: Counter[str] = Counter()
    names: dict[str, str] = {}
    for one in of_today:
        actor = one.actor_id or one.actor_name
        counts[actor] += one.count
        names[actor] = one.actor_name
    actors = sorted(counts, key=lambda actor: (-counts[actor], names[actor]))
    named = [isolated(names[a] or _("Not signed in")) for a in actors[:NAMED]]
    if left := len(actors) - len(named):
        words = ngettext("%(names)s and %(left)s other", "%(names)s and %(left)s others", left)
        return words % {"names": ", ".join(named), "left": left}
    if len(named) == NAMED:
        return _("%(one)s and %(other)s") % {"one": named[0], "other": named[1]}
    return "".join(named)
