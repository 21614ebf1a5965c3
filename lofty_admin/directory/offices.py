"""Offices as Lofty has them: a tree, and the agents who work in each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.db.models import Count, QuerySet

from lofty_admin.core.searching import searched
from lofty_admin.core.text import fold, search_words
from lofty_admin.directory.models import Entry, EntryKind
from lofty_admin.directory.names import LONGEST_QUERY, MOST_FOUND, Name, named, named_row
from lofty_admin.tenants.models import Tenant

MOST_LOOKED_AT = 500
FEW = 50
_folded = lru_cache(maxsize=5000)(fold)  # each letter typed searches the same names again
MOST_WHOLE = 5  # whole offices offered above the agents that a search finds


@dataclass(frozen=True)
class Tree:
    """A tenant's offices that are still in Lofty. One whose parent is missing is at the top.

    depths: id -> how many are above it, in the order of the tree: each office after its parent,
    siblings by name. parents: id -> the parent, if any.
    """

    offices: Mapping[int, Name]
    depths: Mapping[int, int]
    parents: Mapping[int, int]

    @classmethod
    def of(cls, tenant: Tenant) -> "Tree":
        entries = Entry.objects.filter(tenant=tenant, kind=EntryKind.OFFICE, gone_since=None)
        rows = entries.order_by("folded").values_list("lofty_id", "name", "detail", "belongs_to")
        offices, above = {}, {}
        for number, name, detail, belongs_to in rows:
            offices[number] = named_row(number, name, detail)
            above[number] = belongs_to
        parents = {n: parent for n, parent in above.items() if parent in above and parent != n}
        return cls(offices, _depths(offices, parents), parents)

    def path(self, number: int) -> list[str]:
        """Return the names of the offices above this one, from the top."""
        above: list[int] = []
        for _ in range(self.depths.get(number, 0)):
            above.append(self.parents[above[-1] if above else number])
        return [self.offices[one].name for one in reversed(above)]

    def below(self, number: int) -> list[Name]:
        """Return all offices under this one, at any depth."""
        order = list(self.depths)
        start = order.index(number) + 1 if number in self.depths else len(order)
        deeper = []
        for one in order[start:]:
            if self.depths[one] <= self.depths[number]:
                break
            deeper.append(self.offices[one])
        return deeper

    def overview(self, most: int = MOST_FOUND) -> list[Name]:
        """Return the tree from the top, with as many levels as fit into `most` offices."""
        shown = list(self.depths)
        while len(shown) > most and (deepest := max(self.depths[one] for one in shown)):
            shown = [one for one in shown if self.depths[one] < deepest]
        return [self.offices[one] for one in shown[:most]]


@dataclass(frozen=True)
class WholeOffice:
    """An office and how many of its agents are in Lofty, without those of offices below it."""

    office: Name
    agents: int


def offices_called(tenant: Tenant, text: str) -> list[Name]:
    """Return the offices still in Lofty with every word of `text` in their own name."""
    words = search_words(searched(text, LONGEST_QUERY))
    entries = Entry.objects.filter(tenant=tenant, kind=EntryKind.OFFICE, gone_since=None)
    for word in words:
        entries = entries.filter(folded__contains=word)
    rows = entries.order_by("folded").values_list("lofty_id", "name", "detail")
    found = rows[:MOST_LOOKED_AT] if words else []
    names = [(_folded(name), named_row(number, name, detail)) for number, name, detail in found]
    called = [(name, office) for name, office in names if all(word in name for word in words)]
    called.sort(key=lambda one: not one[0].startswith(" ".join(words)))
    return [office for _, office in called]


def whole_offices(tenant: Tenant, found: Sequence[Name]) -> list[WholeOffice]:
    """Return the first few of these offices that have agents, to be picked as a whole."""
    agents = _present(tenant).filter(belongs_to__gt=0)
    if len(found) <= FEW:  # otherwise it is faster to count the agents of all offices
        agents = agents.filter(belongs_to__in=[office.id for office in found])
    counted = dict(agents.order_by().values_list("belongs_to").annotate(Count("pk")))
    whole = [WholeOffice(office, counted[office.id]) for office in found if office.id in counted]
    return whole[:MOST_WHOLE]


def agents_of(tenant: Tenant, office_id: int, most: int) -> list[Name]:
    """Return up to `most` agents of the office itself who are still in Lofty, by name."""
    entries = _present(tenant).filter(belongs_to=office_id).order_by("folded")
    return [named(entry) for entry in entries[:most]]


def without_known_office(tenant: Tenant) -> int:
    """Return how many agents were last read before their offices were stored."""
    return _present(tenant).filter(belongs_to=None).count()


def _present(tenant: Tenant) -> QuerySet[Entry]:
    return Entry.objects.filter(tenant=tenant, kind=EntryKind.AGENT, gone_since=None)


def _depths(order: Iterable[int], parents: Mapping[int, int]) -> dict[int, int]:
    """Return id -> depth, in tree order. A cycle starts at its first office by name."""
    children: dict[int, list[int]] = {}
    for number in order:
        children.setdefault(parents.get(number, 0), []).append(number)
    depths: dict[int, int] = {}
    for top in [*children.get(0, []), *order]:
        waiting = [(top, 0)]
        while waiting:
            number, depth = waiting.pop()
            if number in depths:
                continue
            depths[number] = depth
            waiting += [(child, depth + 1) for child in reversed(children.get(number, []))]
    return depths
