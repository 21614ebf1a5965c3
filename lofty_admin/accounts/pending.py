"""A sign-in that waits for its second factor, and the changes that end it meanwhile.

allauth keeps it in the session of the anonymous browser for up to 15 minutes. It relies on what was
true when it began: the account is active, the password is the one that was given, and this user's
sessions have not been ended. That is compared before the user is signed in.
"""

from allauth.account.models import Login
from allauth.account.stages import LoginStage
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.crypto import constant_time_compare
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from lofty_admin.accounts.allauth_internals import clear_login, unstash_login
from lofty_admin.accounts.mfa import has_second_step
from lofty_admin.accounts.models import User
from lofty_admin.core.redirects import is_ours

_NOTE = "console_note"


class NoteStage(LoginStage):  # type: ignore[misc]  # allauth ships no types
    """The first stage: store what this sign-in relies on."""

    key = _NOTE

    def handle(self) -> tuple[HttpResponse | None, bool]:
        self.state["relies_on"] = self.login.user.get_session_auth_hash()
        return None, True


class CompareStage(LoginStage):  # type: ignore[misc]
    """The last stage: end the sign-in if that has changed."""

    key = "console_compare"

    def handle(self) -> tuple[HttpResponse | None, bool]:
        if is_current(self.login):
            return None, True
        return started_over(self.request, self.login), False


def is_current(login: Login) -> bool:
    """Return whether everything the sign-in relied on at its start is still true."""
    user = User.objects.filter(pk=login.user.pk if login.user else 0, is_active=True).first()
    noted = login.state.get("stages", {}).get(_NOTE, {}).get("data", {}).get("relies_on", "")
    return user is not None and constant_time_compare(noted, user.get_session_auth_hash())


def drop_if_outdated(request: HttpRequest) -> HttpResponse | None:
    """Drop a sign-in that is out of date or waits for a second factor that no longer exists.

    Return a redirect to the sign-in page; None if the sign-in can go on, or there is none.
    """
    login = unstash_login(request, peek=True)
    if login is None or (is_current(login) and has_second_step(login.user)):
        return None
    return started_over(request, login)


def started_over(request: HttpRequest, login: Login) -> HttpResponse:
    """Forget the sign-in, and redirect to a new one that ends at the same page."""
    clear_login(request)
    words = _("Your account was changed while you were signing in. Sign in again.")
    messages.warning(request, words)
    after = login.redirect_url
    query = f"?{urlencode({'next': after})}" if is_ours(after) else ""
    response = redirect("account_login")
    response["Location"] += query
    return response
