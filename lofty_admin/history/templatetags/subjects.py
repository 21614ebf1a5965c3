"""What an event is about, in words."""

from django import template

from lofty_admin.audit.models import AuditEvent
from lofty_admin.history.describe import subject_in_words

register = template.Library()


@register.filter
def subject(event: AuditEvent) -> str:
    """Return what the event is about, in the reader's language."""
    return subject_in_words(event)
