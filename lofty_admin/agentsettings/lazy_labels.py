"""Texts of a table that is built once and read in the language of each page."""

from collections.abc import Mapping
from typing import TypeAlias

from django.utils.functional import Promise
from django.utils.translation import get_language

Given: TypeAlias = Mapping[str, str | Promise] | Mapping[int, str | Promise]
Read: TypeAlias = Mapping[str, str] | Mapping[int, str]


class Text:
    """A dataclass field that is given a lazy text and reads as a plain string; "" if not given."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, row: object, owner: type | None = None) -> str:
        return "" if row is None else str(row.__dict__[self.name])

    def __set__(self, row: object, text: str | Promise) -> None:
        row.__dict__[self.name] = text


class Labels:
    """A dataclass field with a label for each key, or None. Cached for each language."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, row: object, owner: type | None = None) -> Read | None:
        given = None if row is None else row.__dict__[self.name]
        if given is None:
            return None
        read: dict[str | None, Read] = row.__dict__.setdefault(f"{self.name} read", {})
        language = get_language()
        if language not in read:
            read[language] = {key: str(label) for key, label in given.items()}
        return read[language]

    def __set__(self, row: object, given: Given | None) -> None:
        row.__dict__[self.name] = given
