"""Encode a content as one byte form: RFC 8785, after escaping everything it or PostgreSQL refuses.

Recording an outcome must never fail on its content: it often comes from Lofty, after the PUT.
"""

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence, Set
from decimal import Decimal
from operator import itemgetter
from typing import Any
from uuid import UUID

import rfc8785
from django.utils.functional import Promise

JSON = None | bool | int | float | str | Sequence[Any] | Mapping[str, Any]

MAX_TEXT = 20_000
MAX_DEPTH = 32
MAX_SIZE = 4_000_000
LARGEST_INTEGER = 2**53 - 1
_LARGEST_SHOWN_BITS = 4096
_FULL = "(left out: the record is full)"
_AS_TEXT = (Decimal, UUID, Promise)


def canonical(content: object) -> bytes:
    """Encode `content` as RFC 8785 bytes, in UTF-8 that PostgreSQL accepts. Never raises.

    JSON values within the limits keep their exact meaning. Escaped: NUL and lone surrogates become
    the visible text `\\u0000`, `\\ud800`; NaN, infinities, integers beyond 2^53-1, dates, UUIDs and
    Decimals become text; an object of another type becomes its type's name in angle brackets.
    Capped: texts at 20,000 characters, nesting at 32, the whole at about 4 million characters;
    each cut says so in its place.
    """
    return rfc8785.dumps(_Storable().value(content, MAX_DEPTH))


class _Storable:
    """Walk one content, and count down what is left of the size limit."""

    def __init__(self) -> None:
        self.left = MAX_SIZE

    def value(self, value: object, depth: int) -> Any:
        self.left -= 1
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int | float):
            return self.number(value)
        if isinstance(value, Mapping | Sequence | Set) and not isinstance(value, bytes | bytearray):
            return self.nested(value, depth)
        return self.other(value)

    def text(self, text: str) -> str:
        text = str.__str__(text)
        if len(text) > MAX_TEXT:
            text = f"{text[:MAX_TEXT]}… (cut: {len(text):,} characters)"
        self.left -= len(text)
        return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\u0000")

    def number(self, number: int | float) -> int | float | str:
        if isinstance(number, float):
            return float(number) if math.isfinite(number) else str(float(number))
        if abs(number) <= LARGEST_INTEGER:
            return int(number)
        if number.bit_length() > _LARGEST_SHOWN_BITS:
            return f"(an integer of {number.bit_length():,} bits)"
        return self.text(str(int(number)))

    def nested(self, value: Mapping[Any, Any] | Sequence[Any] | Set[Any], depth: int) -> Any:
        if not depth:
            return "(left out: nested too deep)"
        if isinstance(value, Mapping):
            return dict(self.members(value, depth))
        items = value if isinstance(value, Sequence) else sorted(value, key=repr)
        return list(self.items(items, depth))

    def items(self, items: Sequence[Any], depth: int) -> Iterator[Any]:
        for item in items:
            if self.left < 0:
                yield _FULL
                return
            yield self.value(item, depth - 1)

    def members(self, mapping: Mapping[Any, Any], depth: int) -> Iterator[tuple[str, Any]]:
        named = ((self.key(key), item) for key, item in mapping.items())
        # Sorted first, so that the size limit cuts the same members whatever their order.
        for key, item in sorted(named, key=itemgetter(0)):
            if self.left < 0:
                yield "…", _FULL
                return
            yield key, self.value(item, depth - 1)

    def key(self, key: object) -> str:
        return self.text(key) if isinstance(key, str) else self.text(str(self.value(key, 0)))

    def other(self, value: object) -> str:
        if isinstance(value, dt.date | dt.time):
            return value.isoformat()
        # Never the repr of an unknown object: it may show a secret.
        return self.text(str(value) if isinstance(value, _AS_TEXT) else f"<{type(value).__name__}>")
