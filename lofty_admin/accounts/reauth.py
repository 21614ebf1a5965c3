"""Before something grave: is it still the person who signed in?

A sign-in counts as proof for REAUTHENTICATE_MINUTES. After that a person is asked again, for their
second step if they have one, else for their password.
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
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from lofty_admin.accounts.sessions import SIGNED_IN_AT
from lofty_admin.core import clocks

_View = Callable[..., HttpResponse]


def is_recently_authenticated(request: HttpRequest) -> bool:
    """Whether the person of this session signed in, or proved who they are, short enough ago."""
    records = get_authentication_records(request, request.user)
    times = [float(one["at"]) for one in records if one.get("reauthenticated")]
    newest = max([*times, float(request.session.get(SIGNED_IN_AT, 0))])
    # A proof by a clock that was ahead would hold until that time comes.
    age = time.time() - newest
    return -clocks.SKEW.total_seconds() <= age < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def require_recent_auth(*, back: str = "") -> Callable[[_View], _View]:
    """For views that do something grave. `back` names the page to return to after the proof of
    somebody who posted: with the view's arguments, else with its `slug` only, else without any.
    A GET returns to itself.

    What was posted is not kept: it may be a secret. The page says that nothing was done.
    """
    return _guarded_by(is_recently_authenticated, back)


def require_recent_auth_for_post(*, back: str) -> Callable[[_View], _View]:
    """The same for views that only show something when they are asked by GET."""
    return _guarded_by(
        lambda request: _is_reading(request) or is_recently_authenticated(request), back
    )


def _guarded_by(may_go_on: Callable[[HttpRequest], bool], back: str) -> Callable[[_View], _View]:
    def decorate(view: _View) -> _View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if may_go_on(request):
                return view(request, *args, **kwargs)
            return redirect_to_reauthentication(request, _page_after(request, back, kwargs))

        return guarded

    return decorate


def redirect_to_reauthentication(request: HttpRequest, after: str) -> HttpResponse:
    """To the page that asks, and from there to `after`."""
    if not _is_reading(request):
        told = _("Nothing was changed yet. First show that it is you, then again.")
        messages.warning(request, told)
    methods = get_adapter().get_reauthentication_methods(request.user)
    page = methods[0]["url"] if methods else reverse("sign_in_again")
    address = f"{page}?{urlencode({'next': after})}"
    if HtmxDetails(request):
        return HttpResponseClientRedirect(address)
    return redirect(address)


def _page_after(request: HttpRequest, back: str, kwargs: dict[str, Any]) -> str:
    if _is_reading(request):
        return request.get_full_path()
    slug = {name: value for name, value in kwargs.items() if name == "slug"}
    for place in (kwargs, slug, {}):
        with suppress(NoReverseMatch):
            return reverse(back or "home", kwargs=place)
    raise NoReverseMatch(f"{back} takes none of the arguments of the view it is given to")


def _is_reading(request: HttpRequest) -> bool:
    return request.method in {"GET", "HEAD"}
