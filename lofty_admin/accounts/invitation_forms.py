"""The forms of an invited user, with each form's layout next to its fields."""

from typing import Any

from crispy_forms.layout import Submit
from django import forms
from django.utils.translation import gettext_lazy as _

from lofty_admin.accounts.identity import check_name
from lofty_admin.accounts.models import User
from lofty_admin.accounts.passwords import check_password_rules
from lofty_admin.core.layouts import layout


class CodeForm(forms.Form):
    """The code of an invitation: the part after the # of its link."""

    code = forms.CharField(
        label=_("Code from the e-mail"),
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "spellcheck": "false"}),
        help_text=_("Everything after the # in the link."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = layout("code", Submit("open", _("Continue")))


class AcceptForm(forms.Form):
    """An invited user's name and password.

    The password is never sent back to the page, not even in a hidden field.
    """

    name = forms.CharField(
        label=_("Your name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        help_text=_("Your colleagues see it in the history of every change you make."),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 15 characters. Several unrelated words work well."),
    )
    again = forms.CharField(
        label=_("Repeat password"),
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.helper = layout("name", "password", "again", Submit("accept", _("Create account")))

    def clean_name(self) -> str:
        check_name(self.cleaned_data["name"])
        return str(self.cleaned_data["name"])

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        password, again = data.get("password"), data.get("again")
        if password and again and password != again:
            self.add_error("again", _("The two passwords don't match. Enter both again."))
        elif password:
            self._judge(password)
        return data

    def _judge(self, password: str) -> None:
        self.user.name = self.cleaned_data.get("name", "")
        try:
            check_password_rules(password, self.user)
        except forms.ValidationError as error:
            self.add_error("password", error)
