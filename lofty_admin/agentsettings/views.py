"""The settings form and the outcome of a save. draft_views.py has the steps between them."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from lofty_admin.agentsettings import reconcile
from lofty_admin.agentsettings.changes import Side, merge, resolve_merge
from lofty_admin.agentsettings.credit import credited
from lofty_admin.agentsettings.display.naming import naming_at
from lofty_admin.agentsettings.display.rows import conflict_rows, merge_rows, other_rows, rows_of
from lofty_admin.agentsettings.drafts import Content
from lofty_admin.agentsettings.forms import SettingsForm
from lofty_admin.agentsettings.hours_preview import stored_in, week_of_form
from lofty_admin.agentsettings.models import Operation
from lofty_admin.agentsettings.new_drafts import draft_live, new_draft, to_review
from lofty_admin.agentsettings.plans import Snapshot
from lofty_admin.agentsettings.settings_page import form_page, unreadable_page
from lofty_admin.agentsettings.snapshots import read_live
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.models import AuditEvent
from lofty_admin.directory.names import time_zone
from lofty_admin.lofty.errors import LoftyError
from lofty_admin.lofty.schema import Settings
from lofty_admin.tenants.access.permissions import get_related_or_404, get_tenant, may_edit
from lofty_admin.tenants.credentials.api_client import ConnectionUnavailable
from lofty_admin.tenants.http import SignedInRequest
from lofty_admin.tenants.models import Role, Tenant


@require_GET
def settings_page(request: SignedInRequest, slug: str) -> HttpResponse:
    """Read Lofty and show the form."""
    tenant = get_tenant(request, slug, Role.VIEWER)
    try:
        snapshot = read_live(tenant)
    except (LoftyError, ConnectionUnavailable) as error:
        return unreadable_page(request, tenant, error)
    form = SettingsForm(tenant, snapshot, can_edit=may_edit(request.user, tenant))
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
    can_edit, outcome = may_edit(request.user, tenant), _outcome(operation)
    context = {
        "tenant": tenant,
        "tab": "settings",
        "operation": operation,
        "rows": rows_of(tenant, operation.changes, operation.after),
        "others": other_rows(tenant, operation.also_different),
        "can_edit": can_edit,
        "naming_at": naming_at(request.user, tenant),
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


def _merge_context(tenant: Tenant, operation: Operation) -> dict[str, Any]:
    mine = {**operation.base, **operation.intended}
    merged = merge(operation.base, operation.after, mine)
    return {
        "merge": merge_rows(tenant, merged),
        "conflicts": conflict_rows(tenant, merged.conflicts),
    }
