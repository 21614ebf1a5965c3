"""The forms of the names page, their layout beside their fields."""

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Column, Layout, Row, Submit
from django import forms

from lofty_admin.directory.models import TEXT_LENGTH, EntryKind
from lofty_admin.directory.names import LARGEST_ID, LONGEST_QUERY
from lofty_admin.folding import clean


class SourceForm(forms.Form):
    """An id of a lead source and the name people know it by."""

    lofty_id = forms.IntegerField(
        label="Lead source id",
        min_value=1,
        max_value=LARGEST_ID,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    name = forms.CharField(max_length=TEXT_LENGTH, help_text="For example: Zillow")

    helper = FormHelper()
    # The form element stands in the template, where its action can be seen.
    helper.form_tag, helper.disable_csrf = False, True
    helper.layout = Layout(
        Row(Column("lofty_id", css_class="col-md-5"), Column("name", css_class="col-md-7")),
        Submit("give", "Give this name"),
    )

    def clean_name(self) -> str:
        name = clean(self.cleaned_data["name"], TEXT_LENGTH)
        if not name:
            raise forms.ValidationError("A name needs at least one letter.")
        return name


class SearchForm(forms.Form):
    """What to look for among the names. Sent by GET."""

    kind = forms.ChoiceField(choices=EntryKind, initial=EntryKind.AGENT, required=False)
    q = forms.CharField(label="Search", max_length=LONGEST_QUERY, required=False)

    @property
    def wanted(self) -> tuple[EntryKind, str]:
        """Kind and text; what makes no sense is left out rather than refused."""
        found = self.cleaned_data if self.is_valid() else {}
        return EntryKind(found.get("kind") or EntryKind.AGENT), str(found.get("q", ""))
