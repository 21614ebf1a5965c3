"""How the tokens of many tenants do: the one place that sorts, filters and counts them by it.

Whatever more is known of a credential (when it ends, what a probe said of it) gets its line in
`MEANING`, if it is a state to filter by, and in `CONCERNS`, if a person must do something about it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Case, Count, FilteredRelation, IntegerField, Q, QuerySet, Value, When

from lofty_admin.tenants.models import CredentialState, Tenant

# Worst first, which is also how the column is sorted.
MEANING: Mapping[CredentialState, Q] = {
    CredentialState.FAILING: Q(in_use__failing_since__isnull=False),
    CredentialState.NONE: Q(in_use__id=None),
    CredentialState.UNUSED: Q(
        in_use__id__isnull=False, in_use__failing_since=None, in_use__last_good_at=None
    ),
    CredentialState.WORKS: Q(in_use__failing_since=None, in_use__last_good_at__isnull=False),
}


@dataclass(frozen=True)
class Concern:
    """Something to be done about some tokens: how many, in words, and the list of them."""

    state: CredentialState
    urgent: bool
    one: str
    many: str
    count: int = 0

    @property
    def words(self) -> str:
        return self.one if self.count == 1 else f"{self.count} {self.many}"


CONCERNS = (
    Concern(CredentialState.FAILING, True, "1 token fails", "tokens fail"),
    Concern(CredentialState.NONE, False, "1 tenant has no token", "tenants have no token"),
)


def with_token(tenants: QuerySet[Tenant]) -> QuerySet[Tenant]:
    """The same tenants; `in_use` is the credential in use, for filters and orders."""
    in_use = FilteredRelation("credentials", condition=Q(credentials__retired_at=None))
    return tenants.annotate(in_use=in_use)


def worst_first() -> Case:
    """0 for the worst state; to order `with_token` by."""
    ranks = [When(meaning, then=Value(rank)) for rank, meaning in enumerate(MEANING.values())]
    return Case(*ranks, default=Value(len(ranks)), output_field=IntegerField())


def concerns(tenants: QuerySet[Tenant]) -> list[Concern]:
    """What is to be done about the tokens of those that are active; one query."""
    active = with_token(tenants.filter(status=Tenant.Status.ACTIVE).order_by())
    counts = active.aggregate(
        **{c.state.value: Count("pk", filter=MEANING[c.state]) for c in CONCERNS}
    )
    found = [Concern(c.state, c.urgent, c.one, c.many, counts[c.state.value]) for c in CONCERNS]
    return [concern for concern in found if concern.count]
