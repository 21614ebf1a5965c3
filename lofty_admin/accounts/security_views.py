"""A user's own sign-in settings: password, second factors, recovery codes, sessions."""

from contextlib import suppress
from typing import Any

import qrcode
from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.views import password_change
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from lofty_admin.accounts import mfa, sessions, totp
from lofty_admin.accounts.allauth_internals import begin_registration
from lofty_admin.accounts.mfa_forms import AddAppForm, AddPasskeyForm
from lofty_admin.accounts.models import User
from lofty_admin.accounts.reauth import require_recent_auth
from lofty_admin.accounts.sealing import open_for, seal_for
from lofty_admin.core.confirmation import ask_to_confirm
from lofty_admin.core.http import ConsoleRequest
from lofty_admin.core.redirects import is_ours
from lofty_admin.core.vault import VaultError

_PENDING_APP = "console.pending_app"


@require_GET
def security(request: ConsoleRequest) -> HttpResponse:
    user = _me(request)
    steps = mfa.steps_of(user)
    context = {
        "steps": [(mfa.words_for(step), step) for step in steps],
        "has_app": any(step.type == mfa.APP for step in steps),
        "has_codes": mfa.has_codes(user),
        "codes_left": mfa.codes_left(user),
        "codes_made": settings.MFA_RECOVERY_CODE_COUNT,
        "sessions": [
            (sessions.browser_of(one.user_agent), one) for one in sessions.sessions_of(user)
        ],
        "this_session": request.session.session_key,
        "idle_minutes": settings.SESSION_IDLE_AGE // 60,
        "hours": settings.SESSION_COOKIE_AGE // 3600,
        "is_required": settings.REQUIRE_MFA,
    }
    return render(request, "account/security.html", context)


@require_recent_auth(back="account_change_password")
def password(request: ConsoleRequest) -> HttpResponse:
    """Show allauth's password page to users who have a password."""
    if not _me(request).has_usable_password():
        return redirect("mfa_index")
    page: HttpResponse = password_change(request)
    return page


@require_GET
def second_step(request: ConsoleRequest) -> HttpResponse:
    """Set up a second factor: SecondStepMiddleware sends users without one here."""
    if mfa.has_second_step(_me(request)):
        return redirect("fleet:home")
    return render(request, "mfa/second_step.html")


@require_http_methods(["GET", "POST"])
@require_recent_auth(back="mfa_activate_totp")
def app_add(request: ConsoleRequest) -> HttpResponse:
    user = _me(request)
    form = AddAppForm(request.POST or None)
    secret = _pending_secret(request, user, fresh=request.method == "GET")
    if request.method == "POST" and form.is_valid():
        try:
            mfa.add_app(user, secret, form.cleaned_data["code"])
        except ValidationError as error:
            form.add_error("code", error)
        else:
            del request.session[_PENDING_APP]
            return _set_up(request, user, _("Authenticator app set up."))
    address = get_adapter().build_totp_url(user, secret)
    context = {"form": form, "secret": _in_fours(secret), "address": address, "qr": _qr(address)}
    return render(request, "mfa/app_add.html", context)


@require_http_methods(["GET", "POST"])
@require_recent_auth(back="mfa_add_webauthn")
def passkey_add(request: ConsoleRequest) -> HttpResponse:
    user = _me(request)
    form = AddPasskeyForm(request.POST or None, user=user, initial={"name": ""})
    if request.method == "POST" and form.is_valid():
        mfa.add_passkey(user, form.cleaned_data["name"], form.cleaned_data["credential"])
        return _set_up(request, user, _("Passkey set up."))
    context = {"form": form, "options": begin_registration(user, passwordless=True)}
    return render(request, "mfa/passkey_add.html", context)


@require_http_methods(["GET", "POST"])
@require_recent_auth(back="accounts:step_remove")
def step_remove(request: ConsoleRequest, pk: int) -> HttpResponse:
    user = _me(request)
    found = {step.pk: step for step in mfa.steps_of(user)}
    if pk not in found:
        raise Http404
    name = mfa.words_for(found[pk])
    if request.method == "GET":
        context = {"name": name, "is_last": len(found) == 1}
        return render(request, "mfa/step_remove.html", {"pk": pk, **context})
    try:
        mfa.remove_step(user, pk)
        messages.success(request, _("Removed: %(name)s.") % {"name": name})
    except ValidationError as error:
        messages.error(request, " ".join([_("Nothing was removed."), *error.messages]))
    except Authenticator.DoesNotExist:
        raise Http404 from None
    return redirect("mfa_index")


@require_GET
@require_recent_auth()
def codes(request: ConsoleRequest) -> HttpResponse:
    """Show the recovery codes once after they were made."""
    unused = mfa.show_codes_once(_me(request))
    if not unused:
        message = _("Recovery codes are shown only once. You can create new ones.")
        messages.info(request, message)
        return redirect("mfa_index")
    context = {
        "codes": unused,
        "text": "".join(f"{code}\n" for code in unused),  # the browser makes a file of it
        "after": _page_asked_for(request) or reverse("mfa_index"),
    }
    return render(request, "mfa/codes.html", context)


@require_POST
@require_recent_auth(back="mfa_index")
def codes_make(request: ConsoleRequest) -> HttpResponse:
    try:
        mfa.make_codes(_me(request))
    except ValidationError as error:
        messages.error(request, " ".join([_("Nothing was changed."), *error.messages]))
        return redirect("mfa_index")
    return redirect("mfa_view_recovery_codes")


@require_POST
def session_end(request: ConsoleRequest, pk: int) -> HttpResponse:
    """End one of the user's other sessions."""
    key = request.session.session_key
    ended = sessions.end_sessions(_me(request), keep=key, only=pk)
    message = _("That session has ended.") if ended else _("That session had already ended.")
    messages.success(request, message)
    return redirect("mfa_index")


@require_http_methods(["GET", "POST"])
def sessions_end(request: ConsoleRequest) -> HttpResponse:
    """End all other sessions, or (`all` in the form) this one too."""
    user = _me(request)
    if request.method == "GET" and "all" not in request.GET:
        return redirect("mfa_index")
    if "all" in request.POST or request.method == "GET":
        if page := _confirm_signing_out(request):
            return page
        sessions.end_everything(user)
        _sign_out(request)
        return redirect("account_login")
    ended = sessions.end_sessions(user, keep=request.session.session_key)
    message = _("Sessions ended: %(count)s. You are still signed in here.") % {"count": ended}
    messages.success(request, message)
    return redirect("mfa_index")


def _sign_out(request: ConsoleRequest) -> None:
    adapter = get_account_adapter()
    adapter.add_message(request, messages.SUCCESS, "account/messages/logged_out.txt")
    adapter.logout(request)


def _confirm_signing_out(request: ConsoleRequest) -> HttpResponse | None:
    return ask_to_confirm(
        request,
        question=_("Sign out everywhere?"),
        consequences=[_("All your sessions end now, including this one.")],
        button=_("Sign out everywhere"),
        back=reverse("mfa_index"),
    )


@require_GET
def sign_in_again(request: ConsoleRequest) -> HttpResponse:
    """Ask users without password and second factor to sign in again."""
    return render(request, "account/sign_in_again.html")


def _set_up(request: ConsoleRequest, user: User, done: str) -> HttpResponse:
    """Redirect to the recovery codes after the first second factor: it may get lost."""
    messages.success(request, done)
    if mfa.has_codes(user):
        return redirect(_page_asked_for(request) or "mfa_index")
    mfa.make_codes(user)
    return redirect("mfa_view_recovery_codes")


def _page_asked_for(request: ConsoleRequest) -> str:
    """Return the page SecondStepMiddleware refused to open so far; "" if there is none."""
    url = str(request.session.pop(mfa.AFTER_SECOND_STEP, ""))
    return url if is_ours(url) else ""


def _pending_secret(request: ConsoleRequest, user: User, *, fresh: bool) -> str:
    """Return the secret the page shows until it is confirmed; it is sealed in the session too."""
    if not fresh:
        with suppress(KeyError, VaultError):
            return open_for(user.pk, request.session[_PENDING_APP])
    secret = totp.new_secret()
    request.session[_PENDING_APP] = seal_for(user.pk, secret)
    return secret


def _in_fours(secret: str) -> str:
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def _qr(address: str) -> dict[str, Any]:
    """Return the QR code as one SVG path of unit squares, and its side in squares."""
    code = qrcode.QRCode(border=2)
    code.add_data(address)
    matrix = code.get_matrix()
    squares = (
        f"M{x} {y}h1v1h-1z" for y, row in enumerate(matrix) for x, dark in enumerate(row) if dark
    )
    return {"path": "".join(squares), "side": len(matrix)}


def _me(request: ConsoleRequest) -> User:
    """Return the signed-in user; SignInRequiredMiddleware lets no one else come here."""
    user = request.user
    if not isinstance(user, User):
        raise Http404
    return user
