"""Find the product's forms."""

from collections.abc import Iterator
from typing import Any


def subclasses(kind: type) -> Iterator[Any]:
    for subclass in kind.__subclasses__():
        yield subclass
        yield from subclasses(subclass)
