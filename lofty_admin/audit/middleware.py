"""Keep a restored console read-only, and answer clients that are refused too often.

A console is read-only while its database is older than the newest checkpoint outside.
"""

from collections.abc import Callable

from django.http import HttpResponse, HttpResponseBase
from django_htmx.http import HttpResponseClientRefresh

from lofty_admin.audit.log.refusal_limit import TooManyRefusals
from lofty_admin.audit.proof.restore_guard import ReadOnly, cached_state, read_only_reason
from lofty_admin.core import error_views
from lofty_admin.core.http import ConsoleRequest

# Signing in and out, and the language, which is stored in this browser only.
ALLOWED = frozenset(
    {"account_login", "mfa_authenticate", "mfa_login_webauthn", "account_logout", "set_language"}
)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_View = Callable[..., HttpResponseBase]


class ReadOnlyMiddleware:
    """Answer 503, with what to do, to every request that could change data."""

    def __init__(self, get_response: Callable[[ConsoleRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: ConsoleRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self,
        request: ConsoleRequest,
        view: _View,
        view_args: tuple[object, ...],
        view_kwargs: dict[str, object],
    ) -> HttpResponse | None:
        match = request.resolver_match
        named = match.view_name if match else ""
        if request.method in _SAFE or named in ALLOWED or not cached_state().is_read_only:
            return None
        return _refusal(request)

    def process_exception(
        self, request: ConsoleRequest, exception: Exception
    ) -> HttpResponse | None:
        """Answer 503 when a service found the restore more recently than this middleware."""
        return _refusal(request) if isinstance(exception, ReadOnly) else None


class RefusalLimitMiddleware:
    """Answer 429 when a client exceeds the limit of refusals."""

    def __init__(self, get_response: Callable[[ConsoleRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: ConsoleRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(
        self, request: ConsoleRequest, exception: Exception
    ) -> HttpResponse | None:
        if not isinstance(exception, TooManyRefusals):
            return None
        response = error_views.too_many_refusals(request)
        response["Retry-After"] = str(exception.seconds)
        return response


def _refusal(request: ConsoleRequest) -> HttpResponse:
    if request.htmx:
        return HttpResponseClientRefresh()  # the whole page then shows the reason at its top
    return error_views.read_only(request)


def read_only(request: ConsoleRequest) -> dict[str, str]:
    """Return `read_only_reason` for the current state, for templates."""
    return {"read_only_because": read_only_reason(cached_state())}
