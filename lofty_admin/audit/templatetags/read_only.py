"""`{% last_known_state as ... %}`: why the console is read-only, for pages without context."""

from django import template

from lofty_admin.audit.proof import restore_guard

register = template.Library()


@register.simple_tag
def last_known_state() -> str:
    return restore_guard.last_known_state()
