"""Strict JSON."""

import contextlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lofty_admin.lofty import json_strict

REFUSED = {
    "NaN": b'{"a":NaN}',
    "Infinity": b"[Infinity]",
    "minus Infinity": b"-Infinity",
    "1e400": b"1e400",
    "duplicate key": b'{"a":1,"a":2}',
    "duplicate key inside": b'[{"x":{"a":1,"b":2,"a":1}}]',
    "deep array": b"[" * 40 + b"]" * 40,
    "deeper than the stack": b"[" * 100_000 + b"]" * 100_000,
    "deep object": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "5000 digits": b"9" * 5000,
    "31 digits": b"1" * 31,
    "long fraction": b"0." + b"1" * 40,
    "empty": b"",
    "cut": b'{"a":1',
    "two values": b"{} {}",
    "comment": b"{}//",
    "single quotes": b"{'a':1}",
    "byte order mark": b"\xef\xbb\xbf{}",
    "latin-1": '"é"'.encode("latin-1"),
    "utf-16": '{"a":1}'.encode("utf-16"),
    "surrogate bytes": b'"\xed\xa0\x80"',
    "control character": b'"\x01"',
}


@pytest.mark.parametrize("name", REFUSED)
def test_loads__not_strict__refused_without_quoting_it(name: str) -> None:
    with pytest.raises(ValueError) as caught:
        json_strict.loads(REFUSED[name])
    assert type(caught.value) is ValueError
    assert caught.value.__context__ is None
    assert len(str(caught.value)) < 60


def test_loads__deepest_allowed__accepted() -> None:
    deepest = b"[" * json_strict.MAX_DEPTH + b"]" * json_strict.MAX_DEPTH
    assert isinstance(json_strict.loads(deepest), list)
    with pytest.raises(ValueError, match="deep"):
        json_strict.loads(b"[" + deepest + b"]")


def test_loads__int64_and_escapes__exact() -> None:
    assert json_strict.loads(b"9223372036854775807") == 2**63 - 1
    assert json_strict.loads(b'"\\u0000\\ud800"') == "\x00\ud800"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text() | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_loads__what_json_wrote__comes_back(value: json_strict.JSON) -> None:
    assert json_strict.loads(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_loads__any_bytes__value_or_valueerror(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        value = json_strict.loads(data)
        assert json.loads(data) == value
        assert not isinstance(value, float) or math.isfinite(value)
