"""What was changed today and in the last two weeks: for the home page, from the log alone."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.models import AuditEvent
from lofty_admin.audit.tally import Counted, names_of, newest, tally
from lofty_admin.tenants.models import Tenant
from lofty_admin.zones import begin_of

DAYS = 14
LISTED = 5
NAMED = 2
# What a change can come to, as it is stacked: what needs nobody stands at the bottom.
OUTCOMES = (
    Outcome.VERIFIED,
    Outcome.NOT_SENT,
    Outcome.REJECTED,
    Outcome.NOT_APPLIED,
    Outcome.UNKNOWN,
)


@dataclass(frozen=True)
class Day:
    """A day of the reader's zone and how many changes came to which outcome on it."""

    date: date
    counts: Mapping[str, int]

    @property
    def in_order(self) -> list[int]:
        """One number for each of OUTCOMES."""
        return [self.counts.get(outcome, 0) for outcome in OUTCOMES]

    @property
    def total(self) -> int:
        return sum(self.in_order)

    @property
    def words(self) -> str:
        """ "5 verified, 1 rejected"."""
        counts = zip(self.in_order, OUTCOMES, strict=True)
        return ", ".join(f"{n} {one.label.lower()}" for n, one in counts if n) or _("none")


@dataclass(frozen=True)
class Changes:
    """days: the last two weeks, today last. by: who changed something today, in words.

    in_lofty: how many changes made in Lofty itself were seen today. newest: of today.
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
        """Over all days, one for each of OUTCOMES."""
        return [sum(column) for column in zip(*(day.in_order for day in self.days), strict=True)]


def changes(visible: QuerySet[Tenant] | None, zone: tzinfo) -> Changes:
    """Of these tenants, or of all; with the days of `zone`. At most three queries."""
    today = timezone.now().astimezone(zone).date()
    dates = [today - timedelta(days=ago) for ago in range(DAYS - 1, -1, -1)]
    ids = None if visible is None else visible.order_by().values("pk")
    begins = [begin_of(one, zone) for one in dates]
    counted = tally(ids, begins)
    outcomes = [one for one in counted if one.kind == Kind.SETTINGS_OUTCOME]
    of_today = [one for one in counted if one.day == DAYS - 1]
    return Changes(
        days=tuple(_day(one, n, outcomes) for n, one in enumerate(dates)),
        by=_by(one for one in of_today if one.kind == Kind.SETTINGS_OUTCOME),
        in_lofty=sum(one.count for one in of_today if one.kind == Kind.SETTINGS_SEEN_CHANGED),
        newest=newest(ids, begins[-1], LISTED) if of_today else (),
    )


def _day(of: date, number: int, outcomes: Iterable[Counted]) -> Day:
    counts: Counter[str] = Counter()
    for one in outcomes:
        if one.day == number:
            counts[one.outcome] += one.count
    return Day(of, counts)


def _by(of_today: Iterable[Counted]) -> str:
    """ "Olivia Owner, Emil Editor and 3 others", those with the most changes first."""
    counts: Counter[str] = Counter()
    for one in of_today:
        counts[one.actor] += one.count
    actors = sorted(counts, key=lambda actor: (-counts[actor], actor))
    known = names_of(actors[:NAMED]) if actors else []
    named = [name or _("Somebody not signed in") for name in known]
    if left := len(actors) - len(named):
        words = ngettext("%(names)s and %(left)s other", "%(names)s and %(left)s others", left)
        return words % {"names": ", ".join(named), "left": left}
    if len(named) == NAMED:
        return _("%(one)s and %(other)s") % {"one": named[0], "other": named[1]}
    return "".join(named)
