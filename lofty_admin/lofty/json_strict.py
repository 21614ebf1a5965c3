"""Read Lofty's JSON without the standard library's leniency."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn, TypeAlias

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"

MAX_DEPTH = 32
MAX_DIGITS = 30  # an int64 has 19


def loads(data: bytes) -> JSON:
    """Parse one JSON value from UTF-8 bytes. Objects become dict, arrays list.

    Raises ValueError, without quoting the data, for anything that is not strict JSON: NaN and
    Infinity, numbers too large for a float, duplicate keys, more than MAX_DEPTH levels, numbers of
    more than MAX_DIGITS characters, bytes that are not UTF-8, an empty text.
    """
    problem = "not JSON"
    try:
        value: JSON = json.loads(
            data.decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_int=_whole_number,
            parse_float=_number,
            object_pairs_hook=_object,
        )
        _check_depth(value)
    except _RefusedError as refused:
        problem = str(refused)
    except RecursionError:
        problem = "nested too deeply"
    except ValueError:
        pass
    else:
        return value
    raise ValueError(problem)  # outside the except block: JSONDecodeError.doc holds the whole text


class _RefusedError(ValueError):
    """The data breaks one of our rules; the message quotes none of it."""


def _refuse_constant(_name: str) -> NoReturn:
    raise _RefusedError("NaN or Infinity is not JSON")


def _whole_number(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise _RefusedError("a number has too many digits")
    return int(text)


def _number(text: str) -> float:
    if len(text) > MAX_DIGITS:
        raise _RefusedError("a number has too many digits")
    value = float(text)
    if not math.isfinite(value):
        raise _RefusedError("a number is too large")
    return value


def _object(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _RefusedError("an object names a property twice")
    return members


def _check_depth(value: JSON) -> None:
    level: list[JSON] = [value]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent)]
        if not any(isinstance(child, dict | list) for child in level):
            return
    raise _RefusedError("nested too deeply")


def _children(value: JSON) -> Iterable[JSON]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
