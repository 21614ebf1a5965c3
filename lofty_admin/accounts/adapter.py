"""How allauth signs people in here: nobody signs up, and every sign-in and sign-out is recorded."""

from typing import Any, ClassVar

from allauth.account.adapter import DefaultAccountAdapter
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme

from lofty_admin.accounts.models import User
from lofty_admin.audit.context import person
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.record import record


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """What cannot be recorded does not happen: each step shares a transaction with its record."""

    error_messages: ClassVar[dict[str, Any]] = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": "The e-mail address or the password is wrong.",
        "too_many_login_attempts": "Too many wrong tries. Wait five minutes, then try again.",
        "incorrect_password": "The password is wrong.",
        "enter_current_password": "Your present password is wrong. Nothing was changed.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_safe_url(self, url: str | None) -> bool:
        """Only addresses of this console, given without scheme and host (reliability W8)."""
        return url_has_allowed_host_and_scheme(url, allowed_hosts=None, require_https=True)

    def login(self, request: HttpRequest, user: User) -> None:
        with transaction.atomic():
            super().login(request, user)
            record(Kind.SIGNED_IN, subject=user.email, outcome=Outcome.DONE, actor=person(user))

    def logout(self, request: HttpRequest) -> None:
        user = request.user
        if isinstance(user, User):
            record(Kind.SIGNED_OUT, subject=user.email, outcome=Outcome.DONE, actor=person(user))
        super().logout(request)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        _record_failure(str(credentials.get("email", "")), "wrong e-mail address or password")

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        _record_failure(user.email, "the account is deactivated")
        response: HttpResponse = super().respond_user_inactive(request, user)
        return response

    def set_password(self, user: User, password: str) -> None:
        """Saving a new password ends every session of this person at its next request."""
        with transaction.atomic():
            super().set_password(user, password)
            record(Kind.PASSWORD_CHANGED, subject=user.email, outcome=Outcome.DONE)

    def reauthenticate(self, user: User, password: str) -> bool:
        # The library looks for the address in a table of its own, which this console does not fill.
        found = self.authenticate(self.request, email=user.email, password=password)
        return found is not None and found.pk == user.pk


def _record_failure(email: str, reason: str) -> None:
    record(
        Kind.SIGN_IN_FAILED,
        subject=email,
        outcome=Outcome.REFUSED,
        detail={"because": reason},
    )
