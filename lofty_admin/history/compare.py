"""Compare a tenant's settings at two points in time."""

from datetime import date, timedelta, tzinfo
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from lofty_admin.agentsettings.changes import diff
from lofty_admin.agentsettings.display.naming import naming_at
from lofty_admin.agentsettings.display.rows import rows_of, setting_rows
from lofty_admin.audit.models import AuditEvent
from lofty_admin.core.timezones import reader_zone
from lofty_admin.history.days import DayField, end_of
from lofty_admin.history.versions import Version, sendable, version_at, version_now, version_of
from lofty_admin.tenants.access.permissions import get_tenant, may_edit
from lofty_admin.tenants.http import SignedInRequest
from lofty_admin.tenants.models import Role, Tenant


class CompareForm(forms.Form):
    """Two days, each at its end; or one side of an event instead of the first day."""

    day = DayField(_("Settings at the end of"))
    other = DayField(_("Compared with the end of"))
    event = forms.UUIDField(required=False)
    side = forms.ChoiceField(choices=[("after", "after"), ("before", "before")], required=False)


@require_GET
def compare(request: SignedInRequest, slug: str) -> HttpResponse:
    """Compare ?day= with ?other=, or with the last reading, in the reader's time zone."""
    tenant = get_tenant(request, slug, Role.VIEWER)
    form, zone = CompareForm(request.GET or None), reader_zone(request)
    context: dict[str, Any] = {"tenant": tenant, "tab": "history", "form": form}
    if form.is_valid():
        data = form.cleaned_data
        one = _from_event(tenant, data["event"], data["side"]) or _at(tenant, data["day"], zone)
        other = _at(tenant, data["other"], zone) if data["other"] else version_now(tenant)
        context |= {
            "asked": True,
            "one": one,
            "other": other,
            **_shown(request, tenant, one, other),
        }
    return render(request, "history/compare.html", context)


def _shown(
    request: SignedInRequest, tenant: Tenant, one: Version | None, other: Version | None
) -> dict[str, Any]:
    changes = diff(one.values, other.values) if one and other else ()
    event = one.event if one else None
    can_go_back = event is not None and one is not None and may_edit(request.user, tenant)
    return {
        "rows": rows_of(tenant, changes),
        "naming_at": naming_at(request.user, tenant),
        "settings": setting_rows(tenant, one.values) if one else [],
        "can_go_back": can_go_back and event and bool(sendable(event, one.side)) if one else False,
    }


def _from_event(tenant: Tenant, event_id: UUID | None, side: str) -> Version | None:
    if event_id is None:
        return None
    found = AuditEvent.objects.filter(pk=event_id, tenant_id=tenant.id).first()
    return version_of(found, side or "after") if found else None


def _at(tenant: Tenant, day: date | None, zone: tzinfo) -> Version | None:
    """Return the version at the end of a day, or now if the day is not over."""
    if day is None:
        return version_now(tenant)
    last_moment = end_of(day, zone) - timedelta(microseconds=1)
    return version_at(tenant, min(last_moment, timezone.now()))
