"""Configure allauth's sign-in: no sign-up, and a record of every sign-in and sign-out."""

from typing import Any, ClassVar

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from lofty_admin.accounts import throttle
from lofty_admin.accounts.models import Invitation, User
from lofty_admin.accounts.passwords import check_password_rules
from lofty_admin.accounts.sessions import forget_before_sign_in
from lofty_admin.accounts.trusted_device import limits, remember_device
from lofty_admin.audit.context import client_ip, person
from lofty_admin.audit.kinds import UNKNOWN_USER, Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.core.http import ConsoleRequest
from lofty_admin.core.redirects import is_ours

_PROOFS = {
    "mfa_reauthenticate": _("Use a code"),
    "mfa_reauthenticate:webauthn": _("Use a passkey"),
}


_STAGES = "lofty_admin.accounts.pending"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Record every step in the same transaction, so that nothing happens without a record."""

    error_messages: ClassVar[dict[str, Any]] = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": _("Incorrect e-mail address or password."),
        "too_many_login_attempts": _(
            "Too many failed attempts. Wait five minutes, then try again."
        ),
        "incorrect_password": _("Incorrect password."),
        "enter_current_password": _("Your current password is incorrect. Nothing was changed."),
    }

    failure = Kind.SIGN_IN_FAILED
    _attempt: throttle.Attempt | None = None

    def get_login_stages(self) -> list[str]:
        """Return allauth's stages between NoteStage and CompareStage, which detect changes."""
        stages: list[str] = super().get_login_stages()
        return [f"{_STAGES}.NoteStage", *stages, f"{_STAGES}.CompareStage"]

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("mfa_index")

    def is_safe_url(self, url: str | None) -> bool:
        return is_ours(url)

    def login(self, request: HttpRequest, user: User) -> None:
        forget_before_sign_in(request)
        with transaction.atomic():
            super().login(request, user)
            # Otherwise anyone with the mail could still set a password and take the account over.
            closed = Invitation.end(user, Invitation.Ending.NOT_NEEDED)
            record(
                Kind.SIGNED_IN,
                subject=user.email,
                outcome=Outcome.DONE,
                detail={
                    "with": _methods(request, user),
                    **({"invitation": "closed"} if closed else {}),
                },
                actor=person(user),
            )

    def logout(self, request: ConsoleRequest) -> None:
        user = request.user
        if isinstance(user, User):
            record(Kind.SIGNED_OUT, subject=user.email, outcome=Outcome.DONE, actor=person(user))
            UserSession.objects.filter(session_key=request.session.session_key).delete()
            request.was_signed_out = True
        super().logout(request)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address the audit log records.

        Over a Unix socket there is none, and all clients share one.
        """
        return client_ip(request) or "0.0.0.0"  # noqa: S104 - no address to listen on

    def get_reauthentication_methods(self, user: User | AnonymousUser) -> list[dict[str, Any]]:
        """Return the methods to re-authenticate with.

        A user with a second factor uses that: other people may know the password.
        """
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        stronger = [method for method in methods if method["id"] != "reauthenticate"]
        for method in stronger:
            method["description"] = _PROOFS[method["id"]]
        return stronger or methods

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **kwargs)
        remember_device(response, user)
        return response

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Replace allauth's rate limit, which counts correct attempts too."""
        email = str(credentials.get("email", ""))
        self._attempt = throttle.begin(limits(request, email, self.get_client_ip(request)))
        if self._attempt is None:
            _record_failure(email, "too many failed attempts", kind=self.failure)
            raise self.validation_error("too_many_login_attempts")

    def _rollback_login_failed_rl_usage(self) -> None:
        if self._attempt is not None:
            self._attempt.succeeded()

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        if self._attempt is not None:
            self._attempt.failed()
        email, reason = str(credentials.get("email", "")), "incorrect e-mail address or password"
        _record_failure(email, reason, kind=self.failure)

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        _record_failure(user.email, "the account is deactivated")
        response: HttpResponse = super().respond_user_inactive(request, user)
        return response

    def clean_password(self, password: str, user: User | None = None) -> str:
        check_password_rules(password, user)
        return password

    def set_password(self, user: User, password: str) -> None:
        """Save a new password, which ends every session of this user at its next request."""
        with transaction.atomic():
            super().set_password(user, password)
            record(Kind.PASSWORD_CHANGED, subject=user.email, outcome=Outcome.DONE)

    def reauthenticate(self, user: User, password: str) -> bool:
        # The library looks for the address in a table of its own, which this console does not fill.
        self.failure = Kind.PROOF_FAILED
        found = self.authenticate(self.request, email=user.email, password=password)
        return found is not None and found.pk == user.pk


def _methods(request: HttpRequest, user: User) -> list[str]:
    """Return the methods of this sign-in, in order: "password", "totp", "webauthn" and so on."""
    records = get_authentication_records(request, user)
    return [str(one.get("type", one["method"])) for one in records]


def _record_failure(email: str, reason: str, *, kind: Kind = Kind.SIGN_IN_FAILED) -> None:
    record(
        kind,
        subject=email or UNKNOWN_USER,
        outcome=Outcome.REFUSED,
        detail={"because": reason},
    )
