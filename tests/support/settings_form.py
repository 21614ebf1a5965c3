"""The settings form, filled in and sent."""

from datetime import UTC, datetime

from django.http import QueryDict

from lofty_admin.agentsettings.fields import SETTINGS, Kind, Setting
from lofty_admin.agentsettings.forms import SettingsForm, to_form
from lofty_admin.agentsettings.plans import Plan, Snapshot
from lofty_admin.agentsettings.widgets import ListChoice
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import Settings, payload
from lofty_admin.tenants.models import Tenant


def snapshot(raw: dict[str, JSON]) -> Snapshot:
    return Snapshot(Settings.parse(raw), datetime(2026, 11, 1, 12, tzinfo=UTC))


def posted(raw: dict[str, JSON], **changed: object) -> QueryDict:
    """What a browser sends for the form of these settings, with some fields changed.

    A changed list is a ListChoice; every other change is the text of the field.
    """
    data = QueryDict(mutable=True)
    data["end"] = "end"
    for setting in SETTINGS:
        value = changed.get(setting.name, to_form(setting, raw.get(setting.name)))
        _put(data, setting, value)
    return data


def _put(data: QueryDict, setting: Setting, value: object) -> None:
    if isinstance(value, ListChoice):
        data[f"{setting.name}-scope"] = value.scope
        if setting.kind is Kind.CHECKLIST:
            data.setlist(f"{setting.name}-ids", list(value.ids))
        else:
            data[f"{setting.name}-ids"] = ",".join(value.ids)
    elif value is True:
        data[setting.name] = "on"
    elif value is not False:
        # Browsers normalise line breaks to CR LF.
        data[setting.name] = "\r\n".join(str(value).replace("\r\n", "\n").split("\n"))


def sent(tenant: Tenant, raw: dict[str, JSON], **changed: object) -> dict[str, JSON]:
    form = SettingsForm(tenant, snapshot(raw), posted(raw, **changed))
    assert form.is_valid(), form.errors
    plan = Plan.new(snapshot(raw), form.after)
    return payload(plan.snapshot.settings, plan.wanted)
