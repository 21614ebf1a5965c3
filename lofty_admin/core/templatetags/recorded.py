"""Texts that were recorded in English, on a page in any language."""

import re
from collections.abc import Iterator

from django import template
from django.conf import settings
from django.template.loader import render_to_string
from django.utils.html import conditional_escape, format_html_join
from django.utils.translation import get_language, gettext

register = template.Library()
_SENTENCE_END = re.compile(r"(?<=[.!?]) ")


@register.simple_tag
def recorded(text: object) -> str:
    """Return a stored text, translated sentence by sentence; what has no translation is marked as
    English."""
    english = str(text)
    if get_language() == settings.LANGUAGE_CODE or not english:
        return conditional_escape(english)
    return format_html_join(" ", "{}", ((part,) for part in _parts(english)))


def _parts(english: str) -> Iterator[str]:
    """Yield the longest runs of sentences that have a translation, and single ones that do not."""
    sentences = _SENTENCE_END.split(english)
    while sentences:
        runs = (" ".join(sentences[:size]) for size in range(len(sentences), 0, -1))
        run = next((one for one in runs if one and gettext(one) != one), None)
        if run is None:
            yield render_to_string(
                "components/as_recorded.html",
                {"language": settings.LANGUAGE_CODE, "text": sentences.pop(0)},
            )
        else:
            yield conditional_escape(gettext(run))
            del sentences[: len(_SENTENCE_END.split(run))]
