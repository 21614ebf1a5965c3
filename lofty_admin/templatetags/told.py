"""Texts that were written down in English, on a page of any language."""

from django import template
from django.conf import settings
from django.utils.html import conditional_escape, format_html
from django.utils.translation import get_language, gettext

register = template.Library()


@register.simple_tag
def told(text: object) -> str:
    """A stored text: translated if it is one of the marked sentences, else marked as English."""
    english = str(text)
    here = gettext(english) if english else ""
    if here != english or get_language() == settings.LANGUAGE_CODE or not english:
        return conditional_escape(here)
    return format_html('<span lang="{}">{}</span>', settings.LANGUAGE_CODE, english)
