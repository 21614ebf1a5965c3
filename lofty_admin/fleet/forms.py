"""What the home page can be asked for; all of it stands in the address."""

from typing import Any

from django import forms
from django.db.models import QuerySet

from lofty_admin.fleet.listing import DEFAULT_SORT, SORTS, Wanted
from lofty_admin.tenants.models import CredentialState, Group

SORT_LABELS = {
    "name": "Tenant",
    "token": "Token",
    "agent": "Agent",
    "channels": "Channels",
    "hours": "Hours",
    "change": "Last change",
    "read": "Last read",
}
# Times are wanted newest first.
FIRST_CLICK = {"change": "-change", "read": "-read"}


class FindForm(forms.Form):
    """Values it does not know are as good as none: an old address still shows a list."""

    q = forms.CharField(label="Find", required=False, max_length=100)
    status = forms.ChoiceField(
        required=False,
        choices=[("", "Active"), ("archived", "Archived"), ("all", "Active and archived")],
    )
    token = forms.ChoiceField(required=False, choices=[("", "Any token"), *CredentialState.choices])
    group = forms.ChoiceField(required=False)
    channel = forms.ChoiceField(
        required=False,
        choices=[
            ("", "Any channel"),
            ("text", "Text messages on"),
            ("email", "E-mail on"),
            ("website", "Website chat on"),
            ("none", "All channels off"),
        ],
    )
    manual = forms.ChoiceField(
        label="Manual only",
        required=False,
        choices=[("", "Manual only or not"), ("yes", "Manual only"), ("no", "Not manual only")],
    )
    sort = forms.ChoiceField(
        label="Sort by",
        required=False,
        choices=[
            (prefix + name, f"Sort by {SORT_LABELS[name].lower()}{words}")
            for name in SORTS
            for prefix, words in (("", ""), ("-", ", the other way round"))
        ],
    )

    def __init__(self, *args: Any, groups: QuerySet[Group], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = groups.values_list("slug", "name")
        self.fields["group"].choices = [("", "Any group"), *names]  # type: ignore[attr-defined]  # a ChoiceField

    @property
    def wanted(self) -> Wanted:
        self.is_valid()
        given = {name: value for name, value in self.cleaned_data.items() if value}
        return Wanted(**{"sort": DEFAULT_SORT, **given})
