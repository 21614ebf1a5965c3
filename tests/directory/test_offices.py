"""Offices form a tree whatever parents Lofty returns, and each has its agents."""

from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from lofty_admin.directory.models import Entry, EntryKind
from lofty_admin.directory.offices import (
    Tree,
    agents_of,
    offices_called,
    whole_offices,
    without_known_office,
)
from lofty_admin.tenants.models import Tenant


def add_offices(tenant: Tenant, *rows: tuple[int, str, int | None]) -> None:
    Entry.objects.keep(
        [Entry.build(tenant, EntryKind.OFFICE, number, name, "", up) for number, name, up in rows]
    )


def add_agents(tenant: Tenant, office: int | None, *numbers: int) -> None:
    entries = [
        Entry.build(tenant, EntryKind.AGENT, number, f"Agent {number}", "", office)
        for number in numbers
    ]
    Entry.objects.keep(entries)


def ids(tree: Tree) -> list[tuple[int, int]]:
    return list(tree.depths.items())


def test_tree__parents_known_unknown_gone_and_circular__each_office_once(acme: Tenant) -> None:
    add_offices(
        acme,
        (1, "Group", -1),
        (2, "North", 1),
        (3, "Anchorage", 2),
        (4, "East", 1),
        (5, "Learnt from agents", None),
        (6, "Under one that is gone", 99),
        (7, "Circle A", 8),
        (8, "Circle B", 7),
        (9, "Its own parent", 9),
    )
    add_offices(acme, (99, "Gone", 0))
    Entry.objects.filter(lofty_id=99).update(gone_since=timezone.now())
    tree = Tree.of(acme)
    shown = [(1, 0), (4, 1), (2, 1), (3, 2), (9, 0), (5, 0), (6, 0), (7, 0), (8, 1)]
    assert ids(tree) == shown
    assert tree.path(3) == ["Group", "North"]
    assert [office.id for office in tree.below(1)] == [4, 2, 3]
    assert [office.id for office in tree.below(3)] == []
    assert [office.id for office in tree.below(99)] == []
    assert [office.id for office in tree.overview(most=8)] == [1, 4, 2, 9, 5, 6, 7, 8]
    assert [office.id for office in tree.overview(most=3)] == [1, 9, 5]


def test_whole_offices__by_their_own_name__with_the_agents_in_lofty(
    acme: Tenant, globex: Tenant
) -> None:
    add_offices(acme, (1, "Séoul Downtown", 0), (2, "Downtown", 1), (3, "Downtown empty", 1))
    Entry.objects.keep([Entry.build(acme, EntryKind.OFFICE, 4, "Airport", "Downtown", 2)])
    add_offices(globex, (2, "Downtown", 0))
    add_agents(acme, 1, 11, 12)
    add_agents(acme, 2, 21, 22, 23)
    add_agents(acme, 4, 41)
    add_agents(acme, None, 51)
    add_agents(globex, 2, 61)
    Entry.objects.filter(lofty_id=23).update(gone_since=timezone.now())
    called = offices_called(acme, "DOWNTOWN")
    assert [office.id for office in called] == [2, 3, 1]
    assert [(one.office.id, one.agents) for one in whole_offices(acme, called)] == [(2, 2), (1, 2)]
    assert [office.id for office in offices_called(acme, "down seoul")] == [1]
    assert offices_called(acme, " \x00") == []
    assert [name.id for name in agents_of(acme, 2, most=10)] == [21, 22]
    assert [name.id for name in agents_of(acme, 2, most=1)] == [21]
    assert without_known_office(acme) == 1


class AnyParents(TestCase):
    @given(st.dictionaries(st.integers(1, 12), st.integers(-1, 12) | st.none(), max_size=12))
    def test_tree__any_parents__every_office_once_below_its_parent(
        self, parents: dict[int, int | None]
    ) -> None:
        acme = Tenant.objects.create(slug="acme", name="Acme")
        add_offices(acme, *((one, f"Office {one}", up) for one, up in parents.items()))
        tree = Tree.of(acme)
        assert set(tree.depths) == set(parents)
        for one, depth in tree.depths.items():
            assert len(tree.path(one)) == depth
            if depth:
                assert one in {office.id for office in tree.below(tree.parents[one])}
