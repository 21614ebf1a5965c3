"""The status words, each with its icon: `components/state.html`, rendered once per word."""

from functools import lru_cache

from django import template
from django.template.loader import render_to_string
from django.utils.translation import get_language

register = template.Library()


@register.simple_tag
def state(value: str) -> str:
    """The badge of an outcome or of a save's state; nothing for ""."""
    return _badge(value, get_language())


@lru_cache(maxsize=256)
def _badge(value: str, language: str | None) -> str:
    return render_to_string("components/state.html", {"state": value})
