"""Forms of the tenant pages, with their layout next to their fields."""

from typing import Any

from crispy_forms.layout import HTML, Div, Submit
from django import forms
from django.utils.translation import gettext_lazy as _

from lofty_admin.core.input import refuse_unreadable
from lofty_admin.core.layouts import layout
from lofty_admin.core.text_areas import TextAreaField
from lofty_admin.tenants.credentials.forms import TokenForm
from lofty_admin.tenants.errors import ConfirmationRequired
from lofty_admin.tenants.models import RESERVED_SLUGS, Group
from lofty_admin.tenants.services import suggest_slug


class TenantForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120, validators=[refuse_unreadable])
    note = TextAreaField(
        label=_("Note"),
        required=False,
        max_length=2000,
        validators=[refuse_unreadable],
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("For your colleagues. Not sent to Lofty."),
    )
    manual_only = forms.BooleanField(
        label=_("Manual only"),
        required=False,
        help_text=_("Tells colleagues to change this tenant by hand only, never in bulk."),
    )
    groups = forms.ModelMultipleChoiceField(
        label=_("Groups"),
        queryset=Group.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Choose any that apply. Roles can be assigned by group."),
        error_messages={"invalid_choice": _("This group no longer exists.")},
    )
    meant = forms.BooleanField(label=_("Yes, use this name twice"), required=False)

    def __init__(self, *args: Any, may_group: bool = False, **kwargs: Any) -> None:
        """Create the form. may_group: whether the user may change the tenant's groups."""
        super().__init__(*args, **kwargs)
        groups = Group.objects.all()
        if may_group and groups.exists():
            self.fields["groups"].queryset = groups  # type: ignore[attr-defined]  # a choice field
        else:
            del self.fields["groups"]
        shown = [name for name in ("name", "note", "manual_only", "groups") if name in self.fields]
        self.helper = layout(*shown, "meant", Submit("save", _("Save")))
        if not self.data.get("meant"):
            self.fields["meant"].widget = forms.HiddenInput()

    def ask(self, error: ConfirmationRequired) -> None:
        """Show the questions, and the checkbox that confirms the change."""
        self.fields["meant"].widget = forms.CheckboxInput()
        for question in error.questions:
            self.add_error("name", question)
        self.add_error("meant", _("Nothing was saved. If you're sure, tick this and save again."))


class GroupForm(forms.Form):
    """A group of tenants: its name, and a short name made from it when left empty."""

    name = forms.CharField(label=_("Name"), max_length=120, validators=[refuse_unreadable])
    slug = forms.CharField(
        label=_("Short name"),
        max_length=50,
        required=False,
        help_text=_(
            "Used in web addresses and CSV files, for example west-coast. If empty, it is "
            "derived from the name."
        ),
    )

    def __init__(self, *args: Any, button: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = layout("name", "slug", Submit("save", button or _("Add group")))

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        slug = data.get("slug", "").lower() or suggest_slug(data.get("name", ""))
        if not slug and "name" in data:
            words = _(
                "The short name can't be derived from this name. Enter one, for example west."
            )
            self.add_error("slug", words)
        return {**data, "slug": slug}


class AddTenantForm(TokenForm):
    """A new tenant, with or without its first token."""

    name = forms.CharField(label=_("Name"), max_length=120, validators=[refuse_unreadable])
    slug = forms.CharField(
        label=_("Short name"),
        max_length=50,
        required=False,
        help_text=_(
            "Used in the web address. Can't be changed later. If empty, it is derived "
            "from the name."
        ),
    )
    note = TextAreaField(
        label=_("Note"),
        required=False,
        max_length=2000,
        validators=[refuse_unreadable],
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    field_order = ["name", "slug", "note", "scheme", "token", "meant"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["token"].required = False
        self.helper = layout(
            Div(
                Div("name", css_class="col-md-7"),
                Div("slug", css_class="col-md-5"),
                css_class="row",
            ),
            "note",
            HTML("{% include 'tenants/add_token.html' %}"),
            "scheme",
            "token",
            "meant",
            Submit("add", _("Add tenant")),
        )

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        slug = data.get("slug", "").lower() or suggest_slug(data.get("name", ""))
        if not slug and "name" in data:
            words = _(
                "The short name can't be derived from this name. Enter one, for example acme."
            )
            self.add_error("slug", words)
        if slug in RESERVED_SLUGS:
            self.add_error("slug", _("This short name is reserved."))
        return {**data, "slug": slug}
