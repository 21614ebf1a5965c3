"""Settings in words: values with names instead of ids, for review, result, and history."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override
from django_countries import countries

from lofty_admin.accounts.models import User
from lofty_admin.agentsettings.changes import Change, reaches_all
from lofty_admin.agentsettings.fields import Kind, Setting
from lofty_admin.core.text import fold
from lofty_admin.core.visible import isolated, visible
from lofty_admin.directory.names import UNKNOWN, names, unknown
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import IS_TYPE, TYPES
from lofty_admin.tenants.access.permissions import may_edit
from lofty_admin.tenants.models import Tenant

if TYPE_CHECKING:
    from lofty_admin.agentsettings.models import Operation

_ENDS_IN_AN_ID = re.compile(r"\(-?\d+\)$")
NameTable = Mapping[str, Mapping[str, str]]  # setting name -> id as text -> name


def names_of(operation: "Operation") -> dict[str, dict[str, str]]:
    """Return the current names of every id in the lists the operation changes, to record them."""
    with override(settings.LANGUAGE_CODE):
        return name_table(operation.tenant, operation.changes)


def name_table(tenant: Tenant, changes: Iterable[Change]) -> dict[str, dict[str, str]]:
    """Return setting name -> id as text -> name, for the lists among `changes`."""
    return {
        change.name: names_in(tenant, change.setting, [change.before, change.after])
        for change in changes
        if change.setting.entries is not None
    }


def names_in(tenant: Tenant, setting: Setting, values: Iterable[JSON]) -> dict[str, str]:
    """Return id as text -> name, for the members of any of these values of one setting."""
    if setting.entries is None:
        return {}
    items = [item for value in values if isinstance(value, list) for item in value]
    whole = {item for item in items if type(item) is int and item != -1}
    return {str(i): name.name for i, name in names(tenant, setting.entries, whole).items()}


def words(setting: Setting, value: JSON, table: NameTable) -> str:
    """Return one value as a phrase: "may text leads", "8 AM", "Monday, Tuesday", "Everyone".

    Different values never give the same phrase.
    """
    if value is None:
        return _("not set in Lofty")
    if setting.kind is Kind.SWITCH and isinstance(value, bool):
        return setting.on if value else setting.off
    if setting.is_list:
        return list_words(setting, value, table) if isinstance(value, list) else _as_json(value)
    if value == "":
        return _("empty")
    return _choice_words(setting, value)


def _choice_words(setting: Setting, value: JSON) -> str:
    if not isinstance(value, str | int) or not _has_type_of(setting, value):
        return _as_json(value)
    if setting.kind is Kind.COUNTRY:
        name = countries.name(value) if isinstance(value, str) and value.isascii() else ""
        return f"{name} ({visible(str(value))})" if name else unknown(visible(str(value)))
    if setting.choices is None:
        return _text_words(str(value))
    labels = (label for key, label in setting.choices.items() if key == value)
    return next(labels, None) or unknown(visible(str(value)))


def _has_type_of(setting: Setting, value: JSON) -> bool:
    """Return whether it has the type Lofty documents for the setting, or for a list member."""
    return IS_TYPE[TYPES[setting.name]]([value] if setting.is_list else value)


def _as_json(value: JSON) -> str:
    """Return a value of an unexpected type as JSON: the text "8" is not the number 8."""
    return f"⟨JSON⟩ {visible(json.dumps(value, ensure_ascii=False))}"


def _text_words(text: str) -> str:
    """Return a text, marked as one where it looks like the phrase shown for no text."""
    is_misleading = text in {_("not set in Lofty"), _("empty")}
    return f"⟨text⟩ {text}" if is_misleading else visible(text)


def list_words(setting: Setting, value: list[JSON], table: NameTable) -> str:
    """Return a list as the phrase it stands for, else as its members by name."""
    if setting.is_access_list and not value:
        return _none_words(setting)
    means_all = setting.is_access_list and reaches_all(setting.name, value)
    if not value or (means_all and len(value) == 1):
        return setting.all_label
    members = ", ".join(map(isolated, member_words(setting, value, table)))
    if means_all:
        message = _("%(all)s (stored as: %(members)s)")
        return message % {"all": setting.all_label, "members": members}
    return members


def member_words(setting: Setting, items: Iterable[JSON], table: NameTable) -> list[str]:
    """Return members of a list by name, else as "unknown (1002)".

    An ambiguous name gets its id: one that several entries have, or "Everyone".
    """
    if setting.choices is not None:
        return [_choice_words(setting, item) for item in items]
    names = table.get(setting.name, {})
    taken = Counter(map(fold, names.values()))
    taken.update(2 * [fold(setting.all_label), fold(_none_words(setting))])
    return [_member(setting, item, names.get(str(item)), taken) for item in items]


def _member(setting: Setting, item: JSON, name: str | None, taken: Mapping[str, int]) -> str:
    if not isinstance(item, int) or not _has_type_of(setting, item):
        return _as_json(item)
    if item == -1 and setting.is_access_list:
        return f"{setting.all_label} (-1)"
    if name is None or is_unnamed(item, name):
        return unknown(item)
    is_clear = taken[fold(name)] == 1 and "," not in name and not _ENDS_IN_AN_ID.search(name)
    return visible(name) if is_clear else f"{visible(name)} ({item})"


def _none_words(setting: Setting) -> str:
    return _("%(none)s (an empty list)") % {"none": setting.none_label}


def is_unnamed(item: JSON, name: str | None) -> bool:
    """Return whether a name, current or recorded, only says that there is none."""
    return not name or name in {unknown(item), UNKNOWN % {"id": item}}


def naming_at(user: User, tenant: Tenant) -> str:
    """Return where this user can name a lead source, "" if nowhere."""
    return reverse("directory:names", args=[tenant.slug]) if may_edit(user, tenant) else ""
