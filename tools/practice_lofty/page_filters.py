"""What the templates of the pages need in words or as JSON."""

import json as json_
from collections.abc import Mapping

from django.template import Library

register = Library()


@register.filter
def json(value: object) -> str:
    """Return the value as JSON, to be escaped as any other text."""
    return json_.dumps(value, ensure_ascii=False)


@register.filter
def spaced(name: str) -> str:
    return name.replace("_", " ")


@register.filter
def calls(token: Mapping[str, object]) -> str:
    """Return what a token is, and how many calls it has left."""
    kind = "API key" if token["scheme"] == "api_key" else "OAuth token"
    dead = " that is revoked or has expired" if token["dead"] else ""
    scopes = token["scopes"]
    limits = f", only for {', '.join(scopes)}" if isinstance(scopes, tuple) else ""
    left = f"{token['rate_remaining']} of {token['rate_limit']} calls left this minute"
    return f"{kind}{dead}{limits}, {left}"


@register.filter
def other_state(token: Mapping[str, object]) -> list[dict[str, object]]:
    """Return the change that revokes the token, or restores a revoked one."""
    return [{"token": token["token"], "revoked": not token["revoked"]}]


@register.filter
def parameters(fault: Mapping[str, object]) -> dict[str, object]:
    """Return what a fault has in addition to what every fault has."""
    general = ("id", "kind", "on", "path", "times")
    return {name: value for name, value in fault.items() if name not in general}
