"""Browse the history, show an event, save a view, restore settings."""

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import push_url

from lofty_admin.agentsettings.credit import credited
from lofty_admin.agentsettings.display.naming import naming_at
from lofty_admin.agentsettings.fields import BY_NAME, SETTINGS
from lofty_admin.agentsettings.models import Operation
from lofty_admin.agentsettings.new_drafts import draft_live, to_review
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import AuditEvent
from lofty_admin.audit.search.query import LISTED, Filter, Page, fetch_page, neighbours
from lofty_admin.core.redirects import is_ours
from lofty_admin.core.timezones import reader_zone
from lofty_admin.directory.names import time_zone
from lofty_admin.history.describe import SEEN, event_hours, event_rows, related
from lofty_admin.history.export_views import shown
from lofty_admin.history.filters import Address, FilterForm, filter_of, presets, scope_of
from lofty_admin.history.forms import SaveViewForm
from lofty_admin.history.models import SavedView
from lofty_admin.history.versions import changed_since, operation_of, sendable, undoing
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.tenants.access.permissions import get_related_or_404, get_tenant, may_edit
from lofty_admin.tenants.access.tenant_choice import label_of
from lofty_admin.tenants.http import SignedInRequest
from lofty_admin.tenants.models import Role, Tenant

MOST_VIEWS = 50
OF_ITS_STATE = ("state", "lease_until", "settled_at")  # what Operation.shown_state reads


# --- The list -------------------------------------------------------------------------------------
@require_GET
def history_all(request: SignedInRequest) -> HttpResponse:
    """List events of every tenant the user may see; superusers also see events without a tenant."""
    return _list(request, None)


@require_GET
def history(request: SignedInRequest, slug: str) -> HttpResponse:
    """List one tenant's events, newest first: who, what, outcome, when."""
    return _list(request, get_tenant(request, slug, Role.VIEWER))


def _list(request: SignedInRequest, tenant: Tenant | None) -> HttpResponse:
    form, address = filter_of(request, tenant), Address.of(request)
    found = _found(request, form)
    context = {
        "tenant": tenant,
        "tab": "history",
        "form": form,
        "address": address,
        "found": found,
        "pending": _pending(form, address),
        "presets": presets(address, reader_zone(request)),
        "candidates": [
            (label, address.having(tenant=label)) for label in map(label_of, form.tenant_candidates)
        ],
        "used": [(text, address.having(**{name: ""})) for name, text in form.in_use],
        "views": _views(request, tenant),
        "export": shown(request.user),
        "home": _list_url(tenant),
        "events_at": _events_at(tenant),
    }
    if not _is_part(request):
        return render(request, "history/list.html", context)
    answer = render(request, "history/list.html#results", context)
    return push_url(answer, f"{_list_url(tenant)}{address.suffix}")


def _found(request: SignedInRequest, form: FilterForm) -> Page | None:
    """Return the page of events, or None for an invalid filter: the page then explains why."""
    if not form.is_valid():
        return None
    edges = {name: _record_number(request.GET.get(name)) for name in ("before", "after")}
    found = fetch_page(form.filters, **edges)
    return replace(found, events=credited(found.events))


def _record_number(text: str | None) -> int | None:
    plain = text is not None and text.isascii() and text.isdecimal() and len(text) < 19
    return int(text) if plain and text else None


def _pending(form: FilterForm, address: Address) -> list[AuditEvent]:
    """Return in-flight changes without an outcome event yet, to list first with their state."""
    if address.query or not form.is_valid():
        return []
    open_ones = Operation.objects.filter(settled_at=None, sent_at__isnull=False)
    if (tenants := form.filters.tenants) is not None:
        open_ones = open_ones.filter(tenant_id__in=tenants)
    states = {one.pk: one.shown_state for one in open_ones.only(*OF_ITS_STATE)}
    if not states:
        return []
    events = AuditEvent.objects.filter(operation_id__in=states).order_by("-seq").only(*LISTED)
    recorded = list(events.filter(kind__in=(Kind.SETTINGS_INTENT, Kind.SETTINGS_OUTCOME)))
    settled = {one.operation_id for one in recorded if one.kind == Kind.SETTINGS_OUTCOME}
    pending = [one for one in recorded if one.operation_id not in settled]
    for event in pending:
        event.outcome = next(state for pk, state in states.items() if pk == event.operation_id)
    return pending


def _is_part(request: SignedInRequest) -> bool:
    """Return whether htmx asks for a part of the page; Back in the browser asks for all of it."""
    asked_by = request.htmx
    return bool(asked_by) and not asked_by.history_restore_request


def _events_at(tenant: Tenant | None) -> str:
    """Return the part of an address before an event's id, which a page repeats fifty times."""
    no_event = UUID(int=0)
    url = reverse("history:event", args=[tenant.slug, no_event]) if tenant else ""
    return (url or reverse("history:event_anywhere", args=[no_event])).removesuffix(f"{no_event}/")


def _list_url(tenant: Tenant | None) -> str:
    return reverse("history:list", args=[tenant.slug]) if tenant else reverse("history:list_all")


# --- Saved views ----------------------------------------------------------------------------------
def _views(request: SignedInRequest, tenant: Tenant | None) -> list[SavedView]:
    # A view names its tenant in the query, so the page of a single tenant shows no views.
    return [] if tenant else list(SavedView.objects.filter(user=request.user)[:MOST_VIEWS])


@require_POST
def view_save(request: SignedInRequest) -> HttpResponse:
    """Save the filter of the history of all tenants under a name; replace a view of that name."""
    form = SaveViewForm(request.POST)
    back = f"{reverse('history:list_all')}?{request.POST.get('query', '')[:2000]}"
    if not form.is_valid():
        why = {"why": form.first_error}
        messages.error(request, _("The view was not saved. %(why)s") % why)
        return redirect(_safe(back))
    user, data = request.user, form.cleaned_data
    if SavedView.objects.filter(user=user).exclude(name=data["name"]).count() >= MOST_VIEWS:
        words = _("Not saved: you have %(most)s views. Delete one first.")
        messages.error(request, words % {"most": MOST_VIEWS})
        return redirect(_safe(back))
    SavedView.objects.update_or_create(
        user=user, name=data["name"], defaults={"query": data["query"]}
    )
    messages.success(request, _("Saved as “%(name)s”. Only you see it.") % {"name": data["name"]})
    return redirect(_safe(back))


@require_POST
def view_delete(request: SignedInRequest, pk: int) -> HttpResponse:
    view = get_object_or_404(SavedView, pk=pk, user=request.user)
    view.delete()
    words = _("The view “%(name)s” was deleted. No events were changed.")
    messages.success(request, words % {"name": view.name})
    return redirect("history:list_all")


def _safe(url: str) -> str:
    return url if is_ours(url) else reverse("history:list_all")


# --- One event ------------------------------------------------------------------------------------
@require_GET
def event_anywhere(request: SignedInRequest, event_id: UUID) -> HttpResponse:
    """Show an event from the list of all. Its tenant's roles apply; if none, superusers only."""
    found = get_object_or_404(AuditEvent, pk=event_id)
    tenant = _tenant_of(request, found)
    return _event_page(request, found, tenant, None)


@require_GET
def event(request: SignedInRequest, slug: str, event_id: UUID) -> HttpResponse:
    """Show one event: each setting before and after, Lofty's answer, the exact record."""
    tenant = get_tenant(request, slug, Role.VIEWER)
    found = get_related_or_404(request, tenant, AuditEvent.objects.all(), pk=event_id)
    return _event_page(request, found, tenant, tenant)


def _tenant_of(request: SignedInRequest, found: AuditEvent) -> Tenant | None:
    if found.tenant_id is not None:
        return get_tenant(request, found.tenant_slug, Role.VIEWER)
    if scope_of(request) is not None:
        record(
            Kind.ACCESS_REFUSED,
            subject=f"{request.method} {request.path}",
            outcome=Outcome.REFUSED,
            detail={"because": "the event belongs to no tenant"},
        )
        raise Http404
    return None


def _event_page(
    request: SignedInRequest, found: AuditEvent, tenant: Tenant | None, listed: Tenant | None
) -> HttpResponse:
    """Show an event.

    `tenant`: the event's own; `listed`: the tenant from whose list it was opened, if any.
    """
    address = Address.of(request)
    newer, older = neighbours(_list_filters(request, listed, address), found.seq)
    context = {
        "tenant": listed,
        "tab": "history",
        "event": credited([found])[0],
        "of_tenant": tenant,
        "address": address,
        "newer": newer,
        "older": older,
        "back": _list_url(listed),
        **event_context(request, found, tenant),
    }
    partial = "#detail" if _is_part(request) else ""
    return render(request, f"history/event.html{partial}", context)


def _list_filters(request: SignedInRequest, listed: Tenant | None, address: Address) -> Filter:
    """Return the filter of the list that the event was opened from; all events if it is invalid."""
    if address.query and (form := filter_of(request, listed)).is_valid():
        return form.filters
    filters = Filter(scope_of(request))
    return filters.narrowed_to(listed.id) if listed else filters


def event_context(
    request: SignedInRequest, found: AuditEvent, tenant: Tenant | None
) -> dict[str, Any]:
    """Return the template context of an event."""
    can_edit = tenant is not None and may_edit(request.user, tenant)
    return {
        "detail": found.detail,
        "answer": found.detail.get("answer"),
        "payload": _as_json(found.detail.get("wanted")),
        "rows": event_rows(found),
        "hours": event_hours(found, time_zone(tenant) if tenant else ""),
        "has_before": can_edit and bool(sendable(found, "before")),
        "can_undo": can_edit and bool(undoing(found)),
        "has_after": can_edit and found.kind in SEEN and bool(sendable(found, "after")),
        "naming_at": naming_at(request.user, tenant) if tenant else "",
        "can_compare": tenant is not None and found.kind in SEEN,
        "related": related(found, _related(request, found)),
    }


def _as_json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) if value else ""


def _related(request: SignedInRequest, found: AuditEvent) -> list[AuditEvent]:
    """Return events of the same change or request that this user may see."""
    same = AuditEvent.objects.filter(request_id=found.request_id)
    if found.operation_id:
        same = same.union(AuditEvent.objects.filter(operation_id=found.operation_id))
    scope = scope_of(request)
    events = [one for one in same[:200] if scope is None or one.tenant_id in scope]
    return sorted(events, key=lambda one: one.seq)


# --- Restore --------------------------------------------------------------------------------------
@require_POST
def go_back(request: SignedInRequest, slug: str, event_id: UUID) -> HttpResponse:
    """Draft the settings as they were before or after an event, and review them against now.

    POST, because it reads Lofty: a prefetched link must not spend the tenant's calls.
    """
    tenant = get_tenant(request, slug, Role.EDITOR)
    found = get_related_or_404(request, tenant, AuditEvent.objects.all(), pk=event_id)
    side = request.POST.get("side", "")
    values = sendable(found, side) if side in ("before", "after") else {}
    if not values:
        raise Http404
    if left_out := [str(s.label) for s in SETTINGS if s.name not in values]:
        words = _("Kept as is, because it was not set or can't be sent: %(settings)s.")
        messages.info(request, words % {"settings": ", ".join(left_out)})
    reason = f"Restore the state {side} the change on {found.at:%Y-%m-%d %H:%M} UTC"
    return _review(request, tenant, found, values, reason)


@require_POST
def undo(request: SignedInRequest, slug: str, event_id: UUID) -> HttpResponse:
    """Draft the former values of only what a save changed, and review them against now."""
    tenant = get_tenant(request, slug, Role.EDITOR)
    found = get_related_or_404(request, tenant, AuditEvent.objects.all(), pk=event_id)
    values = undoing(found)
    if not values:
        messages.info(
            request, _("There is nothing to undo: this did not change anything in Lofty.")
        )
        return redirect("history:event", tenant.slug, found.pk)
    reason = f"Undo the change on {found.at:%Y-%m-%d %H:%M} UTC"
    operation = operation_of(found)
    return _review(
        request, tenant, found, values, reason, undone=operation.intended if operation else None
    )


def _review(
    request: SignedInRequest,
    tenant: Tenant,
    found: AuditEvent,
    values: Mapping[str, JSON],
    reason: str,
    *,
    undone: Mapping[str, JSON] | None = None,
) -> HttpResponse:
    later = partial(_later_changes, found)
    draft = draft_live(request, tenant, values, reason=reason, later_changes=later, undone=undone)
    return to_review(draft, "history:event", tenant.slug, found.pk)


def _later_changes(found: AuditEvent, names: Collection[str]) -> Mapping[str, AuditEvent]:
    """Return the newest event after `found` that changed each of these settings, by its name."""
    since = changed_since(found, set(names))
    return {name: since[name] for name in BY_NAME if name in since}
