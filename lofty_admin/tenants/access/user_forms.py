"""Forms about users across all tenants, with their layout next to their fields."""

from typing import Any

from crispy_forms.layout import Submit
from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from lofty_admin.core.layouts import layout
from lofty_admin.core.searching import SearchField
from lofty_admin.tenants.access.grants import Scope
from lofty_admin.tenants.access.tenant_choice import TenantField
from lofty_admin.tenants.access.user_list import PersonState
from lofty_admin.tenants.models import Group, Role, Tenant

DENIED, NOTHING = "denied", "nothing"
LEVELS = [
    *((str(role.value), role.label) for role in Role),
    (DENIED, _("Denied")),
    (NOTHING, _("Remove access")),
]


class InviteForm(forms.Form):
    email = forms.EmailField(label=_("E-mail address"), max_length=254)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = layout("email", Submit("invite", _("Send invitation")))


class RightForm(forms.Form):
    """One right of a user: scope and level. `cleaned_data` has `scope` (Scope) and `level`."""

    where = forms.ChoiceField(
        label=_("For"),
        choices=[
            ("tenant", _("One tenant")),
            ("group", _("A group of tenants")),
            ("all", _("All tenants, including future ones")),
        ],
    )
    tenant = TenantField(
        active_only=True,
        label=_("Tenant"),
        help_text=_("Only for one tenant: its name or short name."),
    )
    group = forms.ModelChoiceField(
        label=_("Group"),
        queryset=Group.objects.all(),
        required=False,
        empty_label=_("No group chosen"),
        help_text=_("Only for a group. Includes tenants that join it later."),
    )
    level = forms.ChoiceField(label=_("Role"), choices=LEVELS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tenant"].among = Tenant.objects.all()  # type: ignore[attr-defined]  # a TenantField
        self.helper = layout(
            "where", "tenant", "group", "level", Submit("change", pgettext("button", "Change"))
        )

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if data.get("where") == "group" and not data.get("group") and "group" not in self.errors:
            self.add_error("group", _("Choose the group."))
        tenant = data.get("tenant") if data.get("where") == "tenant" else None
        if data.get("where") == "tenant" and tenant is None and "tenant" not in self.errors:
            self.add_error("tenant", _("Choose the tenant."))
        group = data.get("group") if data.get("where") == "group" else None
        return {**data, "scope": Scope(tenant=tenant, group=group)}


class FindPersonForm(forms.Form):
    """The filter of the user list; the address has all of its values."""

    q = SearchField()
    state = forms.ChoiceField(
        required=False,
        choices=[("", _("All users")), *PersonState.choices, ("superuser", _("Superusers"))],
    )


class FindSeenForm(forms.Form):
    """The filter of the tenants one user can see."""

    q = SearchField()
    show = forms.ChoiceField(required=False, choices=[("", _("Can see")), ("denied", _("Denied"))])
