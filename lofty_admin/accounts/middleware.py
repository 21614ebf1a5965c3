"""Require a sign-in for every view, except those named here and the sign-in pages."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRefresh

from lofty_admin.accounts import sessions, unsent
from lofty_admin.accounts.background import is_background, signed_out
from lofty_admin.accounts.mfa import AFTER_SECOND_STEP, has_second_step
from lofty_admin.accounts.models import User
from lofty_admin.accounts.unsent_views import interrupted, sign_in_address
from lofty_admin.core.http import ConsoleRequest
from lofty_admin.core.redirects import is_ours

OPEN_VIEWS = frozenset(
    {"healthz", "readyz", "set_language", "accounts:invitation", "accounts:invitation_accept"}
)
SECOND_STEP_VIEWS = OPEN_VIEWS | {
    "accounts:second_step",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "account_reauthenticate",
    "accounts:sign_in_again",
    "account_logout",
}
_View = Callable[..., HttpResponseBase]
_GetResponse = Callable[[ConsoleRequest], HttpResponse]


_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class NoStoreMiddleware:
    """Keep pages out of the browser's cache, and after sign-out out of its page history.

    No other code sets this header. Static files are served earlier and can be cached.
    """

    def __init__(self, get_response: _GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: ConsoleRequest) -> HttpResponse:
        request.was_signed_out = False
        response = self.get_response(request)
        response["Cache-Control"] = "no-store"
        if request.was_signed_out:
            response["Clear-Site-Data"] = '"cache"'
        return response


class SessionLimitsMiddleware:
    """End expired sessions before any view looks at who is signed in."""

    def __init__(self, get_response: _GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: ConsoleRequest) -> HttpResponse:
        request.session_ended = ""
        return self.get_response(request)

    def process_view(
        self, request: ConsoleRequest, view_func: _View, view_args: object, view_kwargs: object
    ) -> None:
        if _view_name(request) in OPEN_VIEWS or not request.user.is_authenticated:
            return
        reason = sessions.expiry_reason(request.session)
        if reason:
            sessions.expire(request, reason)
        else:
            sessions.touch(request)


class SignInRequiredMiddleware:
    """Deny access by default. allauth opens its own sign-in pages with `login_not_required`."""

    def __init__(self, get_response: _GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: ConsoleRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self,
        request: ConsoleRequest,
        view_func: _View,
        view_args: tuple[object, ...],
        view_kwargs: dict[str, object],
    ) -> HttpResponseBase | None:
        if _view_name(request) in OPEN_VIEWS:
            return None
        if request.user.is_authenticated or not getattr(view_func, "login_required", True):
            return self._other_users_page(request)
        if is_background(request):
            return signed_out(request)
        if request.method == "POST":
            return interrupted(request)
        after = request.get_full_path() if request.method in _READING else ""
        if after and not is_ours(after):
            after = request.path  # too long to be sent along
        return redirect(sign_in_address(request, after))

    def _other_users_page(self, request: ConsoleRequest) -> HttpResponseBase | None:
        """Refuse a form from another user's page: it must not run as the user signed in now."""
        user = request.user
        if request.method != "POST" or not isinstance(user, User):
            return None
        owner = unsent.page_owner_id(request)
        return interrupted(request) if owner not in (0, user.pk) else None


class SecondStepMiddleware:
    """With REQUIRE_MFA, let users without a second factor set one up or sign out, nothing else.

    Denies by default: a view is reached without one only if it is named here.
    """

    def __init__(self, get_response: _GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: ConsoleRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: ConsoleRequest, view_func: _View, view_args: object, view_kwargs: object
    ) -> HttpResponseBase | None:
        if not settings.REQUIRE_MFA or _view_name(request) in SECOND_STEP_VIEWS:
            return None
        user = request.user
        if not isinstance(user, User) or has_second_step(user):
            return None
        if request.htmx:
            return HttpResponseClientRefresh()
        if is_background(request):
            return JsonResponse({"error": _("Set up a second factor first.")}, status=403)
        if request.method == "GET":
            request.session[AFTER_SECOND_STEP] = request.get_full_path()
        return redirect("accounts:second_step")


def _view_name(request: ConsoleRequest) -> str:
    match = request.resolver_match
    return match.view_name if match is not None else ""
