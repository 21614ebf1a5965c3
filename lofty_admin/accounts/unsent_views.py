"""Show a form that was not sent, and build the responses that lead to it."""

import re
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from lofty_admin.accounts import sessions, unsent
from lofty_admin.accounts.background import is_background, signed_out
from lofty_admin.accounts.models import User
from lofty_admin.core import error_views
from lofty_admin.core.http import ConsoleRequest
from lofty_admin.core.redirects import safe_next

SIGN_IN_VIEWS = frozenset({"account_login", "mfa_authenticate", "mfa_login_webauthn"})
_MACHINE_VALUE = re.compile(r"\S{200,}")  # a signed snapshot, a list of ten thousand ids
_MACHINE_NAME = re.compile(r"draft|revision|seen|end|next|\w+-separate")


@require_safe
def unsent_form(request: ConsoleRequest, form_id: UUID) -> HttpResponse:
    """Show what was typed, to the user who typed it. Nothing is sent before they press a button."""
    row = unsent.find(request, form_id)
    content = unsent.opened(row) if row else None
    if row is None or content is None:
        return render(request, "account/unsent_gone.html", status=404)
    if row.user != request.user:
        return render(request, "account/unsent_other.html", {"address": request.path}, status=403)
    context = {"content": content, "typed": _typed(content)}
    return render(request, "account/unsent.html", context)


@require_safe
def signed_in(request: ConsoleRequest) -> HttpResponse:
    """Confirm a sign-in from another tab; the JSON makes the first tab's forms work again."""
    if not is_background(request):
        return render(request, "account/signed_in.html")
    user = request.user
    owner = unsent.owner_marker(user) if isinstance(user, User) else ""
    return JsonResponse({"csrf_token": get_token(request), unsent.PAGE_OWNER: owner})


def csrf_failure(request: ConsoleRequest, reason: str = "") -> HttpResponse:
    """Answer a form with a missing or outdated CSRF token. Django calls this before any view."""
    match = request.resolver_match
    name = match.view_name if match else ""
    if name in SIGN_IN_VIEWS:
        return _sign_in_again(request)
    if name == "account_logout":
        return _sign_out_again(request)
    if not unsent.page_owner_id(request):
        return error_views.open_too_long(request)
    return signed_out(request) if is_background(request) else interrupted(request)


def interrupted(request: ConsoleRequest) -> HttpResponse:
    """Keep a posted form that must not be carried out now, and redirect to it past the sign-in."""
    row = unsent.keep(request)
    if row is None:
        return _not_kept(request)
    address = reverse("accounts:unsent_form", args=[row.pk])
    if not request.user.is_authenticated:
        address = sign_in_address(request, address)
    response = redirect(address)
    unsent.bind_browser(request, response)
    return response


def sign_in_address(request: ConsoleRequest, after: str = "") -> str:
    """Return the URL of the sign-in page, which shows why it appeared."""
    query = {"next": after} if after else {}
    if reason := sessions.why_signed_out(request):
        query["because"] = reason
    suffix = f"?{urlencode(query, safe='/')}" if query else ""
    return reverse("account_login") + suffix


def _not_kept(request: ConsoleRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return error_views.open_too_long(request)
    return redirect(sign_in_address(request))


def _sign_in_again(request: ConsoleRequest) -> HttpResponse:
    """Handle a sign-in page that was open too long, or outdated by a sign-in in another tab."""
    after = safe_next(request, default="")
    if request.user.is_authenticated:
        return redirect(after or "fleet:home")
    messages.warning(request, _("This page was open for too long. Nothing was sent. Sign in here."))
    return redirect(sign_in_address(request, after))


def _sign_out_again(request: ConsoleRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        return redirect("account_login")
    words = _("You are still signed in. That page was opened before you signed in again.")
    messages.warning(request, f"{words} {_('Sign out here.')}")
    return redirect("mfa_index")


def _typed(content: unsent.Content) -> dict[str, str]:
    """Return what a reader can use of it: the values by the names of their fields in words.

    Values of one field, such as the choice and the entries of a list, share a line.
    """
    typed: dict[str, list[str]] = {}
    for name, value in content.fields:
        if value.strip() and not _is_for_the_server(name, value):
            typed.setdefault(_in_words(name), []).append(value)
    return {name: ", ".join(values) for name, values in typed.items()}


def _is_for_the_server(name: str, value: str) -> bool:
    """Return whether a hidden field or a button ("save": "Save") holds this: no one typed it."""
    is_button = _in_words(name).lower() == value.strip().lower()
    return bool(is_button or _MACHINE_NAME.fullmatch(name) or _MACHINE_VALUE.search(value))


def _in_words(name: str) -> str:
    name = re.sub(r"-(ids|scope)\Z", "", name)  # the parts of one list share its name
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|[-_]", " ", name).lower()
    return words[:1].upper() + words[1:]
