"""The settings form and the outcome of a save. draft_views.py has the steps between them."""

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_GET, require_POST

from lofty_admin.agentsettings import reconcile
from lofty_admin.agentsettings.changes import Side, merge, resolve_merge
from lofty_admin.agentsettings.credit import credited
from lofty_admin.agentsettings.drafts import Content, create_draft, open_drafts
from lofty_admin.agentsettings.fields import BY_NAME
from lofty_admin.agentsettings.forms import SettingsForm
from lofty_admin.agentsettings.hours import Week, week
from lofty_admin.agentsettings.hours_preview import sent_along, stored_in, week_of_form
from lofty_admin.agentsettings.models import Draft, Operation, SettingsSnapshot
from lofty_admin.agentsettings.plans import Snapshot
from lofty_admin.agentsettings.rows import (
    conflict_rows,
    merge_rows,
    other_rows,
    rows_of,
    setting_rows,
    unnamed_sources,
)
from lofty_admin.agentsettings.services import CALLS_OF_A_SAVE
from lofty_admin.agentsettings.snapshots import read_live
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.models import AuditEvent
from lofty_admin.core.visible import visible
from lofty_admin.directory.names import freshness, profile, time_zone, zone_of
from lofty_admin.lofty.errors import (
    CallsStopped,
    Forbidden,
    LoftyError,
    NoFreeSlot,
    Unauthorised,
)
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import READ_ONLY, Settings, same
from lofty_admin.tenants.access.explained import managers_of
from lofty_admin.tenants.access.permissions import (
    get_related_or_404,
    get_tenant,
    role_of,
)
from lofty_admin.tenants.credentials.api_client import ConnectionUnavailable, NoToken, calls_left
from lofty_admin.tenants.http import SignedInRequest
from lofty_admin.tenants.models import Role, Tenant

NO_TOKEN = gettext_noop("A manager can add one on the Connection page.")


@require_GET
def settings_page(request: SignedInRequest, slug: str) -> HttpResponse:
    """Read Lofty and show the form."""
    tenant = get_tenant(request, slug, Role.VIEWER)
    try:
        snapshot = read_live(tenant)
    except (LoftyError, ConnectionUnavailable) as error:
        return _unreadable(request, tenant, error)
    form = SettingsForm(tenant, snapshot, can_edit=may_edit(request, tenant))
    return form_page(request, tenant, snapshot, form)


@require_GET
def hours(request: SignedInRequest, slug: str) -> HttpResponse:
    """Render the week of the form's section Hours again. Does not call Lofty."""
    tenant = get_tenant(request, slug, Role.VIEWER)
    found = week_of_form(request.GET, stored_in(request.GET), time_zone(tenant))
    return render(request, "agentsettings/hours_week.html", {"week": found})


@require_GET
def operation_page(request: SignedInRequest, slug: str, operation_id: UUID) -> HttpResponse:
    """Show the outcome of a save; the page polls while that is open."""
    tenant = get_tenant(request, slug, Role.VIEWER)
    operation = get_related_or_404(request, tenant, Operation.objects.all(), pk=operation_id)
    if request.GET.get("shown") == operation.shown_key:
        return HttpResponse(status=204)  # nothing to show: htmx leaves the page and the focus alone
    can_edit, outcome = may_edit(request, tenant), _outcome(operation)
    context = {
        "tenant": tenant,
        "tab": "settings",
        "operation": operation,
        "rows": rows_of(tenant, operation.changes, operation.after),
        "others": other_rows(tenant, operation.also_different),
        "can_edit": can_edit,
        "naming_at": naming_at(request, tenant),
        "outcome": outcome if can_edit and operation.undoing else None,
        "resolved_by": outcome.who if outcome and outcome.maker else "",
    }
    if operation.moved:
        context |= _merge_context(tenant, operation)
    partial = "#result" if request.htmx else ""
    return render(request, f"agentsettings/operation.html{partial}", context)


def _outcome(operation: Operation) -> AuditEvent | None:
    """Return the event with the outcome, which an undo starts from."""
    events = AuditEvent.objects.filter(operation_id=operation.pk, kind=Kind.SETTINGS_OUTCOME)
    return next(iter(credited(events.defer("body").order_by("-seq")[:1])), None)


@require_POST
def check_now(request: SignedInRequest, slug: str, operation_id: UUID) -> HttpResponse:
    """Read Lofty once, to settle an operation whose outcome is open."""
    tenant = get_tenant(request, slug, Role.EDITOR)
    operation = get_related_or_404(request, tenant, Operation.objects.all(), pk=operation_id)
    if operation.is_held:
        messages.info(request, _("This change is still in progress. The page updates by itself."))
    else:
        reconcile.reconcile_operation(operation)
    return redirect("agentsettings:operation", tenant.slug, operation.pk)


@require_POST
def close_as_seen(request: SignedInRequest, slug: str, operation_id: UUID) -> HttpResponse:
    """Close an operation that the console cannot settle by itself, as the user decided."""
    tenant = get_tenant(request, slug, Role.EDITOR)
    operation = get_related_or_404(request, tenant, Operation.objects.all(), pk=operation_id)
    reconcile.close_after_review(operation, request.POST.get("seen", ""))
    return redirect("agentsettings:operation", tenant.slug, operation.pk)


@require_POST
def merge_page(request: SignedInRequest, slug: str, operation_id: UUID) -> HttpResponse:
    """Draft what results from two users' changes, as chosen, and lead to its review."""
    tenant = get_tenant(request, slug, Role.EDITOR)
    operation = get_related_or_404(
        request, tenant, Operation.objects.filter(moved=True), pk=operation_id
    )
    theirs = Settings.parse(operation.after)
    merged = merge(operation.base, theirs.raw, {**operation.base, **operation.intended})
    try:
        sides = {
            conflict.setting.name: Side(request.POST.get(f"side-{conflict.setting.name}", ""))
            for conflict in merged.conflicts
        }
    except ValueError:
        messages.error(request, _("Choose a value for every setting that you both changed."))
        return redirect("agentsettings:operation", tenant.slug, operation.pk)
    snapshot = Snapshot(theirs, operation.settled_at or timezone.now())
    content = Content.of(snapshot, resolve_merge(theirs.raw, merged, sides))
    draft = new_draft(request, tenant, content, reason=operation.reason)
    return to_review(draft, "agentsettings:operation", tenant.slug, operation.pk)


@require_POST
def try_again(request: SignedInRequest, slug: str, operation_id: UUID) -> HttpResponse:
    """Draft the change of an operation that was not made, against what Lofty has now."""
    tenant = get_tenant(request, slug, Role.EDITOR)
    operation = get_related_or_404(request, tenant, Operation.objects.all(), pk=operation_id)
    draft = draft_live(request, tenant, operation.intended, reason=operation.reason)
    return to_review(draft, "agentsettings:operation", tenant.slug, operation.pk)


def to_review(draft: Draft | None, page: str, *arguments: object) -> HttpResponse:
    """Redirect to the draft's review; without a draft, back to the `page` that asked for it."""
    if draft is None:
        return redirect(page, *arguments)
    return redirect("agentsettings:draft", draft.tenant.slug, draft.pk)


def new_draft(
    request: SignedInRequest,
    tenant: Tenant,
    content: Content,
    *,
    reason: str = "",
    later_changes: Mapping[str, AuditEvent] | None = None,
) -> Draft | None:
    """Draft a change from another page than the form; None, with a message, if nothing differs."""
    if not content.wanted:
        messages.info(request, _("Nothing to change: Lofty already has these values."))
        return None
    user = request.user
    return create_draft(tenant, user, content, reason=reason, later_changes=later_changes)


def draft_live(
    request: SignedInRequest,
    tenant: Tenant,
    wanted: Mapping[str, JSON],
    *,
    reason: str = "",
    later_changes: Callable[[Collection[str]], Mapping[str, AuditEvent]] = lambda names: {},
    undone: Mapping[str, JSON] | None = None,
) -> Draft | None:
    """Read Lofty and draft setting `wanted` there (retry, restore, undo).

    later_changes: returns, for the names of the settings the draft changes, the newest change of
    each since the state it restores; the review names them. undone: what the change being undone
    had set; a setting that has another value by now is left alone. None, with a message, if Lofty
    cannot be read: the caller returns to the page it came from, which keeps its button.
    """
    try:
        snapshot = read_live(tenant)
    except (LoftyError, ConnectionUnavailable) as error:
        message = _("Nothing was sent, and there is nothing to review yet: %(why)s %(advice)s")
        why = {"why": _(str(error)), "advice": _(getattr(error, "advice", NO_TOKEN))}
        messages.error(request, message % why)
        return None
    if undone is not None:
        wanted = _not_changed_since(request, wanted, undone, snapshot.settings.raw)
        if not wanted:
            return None
    content = Content.of(snapshot, {**snapshot.settings.raw, **wanted})
    later = later_changes(content.wanted.keys())
    return new_draft(request, tenant, content, reason=reason, later_changes=later)


def _not_changed_since(
    request: SignedInRequest,
    wanted: Mapping[str, JSON],
    undone: Mapping[str, JSON],
    live: Mapping[str, JSON],
) -> Mapping[str, JSON]:
    """Return what of `wanted` an undo may restore: never what another user changed since."""
    expected = [undone, wanted]  # as the change left it, or undone already
    left = [n for n in wanted if not any(same(n, one[n], live.get(n)) for one in expected)]
    if left:
        message = _("Not included, because they were changed again since: %(settings)s.")
        labels = ", ".join(str(BY_NAME[name].label) for name in left)
        messages.info(request, message % {"settings": labels})
    return {name: value for name, value in wanted.items() if name not in left}


def may_edit(request: SignedInRequest, tenant: Tenant) -> bool:
    """Return whether to offer changes; the views that make them call get_tenant again."""
    role = role_of(request.user, tenant)
    return role is not None and role >= Role.EDITOR and not tenant.is_archived


def naming_at(request: SignedInRequest, tenant: Tenant) -> str:
    """Return where this user can name a lead source, "" if nowhere."""
    return reverse("directory:names", args=[tenant.slug]) if may_edit(request, tenant) else ""


def in_flight(tenant: Tenant) -> Operation | None:
    """Return the tenant's change with an open outcome: until it is settled, none can be applied."""
    found = Operation.objects.filter(tenant=tenant, settled_at=None)
    return found.defer("base", "before", "wanted", "after").first()


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


def _unreadable(
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
    can_edit = may_edit(request, tenant)
    return {
        "tenant": tenant,
        "tab": "settings",
        "can_edit": can_edit,
        "drafts": open_drafts(tenant, request.user) if can_edit else [],
        "naming_at": naming_at(request, tenant),
        "profile": profile(tenant),
        "freshness": freshness(tenant),
        "ask": [] if can_edit or tenant.is_archived else managers_of(tenant),
        "in_flight": in_flight(tenant),
    }


def _merge_context(tenant: Tenant, operation: Operation) -> dict[str, Any]:
    mine = {**operation.base, **operation.intended}
    merged = merge(operation.base, operation.after, mine)
    return {
        "merge": merge_rows(tenant, merged),
        "conflicts": conflict_rows(tenant, merged.conflicts),
    }
