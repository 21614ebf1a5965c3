"""Before something grave: is it still the person who signed in? (reliability L9)

A sign-in counts as proof for REAUTHENTICATE_MINUTES. After that a person is asked again, for their
second step if they have one, else for their password.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django_htmx.http import HttpResponseClientRedirect

from lofty_admin.accounts.sessions import SIGNED_IN_AT

_View = Callable[..., HttpResponse]


def is_proved(request: HttpRequest) -> bool:
    """Whether the person of this session signed in, or proved who they are, short enough ago."""
    records = get_authentication_records(request, request.user)
    times = [float(one["at"]) for one in records if one.get("reauthenticated")]
    newest = max([*times, float(request.session.get(SIGNED_IN_AT, 0))])
    return time.time() - newest < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def prove_first(view: _View | None = None, *, back: str = "") -> Any:
    """For views that do something grave. `back` names the page to return to after the proof of
    somebody who posted; it takes the view's `slug`, if it has one. A GET returns to itself.

    What was posted is not kept: it may be a secret. The page says that nothing was done.
    """

    def decorate(view: _View) -> _View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if is_proved(request):
                return view(request, *args, **kwargs)
            return ask_for_proof(request, _page_after(request, back, kwargs))

        return guarded

    return decorate(view) if view is not None else decorate


def ask_for_proof(request: HttpRequest, after: str) -> HttpResponse:
    """To the page that asks, and from there to `after`."""
    if request.method not in {"GET", "HEAD"}:
        messages.warning(request, "Nothing was changed yet. First show that it is you, then again.")
    methods = get_adapter().get_reauthentication_methods(request.user)
    page = methods[0]["url"] if methods else reverse("sign_in_again")
    address = f"{page}?{urlencode({'next': after})}"
    if request.headers.get("HX-Request") == "true":
        return HttpResponseClientRedirect(address)
    return redirect(address)


def _page_after(request: HttpRequest, back: str, kwargs: dict[str, Any]) -> str:
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    place = {"slug": kwargs["slug"]} if "slug" in kwargs else {}
    return reverse(back, kwargs=place) if back else reverse("home")
