"""How many changes of settings came to what, day by day and by whom, and the newest of them.

Answered from one small index (`audit_index_outcomes`), which holds nothing but these events in the
order of time: what it costs depends on how many there were in the days asked for, not on the log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    Case,
    Count,
    DateTimeField,
    F,
    Func,
    IntegerField,
    QuerySet,
    TextField,
    Value,
    When,
)

from lofty_admin.audit.kinds import CHANGES
from lofty_admin.audit.models import AuditChoice, AuditEvent, AuditIndex, actor_in_words

_Tenants = QuerySet[Any] | None


@dataclass(frozen=True)
class Counted:
    """So many events like this. day: 0 for the first of the days asked for. actor: as
    `index.actor_key`, told for the last day only, else ""."""

    kind: str
    day: int
    outcome: str
    actor: str
    count: int


def tally(tenants: _Tenants, begins: Sequence[datetime]) -> list[Counted]:
    """What happened since the first of `begins`, which are the begins of days, oldest first.

    tenants: a query of their ids, or None for all. The last day goes on until now. Days are given
    as moments, because PostgreSQL may not know the reader's time zone.
    """
    edges = Value(list(begins), output_field=ArrayField(DateTimeField()))
    day = Func(F("at"), edges, function="width_bucket", output_field=IntegerField())
    rows = (
        _changes(tenants, begins[0])
        .annotate(
            day=day - 1,
            who=Case(
                When(at__gte=begins[-1], then=F("actor")),
                default=Value("", output_field=TextField()),
            ),
        )
        .values_list("kind", "day", "outcome", "who")
        .annotate(Count("pk"))
        .order_by()
    )
    return [Counted(*row) for row in rows]


def newest(tenants: _Tenants, since: datetime, most: int) -> list[AuditEvent]:
    """The newest changes, newest first, without bodies."""
    # By time, as the index has them: by number, a log without any would be read to its begin.
    seqs = _changes(tenants, since).order_by("-at").values("seq")[:most]
    return list(AuditEvent.objects.filter(seq__in=seqs).order_by("-seq").defer("body"))


def names_of(actors: Sequence[str]) -> list[str]:
    """The newest names of these, each as `index.actor_key`, in their order."""
    found = AuditChoice.objects.filter(
        scope=AuditChoice.EVERYWHERE, dimension="actor", value__in=actors
    )
    names = dict(found.values_list("value", "label"))
    parts = [(actor.partition(":"), names.get(actor, "")) for actor in actors]
    return [actor_in_words(kind, name) or number for (kind, _, number), name in parts]


def _changes(tenants: _Tenants, since: datetime) -> QuerySet[AuditIndex]:
    found = AuditIndex.objects.filter(kind__in=CHANGES, at__gte=since)
    return found if tenants is None else found.filter(tenant_id__in=tenants)
