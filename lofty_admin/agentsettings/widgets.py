"""The list component: everyone, only these, or no one, with checkboxes or a picker under it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django import forms
from django.urls import reverse
from django.utils.datastructures import MultiValueDict
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from lofty_admin.agentsettings.changes import reaches_all
from lofty_admin.agentsettings.fields import DAYS, Setting
from lofty_admin.core.visible import shortened, visible
from lofty_admin.directory.bulk_lookup import grouped_digits
from lofty_admin.directory.models import EntryKind
from lofty_admin.directory.names import LARGEST_ID, Name, count_gone, names_by_kind, unknown
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import IS_TYPE, TYPES, means_all
from lofty_admin.tenants.models import Tenant

ALL_IN_ACCESS_LIST = -1
MOST_LISTED = 100  # of more, the page holds the ids only; static/picker/ fetches their names


class Scope(StrEnum):
    ALL = "all"
    ONLY = "only"
    NONE = "none"
    AS_IT_IS = "as-it-is"  # Lofty's value cannot be shown as one of the others


@dataclass(frozen=True)
class ListChoice:
    """The component's value: a scope and, for ONLY, ids as text in the order picked.

    typed: the ids as a user typed them, "" where a picker inserted the commas.
    """

    scope: str
    ids: tuple[str, ...] = ()
    typed: str = ""

    @classmethod
    def of(cls, setting: Setting, value: JSON) -> "ListChoice":
        """Return the component's value for a stored value."""
        if not isinstance(value, list) or not IS_TYPE[TYPES[setting.name]](value):
            return cls(Scope.AS_IT_IS)
        if means_all(setting.name, value):
            return cls(Scope.ALL)
        if not value:
            return cls(Scope.NONE)
        return cls(Scope.ONLY, tuple(dict.fromkeys(map(str, value))))

    def stored(self, setting: Setting) -> list[int]:
        """Return the value Lofty stores for it. Only for ALL, ONLY, and NONE."""
        if self.scope == Scope.ALL:
            return [ALL_IN_ACCESS_LIST] if setting.is_access_list else []
        return [int(i) for i in self.ids] if self.scope == Scope.ONLY else []

    def equals(self, other: "ListChoice") -> bool:
        """Return whether both mean the same: members as a set, and only where members count."""
        if self.scope != other.scope:
            return False
        return self.scope != Scope.ONLY or set(self.ids) == set(other.ids)


@dataclass(frozen=True)
class Picking:
    """What the page passes to a picker.

    names: by id, if they are few. gone: how many of those picked are no longer in Lofty. The
    addresses it requests (office_url ends in 0, in place of the office's id). foreign: why names of
    the directory may not match the ids that Lofty has, "" if they do.
    """

    kind: EntryKind
    names: Mapping[str, Name]
    gone: int
    search_url: str
    pasted_url: str
    picked_url: str
    office_url: str
    foreign: str = ""

    def knows(self, entry_id: int) -> bool:
        """Return whether the page was given a name for it."""
        name = self.names.get(str(entry_id))
        return name is not None and name.known

    @classmethod
    def all_of(
        cls, tenant: Tenant, picked: Mapping[EntryKind, Sequence[int]]
    ) -> dict[EntryKind, "Picking"]:
        """Return one for each kind; a single query fetches the names of all."""
        few = {kind: ids for kind, ids in picked.items() if len(ids) <= MOST_LISTED}
        found = names_by_kind(tenant, few)
        return {kind: cls._of(tenant, kind, ids, found.get(kind)) for kind, ids in picked.items()}

    @classmethod
    def _of(
        cls, tenant: Tenant, kind: EntryKind, ids: Sequence[int], found: Mapping[int, Name] | None
    ) -> "Picking":
        at = {"slug": tenant.slug, "kind": kind.value}
        return cls(
            kind=kind,
            names={str(i): name for i, name in (found or {}).items()},
            gone=count_gone(tenant, kind, ids) if found is None else 0,
            search_url=reverse("directory:search", kwargs=at),
            pasted_url=reverse("directory:pasted", kwargs=at),
            picked_url=reverse("directory:picked", kwargs=at),
            office_url=reverse("directory:office", kwargs={**at, "office_id": 0}),
        )


class ScopedListWidget(forms.Widget):
    """Render templates/agentsettings/widgets/scoped_list.html.

    Large selections travel as one field of comma-separated ids.
    """

    template_name = "agentsettings/widgets/scoped_list.html"

    def __init__(self, setting: Setting, stored: JSON, picking: Picking | None = None) -> None:
        """Create the widget. `picking`: for a setting without choices of its own."""
        super().__init__()
        self.setting, self.stored, self.picking = setting, stored, picking

    def use_required_attribute(self, initial: object) -> bool:
        return False

    def id_for_label(self, id_: str) -> str:
        return ""

    def value_from_datadict(
        self, data: Mapping[str, object], files: object, name: str
    ) -> ListChoice | None:
        scope = data.get(f"{name}-scope")
        if scope is None:
            return None
        key = f"{name}-ids"
        texts = data.getlist(key) if isinstance(data, MultiValueDict) else [data.get(key) or ""]
        ids = (part.strip() for text in texts for part in str(text).split(","))
        typed = "" if f"{name}-separate" in data else ", ".join(map(str, texts))
        return ListChoice(str(scope), tuple(dict.fromkeys(filter(None, ids))), typed)

    def value_omitted_from_data(self, data: object, files: object, name: str) -> bool:
        return False

    def get_context(
        self, name: str, value: ListChoice | None, attrs: dict[str, object] | None
    ) -> dict[str, object]:
        context = super().get_context(name, value, attrs)
        choice = value if isinstance(value, ListChoice) else ListChoice("")
        context["widget"] |= {
            "setting": self.setting,
            "choice": choice,
            "scopes": self._scopes(),
            "boxes": self._boxes(choice),
            "joined": ",".join(choice.ids),
            "options": self._options(choice),
            "options_id": f"{name}-options",
            "picking": self.picking,
            "all_note": self._all_note(),
        }
        return context

    def _scopes(self) -> list[tuple[str, str]]:
        setting = self.setting
        scopes = [(Scope.ALL, setting.all_label), (Scope.ONLY, _("Only these"))]
        if setting.is_access_list:
            scopes.append((Scope.NONE, setting.none_label))
        if ListChoice.of(setting, self.stored).scope == Scope.AS_IT_IS:
            scopes.insert(0, (Scope.AS_IT_IS, self._as_it_is_label()))
        return [(scope.value, label) for scope, label in scopes]

    def _as_it_is_label(self) -> str:
        if self.stored is None:
            return _("Not set in Lofty: keep it that way")
        leave = _("Keep Lofty's value, which this console can't read: %(value)s")
        return leave % {"value": shortened(json.dumps(self.stored), 80)}

    def _boxes(self, choice: ListChoice) -> list[tuple[str, str, bool]]:
        """Return (id, label, ticked) for a checklist; unknown ids that Lofty has stay in it."""
        known = self.setting.choices
        if known is None:
            return []
        labels = {str(key): capfirst(label) for key, label in known.items()}
        labels |= {i: unknown(i) for i in (*self._stored_ids(), *choice.ids) if i not in labels}
        return [(i, label, i in choice.ids) for i, label in labels.items()]

    def _stored_ids(self) -> Sequence[str]:
        return ListChoice.of(self.setting, self.stored).ids

    def _options(self, choice: ListChoice) -> list[dict[str, object]]:
        """Return the selected entries by name, for the picker; none if they are many."""
        if self.picking is None or len(choice.ids) > MOST_LISTED:
            return []
        return [self._option(i, self.picking.names.get(i)) for i in choice.ids]

    def _option(self, entry_id: str, name: Name | None) -> dict[str, object]:
        if name is None:
            return {"id": entry_id, "name": unknown(entry_id), "detail": "", "gone": False}
        return {
            "id": entry_id,
            "name": visible(name.name),
            "detail": visible(name.detail),
            "gone": name.gone_since is not None,
        }

    def _all_note(self) -> str:
        """Return a note where Lofty has "all" next to single members, which stays as it is."""
        if not isinstance(self.stored, list) or not reaches_all(self.setting.name, self.stored):
            return ""
        if self.setting.is_access_list and len(self.stored) > 1:
            message = _("Lofty stores this as %(value)s, which means all.")
            return message % {"value": shortened(json.dumps(self.stored), 120)}
        if self.setting.name == "activeDays" and len(self.stored) >= len(DAYS):
            return _("All seven days are selected, which is the same as every day.")
        return ""


class ScopedListField(forms.Field):
    """Clean to a ListChoice. "Only these" with nothing picked is an error, never all."""

    widget: ScopedListWidget

    def __init__(self, setting: Setting, stored: JSON, widget: ScopedListWidget) -> None:
        super().__init__(label=setting.label, help_text=setting.help, required=False, widget=widget)
        self.setting, self.stored = setting, stored

    def clean(self, value: ListChoice | None) -> ListChoice:
        allowed = {scope for scope, _ in self.widget._scopes()}
        if value is None or value.scope not in allowed:
            # A missing part of the form must never be read as "all" (or as anything).
            raise self._error(_("%(label)s: choose one of the options."))
        if value.scope == Scope.ONLY:
            self._check_ids(value)
        return value

    def _check_ids(self, value: ListChoice) -> None:
        if grouped := self._grouped(value):
            raise self._error(
                _(
                    "%(label)s: “%(id)s” could be one ID with separators, or several IDs. "
                    "Enter IDs without separators, with a comma and a space between IDs."
                ),
                id=shortened(grouped, 60),
            )
        if not value.ids:
            raise self._error(
                _("%(label)s: nothing is selected. Select at least one, or choose “%(all)s”.")
            )
        kept = ListChoice.of(self.setting, self.stored).ids
        entered = [i for i in value.ids if i not in kept]
        if self.setting.is_access_list and str(ALL_IN_ACCESS_LIST) in value.ids:
            raise self._error(_("%(label)s: -1 means all. Choose “%(all)s” instead."))
        for entry in entered:
            if not self._can_be_entered(entry):
                raise self._error(self._refusal, id=shortened(visible(entry), 60))

    def _grouped(self, value: ListChoice) -> str:
        """Return digits that may be one id with commas for thousands, as they were typed.

        Not where one of the groups is an id that Lofty has or the directory knows.
        """
        picking = self.widget.picking
        if picking is None or len(value.ids) > MOST_LISTED:
            return ""
        known = {i for i, name in picking.names.items() if name.known}
        known |= set(ListChoice.of(self.setting, self.stored).ids)
        stretches: list[list[str]] = [[]]
        for part in value.typed.split(","):
            if part in known or part != part.strip():
                stretches.append([])
            if part.strip() not in known:
                stretches[-1].append(part.strip())
        joined = (",".join(stretch) for stretch in stretches)
        return next(filter(None, map(grouped_digits, joined)), "")

    def _can_be_entered(self, text: str) -> bool:
        """Return whether it may be added to the list; what Lofty already has may stay."""
        choices = self.setting.choices
        if choices is not None:
            return text in map(str, choices)
        is_without_entry = text == str(ALL_IN_ACCESS_LIST)  # in others -1 selects what has none
        return is_without_entry or (_is_whole(text) and 0 < int(text) <= LARGEST_ID)

    @property
    def _refusal(self) -> str:
        if self.setting.choices is None:
            return _("%(label)s: “%(id)s” isn't an ID.")
        return _("%(label)s: “%(id)s” isn't one of the choices.")

    def _error(self, text: str, **values: str) -> forms.ValidationError:
        named = {"label": self.setting.label, "all": self.setting.all_label, **values}
        return forms.ValidationError(text % named)


def _is_whole(text: str) -> bool:
    """Return whether it is a whole number as Lofty writes ids: no sign, no leading zeros."""
    return text.isascii() and text.isdecimal() and len(text) < 20 and not text.startswith("0")
