"""Fields that render without templates.

Django renders some templates for each field, and two for each choice: with 24 hours and 250
countries that took half of the time of the settings page.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.choices import BaseChoiceIterator
from django.utils.html import format_html, format_html_join


class Rows(BaseChoiceIterator):
    """Choices without groups, so that Django need not look for groups in each row."""

    def __init__(self, rows: Sequence[tuple[str, str]]) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.rows)


class PlainText(forms.TextInput):
    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        return _input(self.get_context(name, value, attrs)["widget"])


class PlainCheckbox(forms.CheckboxInput):
    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        return _input(self.get_context(name, value, attrs)["widget"])


class PlainTextarea(forms.Textarea):
    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        widget = self.get_context(name, value, attrs)["widget"]
        text, rest = widget["value"] or "", flatatt(widget["attrs"])
        # A browser drops the first line break: without this one, a line break of the text is lost.
        return format_html('<textarea name="{}"{}>\n{}</textarea>', name, rest, text)


class PlainSelect(forms.Select):
    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        widget = self.get_context(name, value, attrs)["widget"]
        rows = tuple((str(key), str(label)) for key, label in self.choices)
        options = _options(rows, tuple(widget["value"]))
        return format_html(
            '<select name="{}"{}>{}</select>', name, flatatt(widget["attrs"]), options
        )

    def optgroups(
        self, name: str, value: list[str], attrs: dict[str, Any] | None = None
    ) -> list[tuple[str | None, list[dict[str, Any]], int | None]]:
        """Return no groups: `_options` renders all choices."""
        return []


def _input(widget: dict[str, Any]) -> str:
    attrs, value = flatatt(widget["attrs"]), widget["value"]
    if value is None:
        return format_html('<input type="{}" name="{}"{}>', widget["type"], widget["name"], attrs)
    return format_html(
        '<input type="{}" name="{}" value="{}"{}>', widget["type"], widget["name"], value, attrs
    )


@lru_cache(maxsize=100)
def _options(rows: tuple[tuple[str, str], ...], chosen: tuple[str, ...]) -> str:
    """Render the options. Cached, because few countries and hours are ever chosen."""
    lines = ((key, " selected" if key in chosen else "", label) for key, label in rows)
    return format_html_join("", '<option value="{}"{}>{}</option>', lines)
