"""Canonical JSON: one byte string for each value."""

import datetime as dt
import json
import math
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lofty_admin.audit.log.canonical import LARGEST_INTEGER, MAX_SIZE, MAX_TEXT, canonical

SAFE = st.integers(-LARGEST_INTEGER, LARGEST_INTEGER)
PLAIN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\\"))
VALUES = st.recursive(
    st.none() | st.booleans() | SAFE | PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PLAIN, inner, max_size=4),
    max_leaves=20,
)
HOSTILE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.decimals(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
)


# The number samples of RFC 8785, appendix B: IEEE 754 bits, then the text.
RFC_NUMBERS = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]


@pytest.mark.parametrize(("bits", "expected"), RFC_NUMBERS)
def test_canonical__rfc_number__shortest_form(bits: str, expected: str) -> None:
    number = memoryview(bytes.fromhex(bits)[::-1]).cast("d")[0]
    assert canonical(number) == expected.encode()


def test_canonical__rfc_example__rfc_bytes() -> None:
    # RFC 8785, section 3.2.2, with the order of section 3.2.3.
    example = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": '\u20ac$\u000f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }
    assert canonical(example) == (
        b'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        b'"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_canonical__rfc_key_order__utf16_order() -> None:
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    ordered = list(json.loads(canonical(dict.fromkeys(keys))))
    assert ordered == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


@given(VALUES, st.randoms())
def test_canonical__members_shuffled__same_bytes(value: Any, random: Any) -> None:
    def shuffled(item: Any) -> Any:
        if isinstance(item, list):
            return [shuffled(inner) for inner in item]
        if isinstance(item, dict):
            names = list(item)
            random.shuffle(names)
            return {name: shuffled(item[name]) for name in names}
        return item

    assert canonical(shuffled(value)) == canonical(value)


@given(VALUES, VALUES)
def test_canonical__two_values__same_bytes_only_if_equal(one: Any, two: Any) -> None:
    # In Python True == 1; in JSON it is not.
    same = json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)
    assert (canonical(one) == canonical(two)) == same


@given(VALUES)
def test_canonical__json_value__read_back_as_it_was(value: Any) -> None:
    assert json.loads(canonical(value)) == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\0b", '"a\\\\u0000b"'),
        ("a\ud800b", '"a\\\\ud800b"'),
        (math.nan, '"nan"'),
        (-math.inf, '"-inf"'),
        (2**53, '"9007199254740992"'),
        (-(2**53) + 1, "-9007199254740991"),
        (-0.0, "0"),
        (Decimal("1.10"), '"1.10"'),
        (dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC), '"2026-03-01T12:00:00+00:00"'),
        (UUID(int=7), '"00000000-0000-0000-0000-000000000007"'),
        ({2: "b", None: "c"}, '{"2":"b","None":"c"}'),
        ({3, 1, 2}, "[1,2,3]"),
        (b"\xff", '"<bytes>"'),
        (object(), '"<object>"'),
    ],
)
def test_canonical__what_json_refuses__escaped(value: Any, expected: str) -> None:
    assert canonical(value).decode() == expected


def test_canonical__endless_integer__only_its_size() -> None:
    assert canonical(10**5000) == b'"(an integer of 16,610 bits)"'


def test_canonical__long_text__cut_and_says_so() -> None:
    text = json.loads(canonical("x" * 5_000_000))
    assert text == "x" * MAX_TEXT + "… (cut: 5,000,000 characters)"


def test_canonical__deep_nesting__cut_and_says_so() -> None:
    nested: Any = []
    for _ in range(10_000):
        nested = [nested]
    assert b"nested too deep" in canonical(nested)


def test_canonical__holds_itself__ends() -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert b"nested too deep" in canonical(circle)


def test_canonical__too_large__cut_whatever_the_order() -> None:
    names = [f"{number:04}" for number in range(400)]
    large = dict.fromkeys(names, "x" * MAX_TEXT)
    body = canonical(large)
    assert len(body) < MAX_SIZE + 2 * MAX_TEXT
    assert b"the record is full" in body
    assert canonical({name: large[name] for name in reversed(names)}) == body


def test_canonical__twenty_thousand_ids_per_list__all_kept() -> None:
    ids = list(range(844510972070138, 844510972070138 + 20_000))
    snapshot = {"agentIds": ids, "officeIds": ids, "leadPondIds": ids}
    content = {"before": snapshot, "after": snapshot}
    assert json.loads(canonical(content)) == content


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(HOSTILE)
def test_canonical__any_content__postgresql_stores_it_unchanged(db: None, value: Any) -> None:
    body = canonical(value).decode()
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::text, jsonb_typeof(%s::jsonb) IS NOT NULL", [body, body])
        assert cursor.fetchone() == (body, True)
