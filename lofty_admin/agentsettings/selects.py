"""A select for long lists of choices: 250 countries, 24 hours."""

from typing import Any

from django import forms
from django.utils.html import format_html_join
from django.utils.safestring import SafeString


class PlainSelect(forms.Select):
    """Writes its options in one go. Django renders two templates for each of them, which for these
    lists takes as long as all the rest of the settings page."""

    template_name = "agentsettings/plain_select.html"

    def get_context(
        self, name: str, value: object, attrs: dict[str, object] | None
    ) -> dict[str, object]:
        context = super().get_context(name, value, attrs)
        return {**context, "options": self._options(context["widget"]["value"])}

    def optgroups(
        self, name: str, value: list[str], attrs: dict[str, Any] | None = None
    ) -> list[tuple[str | None, list[dict[str, Any]], int | None]]:
        """None: `_options` writes them."""
        return []

    def _options(self, chosen: list[str]) -> SafeString:
        rows = [(str(key), str(label)) for key, label in self.choices]
        marks = (" selected" if key in chosen else "" for key, _ in rows)
        lines = ((key, mark, label) for (key, label), mark in zip(rows, marks, strict=True))
        return format_html_join("", '<option value="{}"{}>{}</option>', lines)
