"""A select field of many choices, rendered by one template.

Django renders two templates for each choice, and looks for groups in each: with 24 hours and 250
countries that took half of the time of the settings page.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.choices import BaseChoiceIterator


class Rows(BaseChoiceIterator):
    """Choices without groups, so that Django need not look for groups in each row."""

    def __init__(self, rows: Sequence[tuple[str, str]]) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.rows)


class LongSelect(forms.Select):
    template_name = "components/select.html"

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        rows = tuple((str(key), str(label)) for key, label in self.choices)
        context["widget"]["options"] = _options(rows, tuple(context["widget"]["value"]))
        return context

    def optgroups(
        self, name: str, value: list[str], attrs: dict[str, Any] | None = None
    ) -> list[tuple[str | None, list[dict[str, Any]], int | None]]:
        """Return no groups: `_options` renders all choices."""
        return []


@lru_cache(maxsize=100)
def _options(rows: tuple[tuple[str, str], ...], chosen: tuple[str, ...]) -> str:
    """Render the options. Cached, because few countries and hours are ever chosen."""
    return render_to_string("components/options.html", {"rows": rows, "chosen": chosen})
