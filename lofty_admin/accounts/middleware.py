"""Nobody sees anything without signing in, unless a view is named here or is part of signing in."""

from collections.abc import Callable

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django_htmx.http import HttpResponseClientRefresh

OPEN_VIEWS = frozenset({"healthz", "readyz", "invitation", "invitation_accept"})
_View = Callable[..., HttpResponseBase]


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Denies by default. allauth marks its own sign-in pages as open with `login_not_required`."""

    def process_view(
        self,
        request: HttpRequest,
        view_func: _View,
        view_args: tuple[object, ...],
        view_kwargs: dict[str, object],
    ) -> HttpResponseBase | None:
        match = request.resolver_match
        if match is not None and match.view_name in OPEN_VIEWS:
            return None
        refusal = super().process_view(request, view_func, view_args, view_kwargs)
        if refusal is None:
            return None
        if request.headers.get("HX-Request") == "true":
            return HttpResponseClientRefresh()  # a sign-in form has no place inside a fragment
        if request.method not in {"GET", "HEAD"}:
            return redirect("account_login")  # what was posted cannot be returned to
        return refusal
