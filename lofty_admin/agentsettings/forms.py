"""The settings form: one field for each row of `fields.SETTINGS`, laid out in sections."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from django import forms
from django.forms import BoundField
from django.template import Context, Engine
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django_countries import countries

from lofty_admin.agentsettings.cautions import foreign_words
from lofty_admin.agentsettings.entered import entered_name, entered_number, entered_text
from lofty_admin.agentsettings.fields import BY_NAME, SETTINGS, Kind, Section, Setting
from lofty_admin.agentsettings.plans import Snapshot
from lofty_admin.agentsettings.widgets import (
    ListChoice,
    Picking,
    Scope,
    ScopedListField,
    ScopedListWidget,
)
from lofty_admin.core.layouts import layout
from lofty_admin.core.long_select import LongSelect, Rows
from lofty_admin.core.text_areas import TextAreaField, unify_line_breaks
from lofty_admin.core.visible import has_unseen, shortened, visible
from lofty_admin.directory.id_families import foreign_ids
from lofty_admin.directory.models import EntryKind
from lofty_admin.directory.names import Name, names, unknown
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.tenants.models import Tenant

KEEP = "as-it-is"
END = "end"  # the last field of the form: if it is missing, the form was truncated
FIXED = gettext_lazy(
    "Lofty has characters here that a form can't hold, so this can't be edited. It stays as it is."
)
MAX_TEXT, MAX_LONG_TEXT = 200, 4000
WIDTH = {
    Section.IDENTITY: "col-12",
    Section.PHONE: "col-md-6",
    Section.CHANNELS: "col-md-4",
    Section.HOURS: "col-md-6",
    Section.LEADS: "col-12",
    Section.ACCESS: "col-12",
    Section.FOLLOW_UP: "col-md-4",
}


class SettingField(BoundField):
    """A field as section.html renders it."""

    def build_widget_attrs(
        self, attrs: dict[str, Any], widget: forms.Widget | None = None
    ) -> dict[str, Any]:
        attrs = super().build_widget_attrs(attrs, widget)
        return attrs if self.is_list else {**attrs, "class": self._css_class}

    @property
    def is_list(self) -> bool:
        return isinstance(self.field, ScopedListField)

    @property
    def is_switch(self) -> bool:
        """Return whether it is a switch; a value other than yes or no makes it a select."""
        return isinstance(self.field, forms.BooleanField)

    @property
    def width(self) -> str:
        return "col-12" if self.is_list else WIDTH[BY_NAME[self.name].section]

    @property
    def _css_class(self) -> str:
        if self.is_switch:
            css = "form-check-input"
        else:
            is_select = isinstance(self.field, forms.ChoiceField)
            css = "form-select" if is_select else "form-control"
        return f"{css} is-invalid" if self.errors else css


class SettingsForm(forms.Form):
    """The 22 settings, built from a snapshot.

    `start` holds them as the page first showed them, `after` as the user wants them. A setting is
    changed only if what comes back differs from what the page showed; an unchanged one keeps the
    stored value exactly, even where no field could show it.
    """

    bound_field_class = SettingField

    def __init__(
        self,
        tenant: Tenant,
        snapshot: Snapshot,
        data: Mapping[str, object] | None = None,
        *,
        shown: Mapping[str, JSON] | None = None,
        can_edit: bool = True,
    ) -> None:
        """Create the form. `shown`: values to start from, not the snapshot's (after review)."""
        super().__init__(data)
        self.tenant, self.stored = tenant, snapshot.settings.raw
        self.start = start = self.stored if shown is None else shown
        self.picking = self._picking()
        for setting in SETTINGS:
            value = self.stored.get(setting.name)
            self.fields[setting.name] = self._field(setting, value, start.get(setting.name))
            self.initial[setting.name] = to_form(setting, start.get(setting.name))
            self.fields[setting.name].disabled = not can_edit
        self.helper = layout(*map(Card, Section))
        self.helper.template = "agentsettings/fields/all.html"

    @property
    def after(self) -> dict[str, JSON]:
        """Return all settings as wanted. Only for a valid form."""
        after, cleaned = dict(self.stored), self.cleaned_data
        # Numbers come last: one without a country code is read by the country chosen.
        for setting in sorted(SETTINGS, key=lambda setting: setting.kind is Kind.PHONE):
            name, entered = setting.name, cleaned[setting.name]
            if unchanged(setting, self.stored.get(name), entered):
                continue
            # A value the draft already had is kept exactly, even where no field can show it.
            is_kept = name in self.start and unchanged(setting, self.start[name], entered)
            country = after.get("virtualNumberCountry")
            after[name] = self.start[name] if is_kept else from_form(setting, entered, country)
        return after

    @property
    def source_names(self) -> dict[str, str]:
        """Return id as text -> name, of the lead sources that were looked up for the form."""
        return {i: name.name for i, name in self.picking[EntryKind.SOURCE].names.items()}

    def in_lofty(self) -> dict[str, dict[str, object]]:
        """Return what each editable field holds without a change.

        That is `value`, a text or whether it is ticked; for a list `scope`, `ids`, and `names`,
        those of ids that are not on the page yet.
        """
        return {
            setting.name: self._in_lofty(setting)
            for setting in SETTINGS
            if not self.fields[setting.name].disabled
        }

    def _in_lofty(self, setting: Setting) -> dict[str, object]:
        value = to_form(setting, self.stored.get(setting.name))
        if isinstance(value, ListChoice):
            known = self._names(setting, [int(i) for i in value.ids])
            names = {i: visible(known[i].name) for i in value.ids if i in known}
            return {"scope": value.scope, "ids": list(value.ids), "names": names}
        return {"value": unify_line_breaks(value) if isinstance(value, str) else value}

    def _field(self, setting: Setting, stored: JSON, shown: JSON) -> forms.Field:
        if setting.is_list:
            return self._list_field(setting, stored)
        if setting.kind is Kind.SWITCH:
            return _switch(setting, stored)
        if setting.kind in (Kind.CHOICE, Kind.HOUR, Kind.COUNTRY):
            return _select(setting, stored, shown)
        return _text(setting, stored, shown)

    def clean(self) -> dict[str, Any]:
        """Refuse a truncated form: a missing part must not be read as empty, off, or anything."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if END not in self.data:
            raise forms.ValidationError(
                _("The form arrived incomplete. Nothing was sent. Submit it again.")
            )
        for setting in SETTINGS:
            field = self.fields[setting.name]
            one_of = isinstance(field, forms.ChoiceField) and cleaned.get(setting.name) == ""
            missing = _always_sent(field) and setting.name not in self.data
            if (one_of or missing) and not field.disabled:
                self.add_error(setting.name, _("This value didn't arrive. Enter it again."))
        return cleaned

    def _list_field(self, setting: Setting, stored: JSON) -> forms.Field:
        picking = self.picking.get(setting.entries) if setting.entries else None
        return ScopedListField(setting, stored, ScopedListWidget(setting, stored, picking))

    def _picking(self) -> dict[EntryKind, Picking]:
        picked = {
            setting.entries: self._picked_ids(setting, self.start.get(setting.name))
            for setting in SETTINGS
            if setting.entries is not None
        }
        picking = Picking.all_of(self.tenant, picked)
        foreign = self._foreign(picking)
        return {kind: replace(one, foreign=foreign.get(kind, "")) for kind, one in picking.items()}

    def _foreign(self, picking: Mapping[EntryKind, Picking]) -> dict[EntryKind, str]:
        """Return where names do not match the ids that Lofty has, and why. Usually no query."""
        settings = {setting.entries: setting for setting in SETTINGS if setting.entries is not None}
        stored = {
            kind: [int(i) for i in ListChoice.of(setting, self.stored.get(setting.name)).ids]
            for kind, setting in settings.items()
        }
        doubtful = {
            kind: ids for kind, ids in stored.items() if not all(map(picking[kind].knows, ids))
        }
        found = foreign_ids(self.tenant, doubtful) if doubtful else {}
        return {kind: foreign_words(settings[kind], foreign) for kind, foreign in found.items()}

    def _names(self, setting: Setting, ids: list[int]) -> dict[str, Name]:
        if setting.entries is None:
            return {}
        return {str(i): name for i, name in names(self.tenant, setting.entries, ids).items()}

    def _picked_ids(self, setting: Setting, shown: JSON) -> list[int]:
        choice = ListChoice.of(setting, shown)
        if self.is_bound:
            text = str(self.data.get(f"{setting.name}-ids", ""))
            choice = ListChoice(Scope.ONLY, tuple(part.strip() for part in text.split(",")))
        return [int(i) for i in choice.ids if i.removeprefix("-").isdecimal() and len(i) < 20]


def _always_sent(field: forms.Field) -> bool:
    """Return whether a browser always sends the field; it omits checkboxes that are off."""
    return not isinstance(field, forms.BooleanField | ScopedListField)


def _text(setting: Setting, stored: JSON, shown: JSON) -> forms.Field:
    if isinstance(stored, str) and not _can_travel(stored):
        return forms.CharField(label=setting.label, required=False, disabled=True, help_text=FIXED)
    long = setting.kind is Kind.LONG_TEXT
    texts = [unify_line_breaks(str(to_form(setting, value))) for value in (stored, shown)]
    rows = 3 if long else max(text.count("\n") for text in texts)  # one line cannot hold a break
    attrs = {"autocomplete": "off"}
    if stored is None:
        attrs["placeholder"] = _("not set in Lofty")
    if setting.kind is Kind.PHONE:
        attrs["inputmode"] = "tel"
    return TextAreaField(
        label=setting.label,
        help_text=" ".join(filter(None, [setting.help, _unseen_in(texts[0])])),
        required=False,
        strip=False,
        max_length=max(MAX_LONG_TEXT if long else MAX_TEXT, *map(len, texts)),
        widget=forms.Textarea({**attrs, "rows": rows}) if rows else forms.TextInput(attrs),
    )


def _unseen_in(text: str) -> str:
    """Return a note where the field does not show all of what Lofty has."""
    if not has_unseen(text):
        return ""
    return _("Lofty has invisible characters here: %(text)s") % {"text": visible(text)}


def _switch(setting: Setting, stored: JSON) -> forms.Field:
    if isinstance(stored, bool):
        return forms.BooleanField(
            label=setting.label,
            help_text=setting.help,
            required=False,
            widget=forms.CheckboxInput({"role": "switch"}),
        )
    return forms.ChoiceField(
        label=setting.label,
        help_text=setting.help,
        required=False,
        choices=[(KEEP, _as_it_is(stored)), ("true", _("On")), ("false", _("Off"))],
        widget=LongSelect,
    )


def _select(setting: Setting, stored: JSON, shown: JSON) -> forms.Field:
    both = {str(to_form(setting, value)): value for value in (stored, shown)}
    odd = [(key, _as_it_is(value)) for key, value in both.items() if key.startswith(KEEP)]
    return forms.ChoiceField(
        label=setting.label,
        help_text=setting.help,
        required=False,
        choices=Rows([*odd, *((str(key), label) for key, label in _choices_of(setting).items())]),
        widget=LongSelect,
    )


def _choices_of(setting: Setting) -> Mapping[Any, str]:
    if setting.kind is Kind.COUNTRY:
        return _country_choices(get_language())
    return setting.choices or {}


@cache
def _country_choices(language: str | None) -> Mapping[str, str]:
    """Return the countries in `language`, the active one. Cached, as sorting 250 names is slow."""
    return {country.code: f"{country.name} ({country.code})" for country in countries}


def _as_it_is(stored: JSON) -> str:
    return (
        _("not set in Lofty")
        if stored is None
        else unknown(shortened(visible(json.dumps(stored)), 60))
    )


def to_form(setting: Setting, value: JSON) -> object:
    """Return a stored value as the form has it: what an untouched field sends back."""
    if setting.is_list:
        return ListChoice.of(setting, value)
    if setting.kind is Kind.SWITCH:
        return value if isinstance(value, bool) else KEEP
    if setting.kind in (Kind.TEXT, Kind.LONG_TEXT, Kind.PHONE):
        return "" if value is None else value if _is_plain(value) else json.dumps(value)
    known = type(value) in (int, str) and value in _choices_of(setting)
    return str(value) if known else KEEP if value is None else f"{KEEP}:{json.dumps(value)}"


def unchanged(setting: Setting, stored: JSON, cleaned: object) -> bool:
    """Return whether the field came back as it was shown."""
    shown = to_form(setting, stored)
    if isinstance(shown, ListChoice) and isinstance(cleaned, ListChoice):
        return shown.equals(cleaned)
    if isinstance(shown, str) and isinstance(cleaned, str):
        # Browsers send line breaks as CR LF, however they were stored.
        return unify_line_breaks(shown) == unify_line_breaks(cleaned)
    return shown == cleaned


def from_form(setting: Setting, cleaned: object, country: JSON = None) -> JSON:
    """Return the value to store at Lofty for what was entered.

    country: for phone numbers that were entered without a country code.
    """
    if isinstance(cleaned, ListChoice):
        return cleaned.stored(setting)
    text = str(cleaned)
    if text.startswith(f"{KEEP}:") and setting.kind in (Kind.CHOICE, Kind.HOUR, Kind.COUNTRY):
        kept: JSON = json.loads(text.removeprefix(f"{KEEP}:"))
        return kept
    if setting.kind is Kind.HOUR:
        return int(text)
    if setting.kind is Kind.SWITCH:
        return cleaned in (True, "true")
    if setting.kind is Kind.PHONE:
        return entered_number(text, country)
    return entered_text(text) if setting.kind is Kind.LONG_TEXT else entered_name(text)


def _is_plain(value: JSON) -> bool:
    return isinstance(value, str) and _can_travel(value)


def _can_travel(text: str) -> bool:
    """Return whether a page and a form can carry it: no NUL, no lone surrogate."""
    return "\x00" not in text and text == text.encode("utf-8", "ignore").decode()


class Card:
    """A section of the form under its title; a layout object of crispy."""

    def __init__(self, section: Section) -> None:
        self.title, self.anchor = section.label, section.name.lower().replace("_", "-")
        self.names = [setting.name for setting in SETTINGS if setting.section is section]
        self.has_week = section is Section.HOURS

    def render(self, form: forms.Form, context: Context, template_pack: str = "") -> str:
        section = Engine.get_default().get_template("agentsettings/fields/section.html")
        with context.push(card=self, fields=[form[name] for name in self.names]):
            return section.render(context)
