"""Diff and merge of settings, as pure functions."""

import pytest
from hypothesis import given

from lofty_admin.agentsettings.changes import (
    Side,
    diff,
    merge,
    resolve_merge,
)
from lofty_admin.agentsettings.fields import SETTINGS
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import EDITABLE, differing, same
from tests.support.setting_values import any_values


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


def test_change__of_a_list__names_added_and_removed_members() -> None:
    (change,) = diff({"agentIds": [1, 2]}, {"agentIds": [2, 3]})
    assert (change.added, change.removed) == ([3], [1])


@given(any_values(), any_values(), any_values())
def test_merge__any_three_versions__every_setting_has_the_value_of_one_side(
    base: dict[str, JSON], theirs: dict[str, JSON], mine: dict[str, JSON]
) -> None:
    merged = merge(base, theirs, mine)
    result = resolve_merge(theirs, merged, {c.setting.name: Side.MINE for c in merged.conflicts})
    for name in EDITABLE:
        expected = theirs if same(name, base.get(name), mine.get(name)) else mine
        assert same(name, result.get(name), expected.get(name))


@given(any_values(), any_values(), any_values())
def test_merge__all_conflicts_resolved_as_theirs__keeps_all_their_values(
    base: dict[str, JSON], theirs: dict[str, JSON], mine: dict[str, JSON]
) -> None:
    merged = merge(base, theirs, mine)
    result = resolve_merge(theirs, merged, {c.setting.name: Side.THEIRS for c in merged.conflicts})
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
        resolve_merge({"assistantName": "b"}, merged, {})
