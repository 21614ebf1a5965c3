"""Requests as a middleware gets them, without a client and a URLconf."""

from typing import Any, cast

from django.test import RequestFactory

from lofty_admin.core.http import ConsoleRequest


def get_request(path: str = "/", **meta: Any) -> ConsoleRequest:
    """Return a GET request that no middleware has seen yet."""
    return cast(ConsoleRequest, RequestFactory().get(path, **meta))
