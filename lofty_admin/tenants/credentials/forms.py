"""Forms of the Connection page."""

from collections.abc import Iterable
from typing import Any

from crispy_forms.layout import Submit
from django import forms
from django.utils.translation import gettext_lazy as _

from lofty_admin.core.layouts import layout
from lofty_admin.lofty.client import Scheme, clean_token
from lofty_admin.lofty.errors import BadToken
from lofty_admin.tenants.credentials.config import oauth_app
from lofty_admin.tenants.errors import ConfirmationRequired
from lofty_admin.tenants.models import Connection, ConnectionKind

PASTE_AGAIN = _("The token was not saved. Paste it again.")


def not_stored(why: str) -> str:
    """Return the message for the token's field when the token was refused."""
    return f"{why} {_('Nothing was stored.')} {PASTE_AGAIN}".strip()


class TokenField(forms.CharField):
    """A pasted Lofty token. It is never shown again, not even in a message."""

    # Browsers ignore "off" and fill in the console's saved password; they respect this value.
    widget = forms.PasswordInput(
        render_value=False,
        attrs={"autocomplete": "new-password", "spellcheck": "false", "data-secret": True},
    )

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if not text:
            return ""
        try:
            return clean_token(text)
        except BadToken as error:
            message = f"{error.message} {error.advice}"
        raise forms.ValidationError(message)


class TokenForm(forms.Form):
    """A token and its kind. After a ConfirmationRequired it also has a checkbox."""

    scheme = forms.ChoiceField(
        label=_("Kind of token"),
        choices=Connection.SchemeChoice.choices,
        initial=Scheme.API_KEY.value,
    )
    token = TokenField(
        label=_("Token"),
        help_text=_(
            "In Lofty: Settings, Integrations, API. It is tested before it is saved, and "
            "never shown again."
        ),
    )
    meant = forms.BooleanField(label=_("Yes, I'm sure"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = layout("scheme", "token", "meant", Submit("replace", _("Test and save")))
        if not self.data.get("meant"):
            self.fields["meant"].widget = forms.HiddenInput()

    def ask(self, error: ConfirmationRequired) -> None:
        """Show the questions, and the checkbox that confirms the change."""
        self.fields["meant"].widget = forms.CheckboxInput()
        for question in error.questions:
            self.add_error(None, question)
        if self.cleaned_data.get("token"):
            self.add_error("token", not_stored(""))
            self.add_error("meant", _("If you're sure, tick this and paste the token again."))
        else:
            self.add_error(
                "meant", _("Nothing was saved. If you're sure, tick this and add it again.")
            )


def kinds_to_paste() -> list[tuple[str, str]]:
    """Return the kinds of token to paste; with an OAuth app, also the API key for it."""
    kinds = [ConnectionKind.API_KEY, ConnectionKind.ACCESS_TOKEN]
    if oauth_app() is not None:
        kinds.append(ConnectionKind.CLIENT_CREDENTIALS)
    return [(kind.value, str(kind.label)) for kind in kinds]


class ReplaceTokenForm(TokenForm):
    """A new token for a tenant."""

    scheme = forms.ChoiceField(
        label=_("Kind of token"), choices=kinds_to_paste, initial=ConnectionKind.API_KEY.value
    )


class ConfirmConnectionForm(forms.Form):
    """A user's confirmation that an account is the tenant's; two if the account is unexpected."""

    right = forms.BooleanField(label=_("Yes, this is the right account"))
    meant = forms.BooleanField(label=_("Yes, continue anyway"))

    def __init__(self, *args: Any, questions: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not questions:
            del self.fields["meant"]
        self.helper = layout(*self.fields, Submit("attach", _("Connect")))


class AcceptAgentForm(forms.Form):
    """A user's confirmation that another Sales Agent is the tenant's from now on."""

    sales_agent_id = forms.IntegerField(widget=forms.HiddenInput)
    sure = forms.BooleanField(label=_("Yes, use this one"))


class RemoveTokenForm(forms.Form):
    sure = forms.BooleanField(label=_("Yes, remove it"))
