"""The forms that ask for a second factor: a code, or a passkey. Failures are recorded."""

from datetime import timedelta
from typing import Any, ClassVar

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from lofty_admin.accounts import mfa, throttle
from lofty_admin.accounts.allauth_internals import post_authentication
from lofty_admin.accounts.models import User
from lofty_admin.audit.context import person
from lofty_admin.audit.kinds import UNKNOWN_USER, Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.core.input import refuse_unreadable
from lofty_admin.core.vault import VaultError
from lofty_admin.lofty.json_strict import loads

UNREADABLE = _("Your second factor can't be read. Ask the people who run this console.")
NOT_THE_PASSKEY = _("The passkey didn't work. Nothing was changed. Try again.")

CODES_PER_PERSON, CODES_PERIOD = 5, timedelta(minutes=5)


class CodeForm(AuthenticateForm):  # type: ignore[misc]  # allauth ships no types
    """Sign in with a code of the app, or a recovery code."""

    failure: ClassVar[Kind] = Kind.SIGN_IN_FAILED
    reauthenticated: ClassVar[bool] = False
    code = forms.CharField(
        label=_("Code"),
        help_text=_("Six digits from your authenticator app, or one of your recovery codes."),
        max_length=32,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}
        ),
    )

    def clean_code(self) -> str:
        limit = throttle.Limit(f"code|{self.user.pk}", CODES_PER_PERSON, CODES_PERIOD)
        attempt = self._begin(limit)
        code = str(self.cleaned_data["code"])
        try:
            found = mfa.use_code(self.user, code)
        except VaultError as error:
            attempt.failed()
            record_failure(self.failure, self.user, str(error))
            raise ValidationError(UNREADABLE) from None
        if found is None:
            attempt.failed()
            record_failure(self.failure, self.user, "wrong code")
            raise get_adapter().validation_error("incorrect_code")
        throttle.forget(limit)
        self.authenticator = found
        return code

    def _begin(self, limit: throttle.Limit) -> throttle.Attempt:
        """Start an attempt. Raises ValidationError after too many wrong codes."""
        attempt = throttle.begin([limit])
        if attempt is None:
            record_failure(self.failure, self.user, "too many wrong codes")
            raise get_account_adapter().validation_error("too_many_login_attempts")
        return attempt

    def save(self) -> None:
        request = get_adapter().request
        post_authentication(request, self.authenticator, reauthenticated=self.reauthenticated)


class CodeAgainForm(CodeForm):
    """Re-authenticate with a code of the app, or a recovery code."""

    failure = Kind.PROOF_FAILED
    reauthenticated = True


class _CredentialField(forms.CharField):
    """The browser's passkey response, as JSON. None of it is shown again."""

    widget = forms.HiddenInput

    def clean(self, value: Any) -> Any:
        text: str = super().clean(value)
        try:
            credential = loads(text.encode())
        except ValueError:
            raise ValidationError(NOT_THE_PASSKEY) from None
        # allauth's form does not look at an empty one, and would accept it.
        if not credential or not isinstance(credential, dict):
            raise ValidationError(NOT_THE_PASSKEY)
        return credential


class _Passkey(forms.Form):
    """Accept a valid passkey response; refuse and record whatever else the browser sends."""

    credential = _CredentialField()
    failure: ClassVar[Kind] = Kind.SIGN_IN_FAILED
    user: User | None

    def clean_credential(self) -> Authenticator:
        try:
            return super().clean_credential()  # type: ignore[misc]  # of the form it is mixed into
        except ValidationError:
            record_failure(self.failure, self.user, "the passkey did not work")
            raise
        except (AttributeError, KeyError, TypeError, ValueError):  # what the parser lets through
            record_failure(self.failure, self.user, "the passkey's response could not be read")
            raise ValidationError(NOT_THE_PASSKEY) from None


class PasskeyForm(_Passkey, AuthenticateWebAuthnForm):  # type: ignore[misc]
    """Sign in with a passkey after the password."""


class PasskeyAgainForm(_Passkey, ReauthenticateWebAuthnForm):  # type: ignore[misc]
    failure = Kind.PROOF_FAILED


class PasskeyAloneForm(_Passkey, LoginWebAuthnForm):  # type: ignore[misc]
    """Sign in with a passkey instead of e-mail address and password."""


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """Register a passkey.

    Every passkey can be used alone, so it must verify its user (a fingerprint, face or PIN).
    """

    passwordless = None
    credential = _CredentialField()
    name = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=60,
        validators=[refuse_unreadable],
        help_text=_("To recognize it later, for example: Work laptop."),
    )

    def clean(self) -> dict[str, Any]:
        try:
            cleaned: dict[str, Any] = super().clean()
        except (AttributeError, KeyError, TypeError, ValueError):
            raise ValidationError(NOT_THE_PASSKEY) from None
        return cleaned


class AddAppForm(forms.Form):
    code = forms.CharField(
        label=_("Current code from the app"),
        max_length=12,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )

    def clean_code(self) -> str:
        return "".join(str(self.cleaned_data["code"]).split())


def record_failure(kind: Kind, user: User | None, reason: str) -> None:
    """Record a refused sign-in or re-authentication; `user` is None if no user was named."""
    record(
        kind,
        subject=user.email if user else UNKNOWN_USER,
        outcome=Outcome.REFUSED,
        detail={"because": reason},
        actor=person(user) if user and kind is Kind.PROOF_FAILED else None,
    )
