"""Forms of the names page, with their layout next to their fields."""

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Column, Row, Submit
from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from lofty_admin.core.input import refuse_unreadable
from lofty_admin.core.layouts import layout
from lofty_admin.core.searching import SearchField
from lofty_admin.core.text import clean
from lofty_admin.directory.bulk_lookup import ungrouped
from lofty_admin.directory.models import TEXT_LENGTH, EntryKind
from lofty_admin.directory.names import LARGEST_ID, LONGEST_QUERY


class IdField(forms.IntegerField):
    """A whole number, also as spreadsheets show it: 1,234,567."""

    def to_python(self, value: object) -> int | None:
        return super().to_python(ungrouped(value) if isinstance(value, str) else value)


class SourceForm(forms.Form):
    """The id of a lead source and the name users know it by."""

    lofty_id = IdField(
        label=_("Lead source ID"),
        min_value=1,
        max_value=LARGEST_ID,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    name = forms.CharField(
        label=_("Name"),
        max_length=TEXT_LENGTH,
        validators=[refuse_unreadable],
        help_text=_("For example: Zillow"),
    )

    @property
    def helper(self) -> FormHelper:
        """Return a new helper each time, as a button keeps its first language."""
        return layout(
            Row(Column("lofty_id", css_class="col-md-5"), Column("name", css_class="col-md-7")),
            Submit("give", gettext("Add name")),
        )

    def clean_name(self) -> str:
        name = clean(self.cleaned_data["name"], TEXT_LENGTH)
        if not name:
            raise forms.ValidationError(gettext("A name needs at least one letter."))
        return name


class SearchForm(forms.Form):
    """The search among the names. Sent by GET."""

    kind = forms.ChoiceField(choices=EntryKind, initial=EntryKind.AGENT, required=False)
    q = SearchField(label=_("Search"), longest=LONGEST_QUERY)

    @property
    def wanted(self) -> tuple[EntryKind, str]:
        """Return kind and text; invalid values are ignored rather than refused."""
        self.is_valid()
        found = self.cleaned_data
        return EntryKind(found.get("kind") or EntryKind.AGENT), str(found.get("q", ""))
