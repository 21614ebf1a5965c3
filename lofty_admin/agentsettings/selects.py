"""A select for long lists of choices: 250 countries, 24 hours."""

from functools import lru_cache
from typing import Any

from django import forms
from django.utils.html import format_html_join


class PlainSelect(forms.Select):
    """Writes its options in one go. Django renders two templates for each of them, which for these
    lists was a third of the work of the settings page."""

    template_name = "agentsettings/plain_select.html"

    def get_context(
        self, name: str, value: object, attrs: dict[str, object] | None
    ) -> dict[str, object]:
        context = super().get_context(name, value, attrs)
        rows = tuple((str(key), str(label)) for key, label in self.choices)
        return {**context, "options": _written(rows, tuple(context["widget"]["value"]))}

    def optgroups(
        self, name: str, value: list[str], attrs: dict[str, Any] | None = None
    ) -> list[tuple[str | None, list[dict[str, Any]], int | None]]:
        """None: `_written` are all there are."""
        return []


@lru_cache(maxsize=100)
def _written(rows: tuple[tuple[str, str], ...], chosen: tuple[str, ...]) -> str:
    """Kept, because they are nearly always the same: few countries and hours are chosen."""
    lines = ((key, " selected" if key in chosen else "", label) for key, label in rows)
    return format_html_join("", '<option value="{}"{}>{}</option>', lines)
