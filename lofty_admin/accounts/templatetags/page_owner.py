"""`{% csrf_token %}` that also carries the user for whom the page was rendered."""

from typing import Any

from django import template

from lofty_admin.accounts.models import User
from lofty_admin.accounts.unsent import PAGE_OWNER, owner_marker

register = template.Library()


@register.inclusion_tag("components/csrf_token.html", takes_context=True, name="csrf_token")
def csrf_token(context: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Replace Django's tag of this name, so that no form can be without the marker.

    The session may be gone when the form is sent; only the form itself can then name its user.
    """
    token = context.get("csrf_token", "NOTPROVIDED")
    if token == "NOTPROVIDED":  # noqa: S105 - how Django says that there is none
        return {"fields": []}
    fields = [("csrfmiddlewaretoken", token)]
    user = getattr(context.get("request"), "user", None)
    if isinstance(user, User):
        fields.append((PAGE_OWNER, owner_marker(user)))
    return {"fields": fields}
