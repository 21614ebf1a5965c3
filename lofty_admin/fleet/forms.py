"""Filter of the home page, whose address has all of its values, and lists of tenants to add."""

from typing import Any

from crispy_forms.layout import Submit
from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import FileExtensionValidator
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from lofty_admin.core.layouts import layout
from lofty_admin.core.searching import SearchField
from lofty_admin.core.text_areas import TextAreaField
from lofty_admin.fleet.connection_status import ConnectionSummary
from lofty_admin.fleet.import_csv import MOST_BYTES, BadTable, decode
from lofty_admin.fleet.tenant_list import DEFAULT_SORT, SORTS, Wanted
from lofty_admin.tenants.models import Group

SORT_LABELS = {
    "name": _("Tenant"),
    "token": _("Token"),
    "agent": _("Agent"),
    "channels": _("Channels"),
    "hours": _("Hours"),
    "change": _("Last change"),
    "read": _("Last read"),
}
# Times are sorted newest first.
FIRST_CLICK = {"change": "-change", "read": "-read"}


def _orders() -> list[tuple[str, str]]:
    """Return each order and its reverse, in the reader's language."""
    ways = (
        ("", gettext("Sort by %(column)s")),
        ("-", gettext("Sort by %(column)s, reversed")),
    )
    return [
        (prefix + name, words % {"column": SORT_LABELS[name].lower()})
        for name in SORTS
        for prefix, words in ways
    ]


class FindForm(forms.Form):
    """The filter. It ignores unknown values, so that an old address still shows a list."""

    q = SearchField(label=_("Find"))
    status = forms.ChoiceField(
        required=False,
        choices=[("", _("Active")), ("archived", _("Archived")), ("all", _("Active and archived"))],
    )
    token = forms.ChoiceField(
        required=False,
        choices=[("", _("Any token")), *ConnectionSummary.choices],
    )
    group = forms.ChoiceField(required=False)
    channel = forms.ChoiceField(
        required=False,
        choices=[
            ("", _("Any channel")),
            ("text", _("Text messages on")),
            ("email", _("E-mail on")),
            ("website", _("Website chat on")),
            ("none", _("All channels off")),
            ("unread", _("Settings never read")),
        ],
    )
    change = forms.ChoiceField(
        label=_("Last change"),
        required=False,
        choices=[("", _("Any last change")), ("unknown", _("Unknown: to resolve"))],
    )
    manual = forms.ChoiceField(
        label=_("Manual only"),
        required=False,
        choices=[
            ("", _("Manual only or not")),
            ("yes", _("Manual only")),
            ("no", _("Not manual only")),
        ],
    )
    sort = forms.ChoiceField(
        label=_("Sort by"),
        required=False,
        choices=_orders,
    )

    def __init__(self, *args: Any, groups: QuerySet[Group], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = groups.values_list("slug", "name")
        self.fields["group"].choices = [("", _("Any group")), *names]  # type: ignore[attr-defined]  # a ChoiceField

    @property
    def wanted(self) -> Wanted:
        self.is_valid()
        given = {name: value for name, value in self.cleaned_data.items() if value}
        return Wanted(**{"sort": DEFAULT_SORT, **given})


class _NeverShown(forms.Textarea):
    """A text area that does not repeat what was entered: it holds tokens."""

    def format_value(self, value: Any) -> str:
        return ""


class ImportForm(forms.Form):
    """A list of tenants, as a file or pasted. `cleaned_data["text"]` has it either way."""

    file = forms.FileField(
        label=_("CSV file"),
        required=False,
        validators=[
            FileExtensionValidator(
                ["csv", "tsv", "txt"], _("Choose a file whose name ends in .csv, .tsv, or .txt.")
            )
        ],
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv"}),
    )
    pasted = TextAreaField(
        label=_("Or paste the rows, including the header"),
        required=False,
        max_length=MOST_BYTES,
        strip=False,
        widget=_NeverShown(
            attrs={"rows": 6, "autocomplete": "off", "spellcheck": "false", "data-secret": True}
        ),
        help_text=_("Separate cells with commas, semicolons, or tabs."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = layout("file", "pasted", Submit("read", gettext("Check the list")))

    def clean_file(self) -> UploadedFile | None:
        file: UploadedFile | None = self.cleaned_data["file"]
        if file is not None and (file.size or 0) > MOST_BYTES:
            raise forms.ValidationError(
                _("The file is larger than 1 MB. Split it into smaller files.")
            )
        return file

    def clean(self) -> dict[str, Any]:
        file, pasted = self.cleaned_data.get("file"), self.cleaned_data.get("pasted")
        if not self.errors and bool(file) == bool(pasted):
            self.refuse(gettext("Either choose a file or paste rows."))
        elif not self.errors:
            try:
                self.cleaned_data["text"] = decode(file.read()) if file else pasted
            except BadTable as error:
                self.refuse(str(error))
        return self.cleaned_data

    def refuse(self, words: str) -> None:
        self.add_error(None, gettext("%(why)s Nothing was saved.") % {"why": words})


class StartForm(forms.Form):
    """The choice of what to do with the other rows when some cannot be added."""

    mode = forms.ChoiceField(
        choices=[
            ("all", _("Import all rows or none")),
            ("good", _("Import valid rows and list the rest")),
        ],
        widget=forms.RadioSelect,
    )
    same_names = forms.BooleanField(required=False)

    def __init__(self, *args: Any, bad: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial = {"mode": "good" if bad else "all"}
        self.all_is_possible = not bad
