"""Require recent authentication before sensitive actions.

A sign-in counts for REAUTHENTICATE_MINUTES. After that the user re-authenticates, with their second
factor if they have one, else with their password.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from lofty_admin.accounts.sessions import SIGNED_IN_AT
from lofty_admin.core import clocks
from lofty_admin.core.http import ConsoleRequest

_View = Callable[..., HttpResponse]


def is_recently_authenticated(request: ConsoleRequest) -> bool:
    """Return whether the session's user signed in or re-authenticated recently enough."""
    records = get_authentication_records(request, request.user)
    times = [float(one["at"]) for one in records if one.get("reauthenticated")]
    newest = max([*times, float(request.session.get(SIGNED_IN_AT, 0))])
    # An authentication by a clock that was ahead would count until that time comes.
    age = time.time() - newest
    return -clocks.SKEW.total_seconds() <= age < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def require_recent_auth(*, back: str = "") -> Callable[[_View], _View]:
    """Guard a view with a sensitive action: redirect users without recent authentication.

    `back` names the page to return to after a POST: with the view's arguments, else with its `slug`
    only, else without any. A GET returns to itself. The posted values are not kept: they may be
    secret. The page says that nothing was done.
    """
    return _guarded_by(is_recently_authenticated, back)


def require_recent_auth_for_post(*, back: str) -> Callable[[_View], _View]:
    """Guard the POST requests of a view whose GET requests only show something."""
    return _guarded_by(
        lambda request: _is_reading(request) or is_recently_authenticated(request), back
    )


def _guarded_by(may_go_on: Callable[[ConsoleRequest], bool], back: str) -> Callable[[_View], _View]:
    def decorate(view: _View) -> _View:
        @wraps(view)
        def guarded(request: ConsoleRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if may_go_on(request):
                return view(request, *args, **kwargs)
            return redirect_to_reauthentication(request, _page_after(request, back, kwargs))

        return guarded

    return decorate


def redirect_to_reauthentication(request: ConsoleRequest, after: str) -> HttpResponse:
    """Redirect to the re-authentication page, and from there to `after`."""
    if not _is_reading(request):
        message = _("Nothing was changed yet. Confirm your identity, then try again.")
        messages.warning(request, message)
    methods = get_adapter().get_reauthentication_methods(request.user)
    page = methods[0]["url"] if methods else reverse("accounts:sign_in_again")
    address = f"{page}?{urlencode({'next': after})}"
    if request.htmx:
        return HttpResponseClientRedirect(address)
    return redirect(address)


def _page_after(request: ConsoleRequest, back: str, kwargs: dict[str, Any]) -> str:
    if _is_reading(request):
        return request.get_full_path()
    slug = {name: value for name, value in kwargs.items() if name == "slug"}
    for place in (kwargs, slug, {}):
        with suppress(NoReverseMatch):
            return reverse(back or "fleet:home", kwargs=place)
    raise NoReverseMatch(f"{back} takes none of the arguments of the view it is given to")


def _is_reading(request: ConsoleRequest) -> bool:
    return request.method in {"GET", "HEAD"}
