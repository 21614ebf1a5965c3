"""The request that views get: Django's, with what our middleware adds."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class ConsoleRequest(HttpRequest):
    """The type of `request` in views and middleware.

    It is never instantiated: Django makes the request, and the middleware named here sets each
    attribute before the next one is called.
    """

    request_id: str  # RequestContextMiddleware: 32 hex digits, also in the response and the logs
    htmx: HtmxDetails  # HtmxMiddleware: true if htmx asks for a part of the page
    was_signed_out: bool  # NoStoreMiddleware; True lets the response clear the browser's cache
    session_ended: str  # SessionLimitsMiddleware: the code of why this request's session ended
