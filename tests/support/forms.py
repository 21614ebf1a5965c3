"""Find the product's forms."""

from collections.abc import Iterator
from typing import Any


def subclasses(kind: type) -> Iterator[Any]:
    for one in kind.__subclasses__():
        yield one
        yield from subclasses(one)
