"""Small forms of the history pages."""

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _

from lofty_admin.core.input import refuse_unreadable
from lofty_admin.history.filters import FilterForm


class SaveViewForm(forms.Form):
    """A name for the filter in `query`, which is stored as the history page would write it."""

    name = forms.CharField(max_length=60, strip=True, validators=[refuse_unreadable])
    query = forms.CharField(max_length=2000, required=False)

    def clean_query(self) -> str:
        given = QueryDict(self.cleaned_data["query"])
        kept = QueryDict(mutable=True)
        for name in FilterForm.base_fields:
            if given.get(name):
                kept[name] = given[name]
        if not kept:
            raise forms.ValidationError(_("Add a filter first. This is the whole history."))
        return kept.urlencode()

    @property
    def first_error(self) -> str:
        """Return the first error for a message: "Name: This field is required."."""
        name, errors = next(iter(self.errors.items()))
        return f"{_('Name')}: {errors[0]}" if name == "name" else str(errors[0])
