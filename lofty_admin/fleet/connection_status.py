"""The states of many tenants' tokens: the single source for sorting, filtering, and counting.

`MEANING` has the states that exclude each other; each tenant has exactly one. `ConnectionSummary`
has what can be true in addition, too. `CONCERNS` lists what a user must act on.
"""

from dataclasses import dataclass

from django.db.models import (
    Case,
    FilteredRelation,
    IntegerField,
    Q,
    QuerySet,
    TextChoices,
    Value,
    When,
)
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from lofty_admin.core import clocks
from lofty_admin.tenants.models import STALE_AFTER, WARN_BEFORE, Health, Tenant


class ConnectionSummary(TextChoices):
    """What the list of tenants can be filtered by. Several can be true of one token."""

    WORKS = "works", _("Works")
    FAILING = "failing", _("Failing")
    UNUSED = "unused", _("Not used yet")
    NONE = "none", _("No token")
    ENDS = "ends", _("Expires within 30 days")
    NO_SETTINGS = "no_settings", _("Can't read settings")
    UNCHECKED = "unchecked", _("Not checked for two days")


_IS_FINE = Q(in_use__health__failing_since=None)
# Worst first, which is also the order of the sorted column.
MEANING = {
    ConnectionSummary.FAILING: Q(in_use__health__failing_since__isnull=False),
    ConnectionSummary.NONE: Q(in_use__id=None),
    ConnectionSummary.UNUSED: Q(
        _IS_FINE, in_use__id__isnull=False, in_use__health__last_good_at=None
    ),
    ConnectionSummary.WORKS: Q(_IS_FINE, in_use__health__last_good_at__isnull=False),
}
_NO_SETTINGS = (Health.SCOPE_MISSING, Health.FORBIDDEN, Health.NO_AGENT, Health.WRONG_AGENT)


def meaning(state: str) -> Q:
    """Return the filter of `with_token` for a ConnectionSummary, as of now."""
    now = timezone.now()
    checked_at = "in_use__health__checked_at"
    never = Q(**{checked_at: None}, in_use__added_at__lte=now - STALE_AFTER)
    meanings = {
        **MEANING,
        ConnectionSummary.ENDS: Q(in_use__expires_at__lte=now + WARN_BEFORE),
        ConnectionSummary.NO_SETTINGS: Q(in_use__health__status__in=_NO_SETTINGS),
        ConnectionSummary.UNCHECKED: clocks.happened_long_ago(checked_at, now, STALE_AFTER) | never,
    }
    return meanings[ConnectionSummary(state)]


@dataclass(frozen=True)
class Concern:
    """Something to do about some tokens: how many, in words, and the list of them."""

    state: ConnectionSummary
    urgent: bool
    count: int = 0

    @property
    def words(self) -> str:
        return _in_words(self.state, self.count) % {"count": self.count}


CONCERNS = (
    Concern(ConnectionSummary.FAILING, True),
    Concern(ConnectionSummary.NO_SETTINGS, True),
    Concern(ConnectionSummary.ENDS, False),
    Concern(ConnectionSummary.UNCHECKED, False),
    Concern(ConnectionSummary.NONE, False),
)


def _in_words(state: ConnectionSummary, count: int) -> str:
    """Return the words, with a placeholder for the count."""
    words = {
        ConnectionSummary.FAILING: ngettext(
            "%(count)s token fails", "%(count)s tokens fail", count
        ),
        ConnectionSummary.NO_SETTINGS: ngettext(
            "%(count)s token can't read settings", "%(count)s tokens can't read settings", count
        ),
        ConnectionSummary.ENDS: ngettext(
            "%(count)s token expires within 30 days",
            "%(count)s tokens expire within 30 days",
            count,
        ),
        ConnectionSummary.UNCHECKED: ngettext(
            "%(count)s token was not checked for two days: is the worker running?",
            "%(count)s tokens were not checked for two days: is the worker running?",
            count,
        ),
        ConnectionSummary.NONE: ngettext(
            "%(count)s tenant has no token", "%(count)s tenants have no token", count
        ),
    }
    return words[state]


def with_token(tenants: QuerySet[Tenant]) -> QuerySet[Tenant]:
    """Return the tenants with `in_use`, the connection in use, for filters and orders."""
    in_use = FilteredRelation("connections", condition=Q(connections__retired_at=None))
    return tenants.annotate(in_use=in_use)


def worst_first() -> Case:
    """Return an order for `with_token`: 0 for the worst state."""
    ranks = [When(state, then=Value(rank)) for rank, state in enumerate(MEANING.values())]
    return Case(*ranks, default=Value(len(ranks)), output_field=IntegerField())
