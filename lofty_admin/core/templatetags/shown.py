"""Text from Lofty on a page, with invisible characters spelled out."""

from django import template

from lofty_admin.core.visible import isolated as in_isolation
from lofty_admin.core.visible import visible as spelled_out

register = template.Library()


@register.filter
def visible(text: object) -> str:
    """Return a text from Lofty so that different texts look different; "" for nothing."""
    return "" if text is None else spelled_out(str(text))


@register.filter
def isolated(text: object) -> str:
    """Return a name so that its direction cannot reorder the sentence around it."""
    return "" if text is None else in_isolation(str(text))
