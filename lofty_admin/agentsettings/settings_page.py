"""The settings page: the form with Lofty's settings or a draft's, or why they could not be read."""

import json
from typing import Any
from uuid import uuid4

from django.http import HttpResponse, QueryDict
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.template.loader import render_to_string

from lofty_admin.agentsettings.display.naming import naming_at
from lofty_admin.agentsettings.display.rows import setting_rows, unnamed_sources
from lofty_admin.agentsettings.drafts import open_drafts
from lofty_admin.agentsettings.forms import SettingsForm
from lofty_admin.agentsettings.hours import Week, week
from lofty_admin.agentsettings.hours_preview import sent_along, week_of_form
from lofty_admin.agentsettings.models import Draft, SettingsSnapshot
from lofty_admin.agentsettings.new_drafts import NO_TOKEN
from lofty_admin.agentsettings.operations import in_flight
from lofty_admin.agentsettings.plans import Snapshot
from lofty_admin.agentsettings.services import CALLS_OF_A_SAVE
from lofty_admin.core.visible import visible
from lofty_admin.directory.names import freshness, profile, zone_of
from lofty_admin.lofty.errors import CallsStopped, Forbidden, LoftyError, NoFreeSlot, Unauthorised
from lofty_admin.lofty.schema import READ_ONLY
from lofty_admin.tenants.access.explained import managers_of
from lofty_admin.tenants.access.permissions import may_edit
from lofty_admin.tenants.credentials.api_client import ConnectionUnavailable, NoToken, calls_left
from lofty_admin.tenants.http import SignedInRequest
from lofty_admin.tenants.models import Tenant


def form_page(
    request: SignedInRequest,
    tenant: Tenant,
    snapshot: Snapshot,
    form: SettingsForm,
    draft: Draft | None = None,
) -> HttpResponse:
    """Show the form with Lofty's settings, or with a draft's values."""
    left, page = calls_left(tenant), _page(request, tenant)
    context = {
        **page,
        "form": form,
        "draft": draft,
        # A new form has an id already: sent twice, it makes one draft, and Back leads to that.
        "draft_id": draft.pk if draft else uuid4(),
        "revision": draft.revision if draft else 0,
        # A form that begins with other values also has Lofty's, for static/changes.js.
        "in_lofty": form.in_lofty() if draft else None,
        "snapshot": snapshot,
        "signed_snapshot": snapshot.signed(tenant),
        "unnamed_sources": unnamed_sources(tenant, snapshot.settings.raw, form.source_names),
        "hours_week": _week_of(form, zone_of(page["profile"])),
        "hours_stored": sent_along(form.stored),
        "names_age": _names_age(request, page),
        "calls_left": left,
        "too_few_calls": left.remaining is not None and left.remaining < CALLS_OF_A_SAVE,
        "unknown": {visible(n): json.dumps(v) for n, v in snapshot.settings.unknown.items()},
        "read_only": {
            name: visible(str(snapshot.settings.raw.get(name) or "")) for name in READ_ONLY
        },
    }
    return render(request, "agentsettings/settings.html", context)


def _names_age(request: SignedInRequest, page: dict[str, Any]) -> str:
    """Return how current the names are, the same text next to each picker."""
    context = {**page, "csrf_token": get_token(request)}
    return render_to_string("directory/age.html", context)


def _week_of(form: SettingsForm, zone: str) -> Week:
    if isinstance(form.data, QueryDict) and form.is_bound:
        return week_of_form(form.data, form.stored, zone)
    return week(form.start, zone)


def unreadable_page(
    request: SignedInRequest, tenant: Tenant, error: LoftyError | ConnectionUnavailable
) -> HttpResponse:
    """Show the last known settings and the reason. A missing token is a to-do, not an error."""
    known = SettingsSnapshot.objects.filter(tenant=tenant).first()
    has_token = not isinstance(error, NoToken)
    needs_manager = isinstance(error, ConnectionUnavailable | Unauthorised | Forbidden)
    context = {
        **_page(request, tenant),
        "error": error,
        "has_token": has_token,
        "ask": managers_of(tenant) if needs_manager else [],
        "advice": getattr(error, "advice", NO_TOKEN),
        "last_known": known,
        "rows": setting_rows(tenant, known.raw) if known else [],
    }
    stopped = isinstance(error, CallsStopped | NoFreeSlot)
    status = 200 if not has_token else 503 if stopped else 502
    return render(request, "agentsettings/unreadable.html", context, status=status)


def _page(request: SignedInRequest, tenant: Tenant) -> dict[str, Any]:
    can_edit = may_edit(request.user, tenant)
    return {
        "tenant": tenant,
        "tab": "settings",
        "can_edit": can_edit,
        "drafts": open_drafts(tenant, request.user) if can_edit else [],
        "naming_at": naming_at(request.user, tenant),
        "profile": profile(tenant),
        "freshness": freshness(tenant),
        "ask": [] if can_edit or tenant.is_archived else managers_of(tenant),
        "in_flight": in_flight(tenant),
    }
