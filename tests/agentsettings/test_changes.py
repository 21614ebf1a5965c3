"""Diff, merge, widening and lint: pure functions."""

import pytest
from hypothesis import given

from lofty_admin.agentsettings.changes import (
    Side,
    diff,
    lint,
    merge,
    new_warnings,
    reaches_all,
    settle,
)
from lofty_admin.agentsettings.fields import SETTINGS
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import EDITABLE, differing, same
from tests.agentsettings.values import any_values
from tests.documented import EXAMPLE


def test_fields__compared_with_the_schema__name_every_editable_setting_once() -> None:
    assert sorted(setting.name for setting in SETTINGS) == sorted(EDITABLE)


@given(any_values(), any_values())
def test_diff__any_two_settings__names_exactly_what_differs(
    a: dict[str, JSON], b: dict[str, JSON]
) -> None:
    assert {change.name for change in diff(a, b)} == set(differing(a, b))


@given(any_values())
def test_diff__same_settings__is_empty(a: dict[str, JSON]) -> None:
    assert diff(a, dict(a)) == ()


@given(any_values(), any_values())
def test_diff__applied_to_the_first__gives_the_second(
    a: dict[str, JSON], b: dict[str, JSON]
) -> None:
    result = {**a, **{change.name: change.after for change in diff(a, b)}}
    assert differing(result, b) == ()


def test_diff__list_in_another_order__is_no_change() -> None:
    assert diff({"agentIds": [1, 2]}, {"agentIds": [2, 1, 1]}) == ()


def test_change__list_members__are_told_apart_as_added_and_removed() -> None:
    (change,) = diff({"agentIds": [1, 2]}, {"agentIds": [2, 3]})
    assert (change.added, change.removed) == ([3], [1])


@pytest.mark.parametrize(
    ("name", "before", "after", "widens"),
    [
        ("activeDays", [1, 2], [], True),
        ("activeDays", [1, 2], [0, 1, 2, 3, 4, 5, 6], True),
        ("activeDays", [], [1], False),
        ("activeDays", [0, 1, 2, 3, 4, 5, 6], [], False),
        ("leadTypes", [1], [], True),
        ("leadTypes", [1], [-1], False),
        ("leadSources", None, [], True),
        ("agentIds", [101], [-1], True),
        ("agentIds", [], [-1], True),
        ("agentIds", [101], [], False),
        ("agentIds", [-1, 101], [-1], False),
        ("officeIds", [201], [201, -1], True),
        ("leadPondIds", [301], [301, 302], False),
    ],
)
def test_widens__from_some_to_all__is_told(
    name: str, before: JSON, after: JSON, widens: bool
) -> None:
    (change,) = diff({name: before}, {name: after})
    assert change.widens is widens


@given(any_values(), any_values(), any_values())
def test_merge__any_three__every_setting_ends_as_one_side_wants_it(
    base: dict[str, JSON], theirs: dict[str, JSON], mine: dict[str, JSON]
) -> None:
    merged = merge(base, theirs, mine)
    result = settle(theirs, merged, {c.setting.name: Side.MINE for c in merged.conflicts})
    for name in EDITABLE:
        expected = theirs if same(name, base.get(name), mine.get(name)) else mine
        assert same(name, result.get(name), expected.get(name))


@given(any_values(), any_values(), any_values())
def test_merge__all_conflicts_left_to_them__loses_nothing_of_theirs(
    base: dict[str, JSON], theirs: dict[str, JSON], mine: dict[str, JSON]
) -> None:
    merged = merge(base, theirs, mine)
    result = settle(theirs, merged, {c.setting.name: Side.THEIRS for c in merged.conflicts})
    for change in diff(base, theirs):
        assert same(change.name, result.get(change.name), change.after)


@given(any_values(), any_values())
def test_merge__only_i_changed__has_no_conflict(
    base: dict[str, JSON], mine: dict[str, JSON]
) -> None:
    merged = merge(base, base, mine)
    assert (merged.conflicts, merged.theirs, merged.agreed) == ((), (), ())
    assert merged.mine == diff(base, mine)


def test_settle__conflict_without_a_choice__is_refused() -> None:
    merged = merge({"assistantName": "a"}, {"assistantName": "b"}, {"assistantName": "c"})
    with pytest.raises(KeyError, match="assistantName"):
        settle({"assistantName": "b"}, merged, {})


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"virtualNumber": ""}, "no number to text from"),
        ({"websiteChannel": False, "textChannel": False, "emailChannel": False}, "All three"),
        ({"startActiveHour": 8, "endActiveHour": 8}, "unclear in Lofty's documentation"),
        ({"startActiveHour": 20, "endActiveHour": 6}, "overnight"),
        ({"fixedNumber": "call me"}, "does not look like a valid phone number"),
        ({"agentIds": []}, "an empty list"),
        ({"newLeadEnable": False, "visitorsEnable": False}, "neither new leads"),
    ],
)
def test_lint__something_odd__is_pointed_out(changed: dict[str, JSON], expected: str) -> None:
    assert any(expected in caution.text for caution in lint({**EXAMPLE, **changed}))


def test_lint__valid_numbers_and_everything_on__says_nothing() -> None:
    sound = {**EXAMPLE, "virtualNumber": "+1 415 555 2671", "fixedNumber": "(415) 555-2671"}
    assert lint(sound) == ()


@given(any_values())
def test_lint__any_settings__never_fails(values: dict[str, JSON]) -> None:
    lint(values)
    for setting in SETTINGS:
        reaches_all(setting.name, values.get(setting.name))


def test_new_warnings__old_and_new__new_ones_come_first() -> None:
    before = {**EXAMPLE, "fixedNumber": "nonsense"}
    cautions = new_warnings(before, {**before, "agentIds": []})
    assert "empty list" in cautions[0].text


def test_lint__until_midnight__is_not_overnight() -> None:
    until_midnight = {**EXAMPLE, "startActiveHour": 8, "endActiveHour": 0}
    assert not any("overnight" in caution.text for caution in lint(until_midnight))
