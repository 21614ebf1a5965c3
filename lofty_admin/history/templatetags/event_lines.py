"""A line of the history. Fifty stand on a page: as a template they were half of its work."""

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.text import Truncator

from lofty_admin.audit.models import AuditEvent
from lofty_admin.templatetags.states import state
from lofty_admin.templatetags.when import when

register = template.Library()
LONGEST_SUBJECT, LONGEST_REASON = 160, 120
BEGIN = """\
<a class="list-group-item list-group-item-action event-line"
   id="event-{}"
   href="{}"
   data-event-link>
  <span class="event-what"><strong>{}</strong> {}"""
SUBJECT = ': <span class="text-secondary text-break">{}</span>'
TENANT = ' <span class="badge bg-secondary-lt">{}</span>'
REASON = '<span class="event-reason text-secondary">“{}”</span>'
END = """</span>
  <span>{}</span>
  <span class="text-secondary event-when">{}</span>
</a>
"""


@register.simple_tag(takes_context=True)
def event_line(context: dict[str, Any], event: AuditEvent, outcome: str) -> str:
    """A link to the event. `outcome`: what came of it.

    The context has `events_at`, what stands before an event's id in its address, `address`, the
    filter, and `tenant`, the one the list is of, or nothing.
    """
    link = f"{context['events_at']}{event.pk}/{context['address'].suffix}"
    line, values = BEGIN, [event.seq, link, event.who, event.what]
    for part, text in (
        (SUBJECT, _short(event.subject, LONGEST_SUBJECT)),
        (TENANT, "" if context["tenant"] else event.tenant_name),
        (REASON, _short(event.reason, LONGEST_REASON)),
    ):
        if text:
            line += part
            values.append(text)
    return format_html(line + END, *values, state(outcome), when(context, event.at))


def _short(text: str, most: int) -> str:
    """Cut only where it is long: asking Truncator of every text takes longer than the rest."""
    return Truncator(text).chars(most) if len(text) > most else text
