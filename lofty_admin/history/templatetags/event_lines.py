"""Render the lines of the history in Python: as templates, fifty of them took half of the page."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.text import Truncator

from lofty_admin.audit.models import AuditEvent, kind_label
from lofty_admin.history.describe import subject_in_words
from lofty_admin.templatetags.states import state
from lofty_admin.templatetags.when import when_tag

register = template.Library()
LONGEST_SUBJECT, LONGEST_REASON = 160, 120
BEGIN = """\
<a class="list-group-item list-group-item-action event-line"
   id="event-{}"
   href="{}"
   data-event-link>
  <span class="event-what"><strong dir="auto">{}</strong> {}"""
SUBJECT = ': <span class="text-secondary text-break" dir="auto">{}</span>'
TENANT = ' <span class="badge bg-secondary-lt" dir="auto">{}</span>'
REASON = '<span class="event-reason text-secondary" dir="auto">“{}”</span>'
END = """</span>
  <span>{}</span>
  <span class="text-secondary event-when">{}</span>
</a>
"""


@register.simple_tag(takes_context=True)
def event_lines(context: dict[str, Any], events: Iterable[AuditEvent]) -> str:
    """Return a link to each event.

    The context has `events_at`, the part of an address before an event's id; `address`, the filter;
    and `tenant`, whose list it is, or None.
    """
    return format_html_join("", "{}", ((line,) for line in _lines(context, events)))


def _lines(context: dict[str, Any], events: Iterable[AuditEvent]) -> Iterator[str]:
    before, after, tenant = context["events_at"], context["address"].suffix, context["tenant"]
    label, badge = cache(kind_label), cache(state)  # a page has only a few different ones
    for event in events:
        line = BEGIN
        what = event.what if event.maker else label(event.kind)
        values = [event.seq, f"{before}{event.pk}/{after}", event.who, what]
        for part, text in (
            (SUBJECT, _short(subject_in_words(event), LONGEST_SUBJECT)),
            (TENANT, "" if tenant else event.tenant_name),
            (REASON, _short(event.reason, LONGEST_REASON)),
        ):
            if text:
                line += part
                values.append(text)
        yield format_html(line + END, *values, badge(event.outcome), when_tag(context, event.at))


def _short(text: str, most: int) -> str:
    """Truncate only long texts: running Truncator on every text takes longer than all the rest."""
    return Truncator(text).chars(most) if len(text) > most else text


@register.filter
def subject(event: AuditEvent) -> str:
    """Return what the event is about, in the reader's language."""
    return subject_in_words(event)
