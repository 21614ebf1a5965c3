"""Settings in words: values with names instead of ids, for review, result and history."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import override
from django_countries import countries

from lofty_admin.agentsettings.changes import Change, printable, reaches_all
from lofty_admin.agentsettings.fields import Kind, Setting
from lofty_admin.directory.names import UNKNOWN, names, unknown
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.tenants.models import Tenant

if TYPE_CHECKING:
    from lofty_admin.agentsettings.models import Operation

NameTable = Mapping[str, Mapping[str, str]]  # setting name -> id as text -> name


def names_of(operation: "Operation") -> dict[str, dict[str, str]]:
    """The names, as known now, of every id in the lists the operation changes: for the record."""
    with override(settings.LANGUAGE_CODE):
        return name_table(operation.tenant, operation.changes)


def name_table(tenant: Tenant, changes: Iterable[Change]) -> dict[str, dict[str, str]]:
    """setting name -> id as text -> name, for the lists among `changes`."""
    return {
        change.name: names_in(tenant, change.setting, [change.before, change.after])
        for change in changes
        if change.setting.entries is not None
    }


def names_in(tenant: Tenant, setting: Setting, values: Iterable[JSON]) -> dict[str, str]:
    """id as text -> name, for the members of any of these values of one setting."""
    if setting.entries is None:
        return {}
    items = [item for value in values if isinstance(value, list) for item in value]
    whole = {item for item in items if type(item) is int and item != -1}
    return {str(i): name.name for i, name in names(tenant, setting.entries, whole).items()}


def words(setting: Setting, value: JSON, table: NameTable) -> str:
    """One value as a phrase: "may text leads", "8 AM", "Monday, Tuesday", "Everyone"."""
    if value is None:
        return _("not set in Lofty")
    if setting.kind is Kind.SWITCH and isinstance(value, bool):
        return setting.on if value else setting.off
    if setting.is_list and isinstance(value, list):
        return list_words(setting, value, table)
    if value == "":
        return _("empty")
    return printable(_choice_words(setting, value))


def _choice_words(setting: Setting, value: JSON) -> str:
    if setting.kind is Kind.COUNTRY and isinstance(value, str) and countries.name(value):
        return f"{countries.name(value)} ({value})"
    choices = setting.choices
    if choices is None:
        return str(value)
    labels = (label for key, label in choices.items() if type(key) is type(value) and key == value)
    return next(labels, unknown(value))


def list_words(setting: Setting, value: list[JSON], table: NameTable) -> str:
    """A list as what it means, else its members by name."""
    if setting.is_access_list and not value:
        return _("%(nobody)s (an empty list)") % {"nobody": setting.none_label}
    if not value or (setting.is_access_list and reaches_all(setting.name, value)):
        return setting.all_label
    return ", ".join(member_words(setting, item, table) for item in value)


def member_words(setting: Setting, item: JSON, table: NameTable) -> str:
    """One member of a list by name, else "unknown (1002)"."""
    if setting.choices is not None:
        return printable(_choice_words(setting, item))
    if item == -1:
        return setting.all_label
    name = table.get(setting.name, {}).get(str(item))
    return printable(unknown(item)) if is_unnamed(item, name) else str(name)


def is_unnamed(item: JSON, name: str | None) -> bool:
    """Whether a name, of today or as it was written down, only says that there is none."""
    return not name or name in {unknown(item), UNKNOWN % {"id": item}}
