"""The summary at the top of the home page, and the data of its two plots."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, QuerySet

from lofty_admin.accounts.models import User
from lofty_admin.fleet.changes import OUTCOMES, Changes, Day, changes
from lofty_admin.fleet.connection_status import CONCERNS, Concern, meaning, with_token
from lofty_admin.fleet.plots import Bar, Column, bars, stacked
from lofty_admin.fleet.tenant_list import CHANNELS, LAST_CHANGE
from lofty_admin.tenants.access.permissions import is_superuser
from lofty_admin.tenants.models import Tenant


@dataclass(frozen=True)
class Overview:
    """Counts of active tenants.

    `unknown`: with a change of unknown outcome. `off`: whose assistant has every channel off, as
    last read. `unread`: whose settings were never read.
    """

    concerns: Sequence[Concern]
    unknown: int
    off: int
    unread: int
    changes: Changes
    plots: "Plots | None"


@dataclass(frozen=True)
class Plots:
    """The data of the plots.

    columns: each with its day. rows: an outcome in words and its bar. lines: see plots.Columns.
    """

    columns: Sequence[tuple[Day, Column]]
    lines: Sequence[tuple[int, int]]
    rows: Sequence[tuple[str, Bar]]
    busiest: Day


def overview(user: User | AnonymousUser, visible: QuerySet[Tenant], zone: tzinfo) -> Overview:
    """Return the overview of the tenants visible to `user`, which are `visible`."""
    found = changes(None if is_superuser(user) else visible, zone)
    counts = _counts(visible)
    return Overview(
        concerns=[replace(c, count=counts[c.state]) for c in CONCERNS if counts[c.state]],
        unknown=counts["unknown"],
        off=counts["off"],
        unread=counts["unread"],
        changes=found,
        plots=_plots(found) if found.total else None,
    )


def _counts(visible: QuerySet[Tenant]) -> dict[str, int]:
    """Count the active tenants in a single query."""
    active = with_token(visible.filter(status=Tenant.Status.ACTIVE).order_by())
    of_tokens = {str(one.state): Count("pk", filter=meaning(one.state)) for one in CONCERNS}
    return active.aggregate(
        **of_tokens,
        unknown=Count("pk", filter=LAST_CHANGE["unknown"]),
        off=Count("pk", filter=CHANNELS["none"]),
        unread=Count("pk", filter=CHANNELS["unread"]),
    )


def _plots(found: Changes) -> Plots:
    drawn = stacked([day.in_order for day in found.days])
    return Plots(
        columns=list(zip(found.days, drawn.columns, strict=True)),
        lines=drawn.lines,
        rows=[(str(o.label), bar) for o, bar in zip(OUTCOMES, bars(found.totals), strict=True)],
        busiest=max(found.days, key=lambda day: day.total),
    )
