"""Sales Agent settings: parse, compare, payload."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lofty_admin.lofty import errors, schema
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import ABSENT, EDITABLE, Settings, differing, same
from tests.support.documented_settings import DOCUMENTED, EXAMPLE_REQUEST

# Name -> JSON type of what a PUT sends, from Lofty's documentation.
REQUEST = {name: type(value) for name, value in EXAMPLE_REQUEST.items()}
documented = Settings.parse(DOCUMENTED)


# payload ----------------------------------------------------------------------------------------


def test_payload__documented_example_one_field_changed__all_with_right_types() -> None:
    body = json.loads(json.dumps(schema.payload(documented, {"assistantName": "Bea"})))
    assert {name: type(value) for name, value in body.items()} == REQUEST
    assert list(body) == list(REQUEST)
    assert body == {name: DOCUMENTED[name] for name in REQUEST} | {"assistantName": "Bea"}


def test_payload__null_and_absent_untouched__left_out() -> None:
    received = DOCUMENTED | {"fixedNumber": None, "brandNew": 1}
    del received["agentIds"]
    body = schema.payload(Settings.parse(received), {"assistantName": "Bea"})
    assert body.keys() == REQUEST.keys() - {"fixedNumber", "agentIds"}


def test_payload__null_touched__sent() -> None:
    before = Settings.parse({"id": 1, "agentIds": None})
    assert schema.payload(before, {"agentIds": [], "textChannel": False}) == {
        "id": 1,
        "textChannel": False,
        "agentIds": [],
    }


def test_payload__untouched_oddities__sent_exactly_as_received() -> None:
    odd: dict[str, JSON] = {
        "id": 1,
        "agentIds": [-1, 5, 5, 3],
        "startActiveHour": "8",
        "callTransferType": "New",
    }
    assert schema.payload(Settings.parse(odd), {}) == odd


WRONG: list[tuple[str, Any]] = [
    ("id", 2),
    ("headUrl", "x"),
    ("hostedStatus", "ACTIVE"),
    ("brandNew", 1),
    ("assistantName", 1),
    ("assistantName", None),
    ("textChannel", 1),
    ("textChannel", "true"),
    ("startActiveHour", "8"),
    ("startActiveHour", 8.0),
    ("startActiveHour", True),
    ("startActiveHour", 2**31),
    ("activeDays", 1),
    ("activeDays", None),
    ("activeDays", ["1"]),
    ("activeDays", [True]),
    ("activeDays", [2**31]),
    ("agentIds", "101"),
    ("agentIds", ["101"]),
    ("agentIds", [1.0]),
    ("agentIds", [2**63]),
    ("agentIds", {"0": 1}),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_payload__change_that_cannot_be_sent__refused(name: str, value: JSON) -> None:
    with pytest.raises(ValueError, match=name):
        schema.payload(documented, {name: value})


# parse ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "received",
    [
        None,
        [],
        "x",
        7,
        {},
        {"id": None},
        {"id": 0},
        {"id": -1},
        {"id": True},
        {"id": 12345.5},
        {"id": "12345x"},
        {"id": " 12345"},
        {"id": "0"},
        {"id": "-5"},
        {"id": str(2**63)},
        {"id": 1e300},
        {"id": 2**63},
        {"id": [1]},
        {"message": "Operation successful"},
    ],
)
def test_parse__no_object_or_no_usable_id__malformed(received: JSON) -> None:
    with pytest.raises(errors.MalformedSettings) as caught:
        Settings.parse(received)
    assert isinstance(caught.value, errors.Unknown)


@pytest.mark.parametrize("written", ["12345", 12345.0, "12345.0", 12345])
def test_parse__id_in_another_json_type__read_and_sent_as_the_number(written: JSON) -> None:
    settings = Settings.parse({"id": written})
    assert (settings.id, settings.raw) == (12345, {"id": written})
    assert json.dumps(schema.payload(settings, {})) == '{"id": 12345}'


def test_parse__documented_example__all_known() -> None:
    assert documented.unknown == {}
    assert documented.id == 12345
    assert documented.get("activeDays") == [1, 2, 3, 4, 5]


def test_parse__absent_and_null__are_distinguished() -> None:
    settings = Settings.parse({"id": 1, "fixedNumber": None})
    assert settings.get("fixedNumber") is None
    assert settings.get("agentIds") is ABSENT
    assert not ABSENT


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("callTransferType", "ToTheMoon"),
        ("followUpRole", "ai"),
        ("startActiveHour", 24),
        ("endActiveHour", -1),
        ("activeDays", [1, 7]),
        ("leadTypes", [3, 1]),
        ("agentIds", "101,102"),
        ("agentIds", [1, None]),
        ("textChannel", "yes"),
        ("startActiveHour", 8.5),
        ("assistantName", 5),
        ("assistantName", {"a": ["x" * 500]}),
        ("brandNew", 1),
    ],
)
def test_parse__unexpected_value__kept(name: str, value: JSON) -> None:
    assert Settings.parse(DOCUMENTED | {name: value}).get(name) == value


def test_parse__unknown_property__kept_apart() -> None:
    settings = Settings.parse(DOCUMENTED | {"brandNew": {"a": 1}})
    assert settings.unknown == {"brandNew": {"a": 1}}
    assert settings.raw["brandNew"] == {"a": 1}


# same, means_all --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "a", "b"),
    [
        ("agentIds", [1, 2, 3], [3, 2, 1, 1]),
        ("agentIds", (1, 2), [2, 1]),
        ("activeDays", [], []),
        ("fixedNumber", None, ABSENT),
        ("startActiveHour", 8, 8),
        ("agentIds", [2**60, 1], [1, 2**60]),
        ("assistantName", "a\ud800", "a\ud800"),
        ("startActiveHour", 8, "8"),
        ("startActiveHour", 8, 8.0),
        ("startActiveHour", "8", "8.0"),
        ("startActiveHour", -1, "-1"),
        ("startActiveHour", 2**60, str(2**60)),
        ("agentIds", [1], ["1"]),
        ("agentIds", [2, 1.0], ["1", "2", 2]),
        ("agentIds", [-1], ["-1"]),
        ("agentIds", [2**60], [str(2**60)]),
        ("activeDays", [0, 6], ["6", "0"]),
        ("textChannel", True, "true"),
        ("textChannel", False, "False"),
        ("fixedNumber", "5125550142", 5125550142),
        ("virtualNumber", "", None),
        ("assistantName", "", ABSENT),
    ],
)
def test_same__same_meaning__true(name: str, a: schema.Value, b: schema.Value) -> None:
    assert same(name, a, b)


@pytest.mark.parametrize(
    ("name", "a", "b"),
    [
        ("agentIds", [-1, 101], [-1]),
        ("agentIds", [1], [2]),
        ("agentIds", [], None),
        ("agentIds", [2**60], [2**60 + 1]),
        ("agentIds", [1], ["1x"]),
        ("agentIds", [1], [True]),
        ("agentIds", [1], ["1.5"]),
        ("agentIds", [1], "1"),
        ("agentIds", [1], [" 1"]),
        ("agentIds", [""], [0]),
        ("agentIds", [2**60], [float(2**60)]),
        ("assistantName", "", False),
        ("assistantName", "", 0),
        ("assistantName", "5", "5.0"),
        ("assistantName", "True", True),
        ("assistantName", "a", "A"),
        ("assistantName", "é", "e\u0301"),
        ("assistantName", [1, 2], [2, 1]),
        ("textChannel", True, 1),
        ("textChannel", False, 0),
        ("textChannel", False, None),
        ("textChannel", "", None),
        ("textChannel", True, "yes"),
        ("startActiveHour", 0, None),
        ("startActiveHour", "", None),
        ("startActiveHour", 8, "8.5"),
        ("startActiveHour", 1, True),
        ("startActiveHour", 8, "٨"),
    ],
)
def test_same__other_meaning__false(name: str, a: schema.Value, b: schema.Value) -> None:
    assert not same(name, a, b)


@pytest.mark.parametrize(
    ("name", "value", "everything"),
    [
        ("agentIds", [-1], True),
        ("officeIds", [5, -1], True),
        ("leadPondIds", [], False),
        ("agentIds", [1], False),
        ("agentIds", ["-1"], True),
        ("agentIds", [-1.0], True),
        ("agentIds", ["1"], False),
        ("activeDays", [], True),
        ("leadTypes", [-1], False),
        ("leadSources", [1], False),
        ("leadPipelines", None, False),
        ("leadPipelines", ABSENT, False),
        ("assistantName", [], False),
    ],
)
def test_means_all__list__by_its_kind(name: str, value: schema.Value, everything: bool) -> None:
    assert schema.means_all(name, value) is everything


def test_differing__two_changes__in_documented_order() -> None:
    after = DOCUMENTED | {"followUpRole": "Agent", "agentIds": [102, 101], "headUrl": "y"}
    after["assistantName"] = "Bea"
    assert differing(DOCUMENTED, after) == ("assistantName", "followUpRole")
    assert differing(DOCUMENTED, after, ["agentIds"]) == ()


def test_names__editable__are_those_of_the_request() -> None:
    assert ["id", *EDITABLE] == list(REQUEST)
    assert DOCUMENTED.keys() == schema.KNOWN
    lists = {name for name, kind in REQUEST.items() if kind is list}
    assert lists == schema.LISTS


# properties -------------------------------------------------------------------------------------

SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(-1e300, 1e300)
TEXTS = st.text(st.characters(exclude_categories=()), max_size=8)
ANYTHING = st.recursive(
    SCALARS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
IDS = st.lists(st.sampled_from([-1, 0, 1, 2, 101, 2**53, 2**60]), max_size=5)
RIGHT = {str: TEXTS, bool: st.booleans(), int: st.integers(-(2**31), 2**31 - 1), list: IDS}
NAMES = [*REQUEST][1:]
WILD = st.dictionaries(st.sampled_from([*NAMES, "headUrl", "x"]), ANYTHING | IDS, max_size=6)
INT32_LISTS = ("activeDays", "leadTypes")


def right_value(name: str) -> st.SearchStrategy[Any]:
    return st.just([3, 1, 2]) if name in INT32_LISTS else RIGHT[REQUEST[name]]


CHANGES = st.lists(st.sampled_from(NAMES), max_size=4, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: right_value(name) for name in names})
)


@given(WILD)
def test_parse__any_values__keeps_them_all(values: dict[str, JSON]) -> None:
    received = {"id": 1, **values}
    settings = Settings.parse(received)
    assert settings.raw == received


@given(WILD, CHANGES)
def test_payload__any_settings__changes_win_rest_untouched(
    values: dict[str, JSON], changes: dict[str, JSON]
) -> None:
    body = schema.payload(Settings.parse({"id": 7, **values}), changes)
    assert body.pop("id") == 7
    assert body.keys() <= set(EDITABLE)
    for name in EDITABLE:
        wanted = changes.get(name, values.get(name))
        assert body.get(name) == wanted
        assert (name in body) == (wanted is not None)


@given(st.sampled_from(EDITABLE), ANYTHING | IDS, ANYTHING | IDS)
def test_same__any_values__equivalence(name: str, a: JSON, b: JSON) -> None:
    assert same(name, a, a)
    assert same(name, a, b) == same(name, b, a)
    assert (differing({name: a}, {name: b}) == ()) == same(name, a, b)


@given(st.sampled_from(EDITABLE), st.integers(-(2**63), 2**63 - 1))
def test_same__number_written_as_text__equals_the_number(name: str, number: int) -> None:
    kind = schema.TYPES[name]
    value: JSON = [number] if kind.startswith("list") else number
    written: JSON = [str(number)] if kind.startswith("list") else str(number)
    assert same(name, value, written) is (kind != "yes/no")


@given(st.sampled_from(sorted(schema.LISTS)), IDS, st.randoms())
def test_same__list_shuffled_and_doubled__still_same(
    name: str, ids: list[int], chance: Any
) -> None:
    other = ids + ids
    chance.shuffle(other)
    assert same(name, ids, other)


@pytest.mark.parametrize("name", ["id", "hostedStatus", "addedByLoftyLater"])
def test_same__number_as_text__of_a_property_without_a_type(name: str) -> None:
    assert same(name, 7, "7")
    assert same(name, "7", 7.0)
    assert not same(name, "007", "7")
    assert not same(name, True, "1")
    assert not same(name, 7, "8")
