"""What a PUT may contain."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.documented_settings import EXAMPLE_REQUEST
from tools.practice_lofty.rules import PROPERTIES, find_problem, merge

AGENT = 12345
TEXTS = [name for name, value in EXAMPLE_REQUEST.items() if isinstance(value, str)]
SWITCHES = [name for name, value in EXAMPLE_REQUEST.items() if isinstance(value, bool)]
LISTS = [name for name, value in EXAMPLE_REQUEST.items() if isinstance(value, list)]
HOURS = ["startActiveHour", "endActiveHour"]
SMALL = ["activeDays", "leadTypes"]
LARGE = [name for name in LISTS if name not in SMALL]


def _fitting(name: str) -> st.SearchStrategy[Any]:
    if name in TEXTS:
        return st.text()
    if name in SWITCHES:
        return st.booleans()
    if name in HOURS:
        return st.integers(0, 23)
    bounds = {"activeDays": (0, 7), "leadTypes": (-(2**31), 2**31 - 1)}
    return st.lists(st.integers(*bounds.get(name, (-(2**63), 2**63 - 1))), max_size=5)


FITTING = {name: st.none() | _fitting(name) for name in PROPERTIES if name != "id"}


@given(st.fixed_dictionaries({"id": st.just(AGENT)}, optional=FITTING))
def test_rules__fitting_values__no_problem(body: dict[str, object]) -> None:
    assert find_problem(body, AGENT) is None


@given(
    st.fixed_dictionaries({}, optional=FITTING),
    st.fixed_dictionaries({"id": st.just(AGENT)}, optional=FITTING),
)
def test_rules__merge__takes_the_put_and_keeps_or_clears_the_rest(
    settings: dict[str, object], body: dict[str, object]
) -> None:
    kept = merge({**settings, "headUrl": "x"}, body, "keep")
    assert kept == {**settings, "headUrl": "x", **body}
    cleared = merge({**settings, "headUrl": "x"}, body, "clear")
    assert cleared["headUrl"] == "x"
    assert {name: cleared[name] for name in PROPERTIES} == {
        name: body.get(name) for name in PROPERTIES
    }


def test_rules__unknown_property__ignored_unless_strict() -> None:
    body = {"id": AGENT, "assistantName": "Mia", "tone": {"warm": True}}
    assert find_problem(body, AGENT) is None
    assert merge({"assistantName": "Anna"}, body, "keep") == {"id": AGENT, "assistantName": "Mia"}
    refused = find_problem(body, AGENT, is_strict=True)
    assert refused is not None
    assert "tone" in refused.message


WRONG: list[tuple[list[str], list[Any]]] = [
    (TEXTS, [1, True, [], {}]),
    (SWITCHES, [0, 1, "true", []]),
    (HOURS, [-1, 24, 8.0, "8", True, [8]]),
    (SMALL, [3, "1", [True], [1.0], ["1"], [None], [[1]], {}, [2**31], [-(2**31) - 1]]),
    (["activeDays"], [[8], [-1]]),
    (LARGE, [5, [True], [1.5], ["7"], [None], [2**63], [-(2**63) - 1]]),
]


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for names, values in WRONG for name in names for value in values],
)
def test_rules__wrong_value__names_the_property(name: str, value: object) -> None:
    problem = find_problem({"id": AGENT, name: value}, AGENT)
    assert problem is not None
    assert (problem.code, name in problem.message) == (20012, True)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "MISSING_PARAMETER"),
        ({"id": None}, "MISSING_PARAMETER"),
        ({"id": 0}, 20012),
        ({"id": -5}, 20012),
        ({"id": True}, 20012),
        ({"id": 12345.0}, 20012),
        ({"id": "12345"}, 20012),
        ({"id": 2**63}, 20012),
        ({"id": AGENT + 1}, "INVALID_PARAMETER"),
        ([], "INVALID_PARAMETER"),
        (None, "INVALID_PARAMETER"),
    ],
)
def test_rules__id_missing_or_not_the_callers__refused(body: object, code: object) -> None:
    problem = find_problem(body, AGENT)
    assert problem is not None
    assert problem.code == code
