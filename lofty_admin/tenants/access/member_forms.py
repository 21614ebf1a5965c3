"""Forms of a tenant's People page."""

from typing import Any

from crispy_forms.layout import Submit
from django import forms
from django.utils.translation import gettext_lazy as _

from lofty_admin.accounts.models import User
from lofty_admin.core.layouts import layout
from lofty_admin.tenants.models import Role


class AddMemberForm(forms.Form):
    """Access for an existing user of the console."""

    email = forms.EmailField(label=_("E-mail address"))
    role = forms.TypedChoiceField(
        label=_("Role"),
        choices=Role.choices,
        coerce=lambda value: Role(int(value)),
        initial=Role.VIEWER,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = layout("email", "role", Submit("add", _("Give access")))

    def clean_email(self) -> User:
        user = User.objects.with_email(self.cleaned_data["email"]).filter(is_active=True).first()
        if user is None:
            raise forms.ValidationError(
                _("No user has this e-mail address. Ask a superuser to invite them first.")
            )
        return user


class RoleForm(forms.Form):
    role = forms.TypedChoiceField(choices=Role.choices, coerce=lambda value: Role(int(value)))
