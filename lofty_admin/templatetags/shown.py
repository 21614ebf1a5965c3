"""Text from Lofty on a page, with the characters spelled out that nobody would see."""

from django import template

from lofty_admin.core.visible import visible as spelled_out

register = template.Library()


@register.filter
def visible(text: object) -> str:
    """Return a text from Lofty so that different texts look different; "" for nothing."""
    return "" if text is None else spelled_out(str(text))
