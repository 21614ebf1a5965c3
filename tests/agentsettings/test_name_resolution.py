"""Matching names between two tenants: by name, never by id, never guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lofty_admin.agentsettings.changes import reaches_all
from lofty_admin.agentsettings.fields import BY_NAME, SETTINGS
from lofty_admin.agentsettings.name_resolution import (
    MANY_HERE,
    MANY_THERE,
    NO_MATCH,
    NO_NAME_THERE,
    Books,
    CopyCandidate,
    DirectoryEntry,
    DirectoryNames,
    Missing,
    match,
    offers,
    own_settings,
)
from lofty_admin.directory.models import EntryKind
from lofty_admin.lofty.json_strict import JSON
from tests.support.documented_settings import EXAMPLE
from tests.support.setting_values import any_values

NAMES = st.sampled_from(["Anna", "ÁNNA", "Bo", "Cy  D", "cy d", "李", "", " "])
EMAILS = st.sampled_from(["", "", "anna@example.com", "bo@example.com"])
ENTRIES = st.lists(
    st.builds(DirectoryEntry, st.integers(-1, 12), NAMES, EMAILS, st.booleans()), max_size=8
)
BOOKS = st.fixed_dictionaries(
    {
        kind: st.tuples(ENTRIES.map(DirectoryNames), ENTRIES.map(DirectoryNames))
        for kind in EntryKind
    }
)


def moved(entries: list[DirectoryEntry], by: int) -> DirectoryNames:
    return DirectoryNames(
        DirectoryEntry(entry.id + by, entry.name, entry.email, entry.gone) for entry in entries
    )


@given(st.lists(st.integers(-1, 14), max_size=8), ENTRIES, ENTRIES)
def test_match__any_directories__only_own_ids_and_nothing_is_lost(
    ids: list[JSON], theirs: list[DirectoryEntry], ours: list[DirectoryEntry]
) -> None:
    here = DirectoryNames(ours)
    result = match(ids, DirectoryNames(theirs), here)
    assert {one.id for one in result.found} <= here.by_id.keys()
    assert all(one.id > 0 for one in result.found)
    assert len(result.found) + len(result.missing) <= len(ids)
    assert bool(result.found or result.missing) == bool(ids)


@given(st.lists(st.integers(1, 12), max_size=8), ENTRIES, ENTRIES, st.integers(1, 99))
def test_match__other_ids_in_the_source__same_matches(
    ids: list[int], theirs: list[DirectoryEntry], ours: list[DirectoryEntry], by: int
) -> None:
    theirs = [entry for entry in theirs if entry.id > 0]
    here = DirectoryNames(ours)
    one = match(ids, DirectoryNames(theirs), here)
    other = match([number + by for number in ids], moved(theirs, by), here)
    assert one.found == other.found
    assert [missing.why for missing in one.missing] == [missing.why for missing in other.missing]


@given(any_values(), any_values(), BOOKS)
def test_offers__any_settings__never_reach_further_than_the_source_and_never_empty_a_list(
    theirs: dict[str, JSON], now: dict[str, JSON], books: Books
) -> None:
    made = offers(theirs, now, books)
    assert [one.name for one in made] == [
        setting.name for setting in SETTINGS if setting.name in {one.name for one in made}
    ]
    for offer in made:
        assert not offer.setting.own
        assert (offer.wanted is None) == bool(offer.refusal)
        if offer.setting.is_list and not offer.refusal:
            assert reaches_all(offer.name, offer.wanted) <= reaches_all(
                offer.name, theirs[offer.name]
            )
            assert (
                offer.wanted
                or not theirs[offer.name]
                or reaches_all(offer.name, theirs[offer.name])
            )


@given(any_values(), BOOKS)
def test_offers__the_same_settings_without_picked_entries__are_none(
    values: dict[str, JSON], books: Books
) -> None:
    plain = {n: v for n, v in values.items() if n not in BY_NAME or not BY_NAME[n].is_list}
    assert [one for one in offers(plain, plain, books) if not one.refusal] == []
    assert own_settings(values, dict(values)) == ()


ANNA, BO = DirectoryEntry(1, "Anna Núñez", "anna@example.com"), DirectoryEntry(2, "Bo")
HERE: list[tuple[DirectoryEntry, list[DirectoryEntry], DirectoryEntry | str]] = [
    (ANNA, [DirectoryEntry(9, "A. N.", "ANNA@example.com"), DirectoryEntry(8, "Anna Nunez")], "9"),
    (ANNA, [DirectoryEntry(8, "anna  nunez")], "8"),
    (ANNA, [DirectoryEntry(8, "Anna Núñez", "other@example.com")], NO_MATCH),
    (
        ANNA,
        [DirectoryEntry(8, "X", "anna@example.com"), DirectoryEntry(9, "Y", "anna@example.com")],
        MANY_HERE,
    ),
    (
        ANNA,
        [
            DirectoryEntry(8, "X", "anna@example.com", gone=True),
            DirectoryEntry(9, "Y", "anna@example.com"),
        ],
        "9",
    ),
    (BO, [DirectoryEntry(8, "bo", "bo@example.com")], "8"),
    (BO, [DirectoryEntry(8, "Bo"), DirectoryEntry(9, "BO")], MANY_HERE),
    (BO, [DirectoryEntry(8, "Bo", gone=True), DirectoryEntry(9, "BO")], "9"),
    (BO, [DirectoryEntry(8, "Bo", gone=True)], "8"),
    (BO, [DirectoryEntry(2, "Another agent with this id")], NO_MATCH),
    (DirectoryEntry(3, " "), [DirectoryEntry(8, "")], NO_NAME_THERE),
]


@pytest.mark.parametrize(("entry", "here", "expected"), HERE, ids=range(len(HERE)))
def test_match__one_entry__its_match_or_the_reason(
    entry: DirectoryEntry, here: list[DirectoryEntry], expected: str
) -> None:
    result = match([entry.id], DirectoryNames([entry]), DirectoryNames(here))
    outcomes = [str(one.id) for one in result.found] + [one.why for one in result.missing]
    assert outcomes == [expected]


def test_match__two_entries_with_the_same_name__neither_is_guessed() -> None:
    there = DirectoryNames([DirectoryEntry(1, "Main"), DirectoryEntry(2, "MAIN")])
    result = match([1, 2, 77, True], there, DirectoryNames([DirectoryEntry(9, "Main")]))
    assert result.found == ()
    assert [one.why for one in result.missing] == [MANY_THERE] * 2 + [NO_NAME_THERE] * 2


def one_offer(
    name: str, theirs: JSON, now: JSON, here: DirectoryNames | None = None
) -> list[CopyCandidate]:
    there = DirectoryNames([DirectoryEntry(1, "North"), DirectoryEntry(2, "South")])
    kind = BY_NAME[name].entries
    books = {kind: (there, here or DirectoryNames([DirectoryEntry(8, "north")]))} if kind else {}
    return list(offers({name: theirs}, {name: now}, books))


@pytest.mark.parametrize(
    ("name", "theirs", "now", "wanted", "missing"),
    [
        ("officeIds", [1, 2], [7], [8], [Missing("South", NO_MATCH)]),
        ("officeIds", [-1, 2], [7], [-1], []),
        ("officeIds", [], [7], [], []),
        ("leadPipelines", [], [7], [], []),
        ("leadPipelines", [1], [], [8], []),
        ("activeDays", [1, 2], [], [1, 2], []),
        ("leadTypes", [2, 77], [], [2], [Missing("unknown (77)", NO_NAME_THERE)]),
        ("textChannel", False, True, False, []),
    ],
)
def test_offers__entries_with_a_match__use_the_tenants_own_ids(
    name: str, theirs: JSON, now: JSON, wanted: JSON, missing: list[Missing]
) -> None:
    (offer,) = one_offer(name, theirs, now)
    assert (offer.wanted, list(offer.missing), offer.refusal) == (wanted, missing, "")


@pytest.mark.parametrize(
    ("name", "theirs", "now", "words"),
    [
        ("leadPipelines", [2], [7], "an empty list would mean “All pipelines”"),
        ("officeIds", [2], [-1], "an empty list would mean “No office”"),
        ("leadTypes", [77], [1], "an empty list would mean “All lead types”"),
        ("officeIds", [1, 2], [8], "already set here"),
        ("officeIds", "north", [8], "can't be read"),
        ("textChannel", None, True, "Not set there"),
    ],
)
def test_offers__nothing_to_copy__cannot_be_selected_and_says_why(
    name: str, theirs: JSON, now: JSON, words: str
) -> None:
    (offer,) = one_offer(name, theirs, now)
    assert words in offer.refusal
    assert offer.wanted is None


@pytest.mark.parametrize(
    ("name", "theirs", "now"),
    [("officeIds", [1], [8]), ("officeIds", [-1], [-1, 5]), ("activeDays", [], [*range(7)])],
)
def test_offers__the_same_meaning__is_no_difference(name: str, theirs: JSON, now: JSON) -> None:
    assert one_offer(name, theirs, now) == []


def test_offers__match_no_longer_in_lofty__is_mentioned() -> None:
    (offer,) = one_offer(
        "officeIds", [1], [7], DirectoryNames([DirectoryEntry(8, "North", gone=True)])
    )
    assert [one.id for one in offer.gone] == offer.wanted == [8]


def test_own_settings__differ__are_listed_and_never_offered() -> None:
    theirs = {**EXAMPLE, "assistantName": "Zoë", "virtualNumber": "+14155552671"}
    assert {one.name for one in own_settings(theirs, EXAMPLE)} == {"assistantName", "virtualNumber"}
    assert offers(theirs, EXAMPLE, {}) == () or all(
        not o.setting.own for o in offers(theirs, EXAMPLE, {})
    )
