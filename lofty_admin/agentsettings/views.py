"""The main job's pages: the form, the review, the save and what came of it."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.middleware import HtmxDetails

from lofty_admin.agentsettings import reconcile
from lofty_admin.agentsettings.changes import Side, merge, new_warnings, printable, settle
from lofty_admin.agentsettings.forms import SettingsForm
from lofty_admin.agentsettings.hours import NAMES as OF_HOURS
from lofty_admin.agentsettings.hours import HoursChange, Week, hours_change, week
from lofty_admin.agentsettings.live_hours import sent_along, stored_in, week_of_form
from lofty_admin.agentsettings.models import LastKnown, Operation
from lofty_admin.agentsettings.plans import Plan, Snapshot, Tampered
from lofty_admin.agentsettings.reading import read_live
from lofty_admin.agentsettings.rows import (
    conflict_rows,
    merge_rows,
    rows_of,
    setting_rows,
    unnamed_sources,
)
from lofty_admin.agentsettings.services import CALLS_OF_A_SAVE, NotRecorded, apply
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.models import AuditEvent
from lofty_admin.directory.names import freshness, profile, time_zone, zone_of
from lofty_admin.lofty.errors import CallsStopped, LoftyError, NoFreeSlot
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import READ_ONLY, Settings
from lofty_admin.tenants.access import find_of, get_tenant, role_of
from lofty_admin.tenants.calls import NoCredential, calls_left
from lofty_admin.tenants.models import Role, Tenant

MAX_REASON = 2000
NO_TOKEN = gettext_noop("A manager can store one on the Credential page.")


@require_http_methods(["GET", "POST"])
def settings_page(request: HttpRequest, slug: str) -> HttpResponse:
    """GET: read Lofty and show the form. POST with a plan: back from the review, nothing lost."""
    tenant = get_tenant(request, slug, Role.VIEWER)
    if request.method == "POST":
        return _back_to_form(request, tenant)
    try:
        snapshot = read_live(tenant)
    except (LoftyError, NoCredential) as error:
        return _unreadable(request, tenant, error)
    return _form_page(
        request,
        tenant,
        snapshot,
        SettingsForm(tenant, snapshot, can_edit=may_edit(request, tenant)),
    )


@require_GET
def hours(request: HttpRequest, slug: str) -> HttpResponse:
    """The week as the section Hours of the form stands, drawn anew. Does not ask Lofty."""
    tenant = get_tenant(request, slug, Role.VIEWER)
    found = week_of_form(request.GET, stored_in(request.GET), time_zone(tenant))
    response = render(request, "agentsettings/hours_week.html", {"week": found})
    response["Cache-Control"] = "no-store"
    return response


@require_POST
def review(request: HttpRequest, slug: str) -> HttpResponse:
    """The form -> what would change. Sends nothing and writes nothing."""
    tenant = get_tenant(request, slug, Role.EDITOR)
    try:
        snapshot = Snapshot.opened(tenant, request.POST.get("snapshot", ""))
        shown = request.POST.get("shown", "")
        after = Plan.opened(tenant, shown).after if shown else None
    except Tampered as error:
        return _start_again(request, tenant, error)
    form = SettingsForm(tenant, snapshot, request.POST, shown=after)
    if not form.is_valid():
        return _form_page(request, tenant, snapshot, form, status=422)
    plan = Plan.new(snapshot, form.after)
    return _review_page(request, tenant, plan, reason=request.POST.get("reason", ""))


@require_POST
def apply_plan(request: HttpRequest, slug: str) -> HttpResponse:
    """Carry out a reviewed plan, then show what came of it."""
    tenant = get_tenant(request, slug, Role.EDITOR)
    try:
        plan = Plan.opened(tenant, request.POST.get("plan", ""))
    except Tampered as error:
        return _start_again(request, tenant, error)
    reason = request.POST.get("reason", "").replace("\x00", "").strip()
    if problem := _not_ready(plan, reason, request.POST.getlist("confirmed")):
        return _review_page(request, tenant, plan, reason=reason, problem=problem, status=422)
    try:
        operation = apply(tenant, plan, reason)
    except NotRecorded:
        problem = _(
            "Nothing was sent: the record of this change could not be written, and nothing goes to"
            " Lofty without a record. Try again in a moment; your change is still below."
        )
        return _review_page(request, tenant, plan, reason=reason, problem=problem, status=503)
    return redirect("operation", tenant.slug, operation.pk)


def _not_ready(plan: Plan, reason: str, confirmed: list[str]) -> str:
    if not plan.wanted:
        return _("Nothing differs from what is in Lofty, so nothing was sent.")
    if any(change.name not in confirmed for change in plan.widening):
        return _("Nothing was sent: tick every change that reaches further than before.")
    if len(reason) > MAX_REASON:
        told = _("Nothing was sent: the reason is longer than %(most)d characters.")
        return told % {"most": MAX_REASON}
    return ""


@require_GET
def operation_page(request: HttpRequest, slug: str, operation_id: UUID) -> HttpResponse:
    """What came of a save; renews itself while that is open."""
    tenant = get_tenant(request, slug, Role.VIEWER)
    operation = find_of(request, tenant, Operation.objects.all(), pk=operation_id)
    can_edit = may_edit(request, tenant)
    context = {
        "tenant": tenant,
        "tab": "settings",
        "operation": operation,
        "rows": rows_of(tenant, operation.changes, operation.after),
        "can_edit": can_edit,
        "naming_at": naming_at(request, tenant),
        "outcome": _outcome(operation) if can_edit and operation.undoing else None,
    }
    if operation.moved:
        context |= _merge_context(tenant, operation)
    partial = "#result" if HtmxDetails(request) else ""
    return render(request, f"agentsettings/operation.html{partial}", context)


def _outcome(operation: Operation) -> AuditEvent | None:
    """The event that says what came of it: what an undo starts from."""
    events = AuditEvent.objects.filter(operation_id=operation.pk, kind=Kind.SETTINGS_OUTCOME)
    return events.defer("body").order_by("-seq").first()


@require_POST
def check_now(request: HttpRequest, slug: str, operation_id: UUID) -> HttpResponse:
    """Look at Lofty once, to settle an operation whose outcome is open."""
    tenant = get_tenant(request, slug, Role.EDITOR)
    operation = find_of(request, tenant, Operation.objects.all(), pk=operation_id)
    if operation.is_held:
        messages.info(request, _("It is still being worked on. This page renews itself."))
    else:
        reconcile.settle(operation)
    return redirect("operation", tenant.slug, operation.pk)


@require_POST
def close_as_seen(request: HttpRequest, slug: str, operation_id: UUID) -> HttpResponse:
    """A person settles an operation that the console cannot settle by itself."""
    tenant = get_tenant(request, slug, Role.EDITOR)
    operation = find_of(request, tenant, Operation.objects.all(), pk=operation_id)
    reconcile.close_as_seen(operation)
    return redirect("operation", tenant.slug, operation.pk)


@require_POST
def merge_page(request: HttpRequest, slug: str, operation_id: UUID) -> HttpResponse:
    """After somebody else's change: their settings plus mine, as chosen -> the ordinary review."""
    tenant = get_tenant(request, slug, Role.EDITOR)
    operation = find_of(request, tenant, Operation.objects.filter(moved=True), pk=operation_id)
    theirs = Settings.parse(operation.after)
    merged = merge(operation.base, theirs.raw, {**operation.base, **operation.intended})
    try:
        sides = {
            conflict.setting.name: Side(request.POST.get(f"side-{conflict.setting.name}", ""))
            for conflict in merged.conflicts
        }
    except ValueError:
        messages.error(request, _("Choose a side for every setting that both of you changed."))
        return redirect("operation", tenant.slug, operation.pk)
    snapshot = Snapshot(theirs, operation.settled_at or timezone.now())
    plan = Plan.new(snapshot, settle(theirs.raw, merged, sides))
    return _review_page(request, tenant, plan, reason=operation.reason)


@require_POST
def try_again(request: HttpRequest, slug: str, operation_id: UUID) -> HttpResponse:
    """The change of an operation that was not made, reviewed afresh against what is live now."""
    tenant = get_tenant(request, slug, Role.EDITOR)
    operation = find_of(request, tenant, Operation.objects.all(), pk=operation_id)
    return review_live(request, tenant, operation.intended, reason=operation.reason)


def review_live(
    request: HttpRequest,
    tenant: Tenant,
    wanted: Mapping[str, JSON],
    *,
    reason: str = "",
    undone: Callable[[Plan], Sequence[tuple[str, AuditEvent]]] = lambda plan: (),
) -> HttpResponse:
    """Read Lofty and open the ordinary review of setting `wanted` there (retry, going back).

    undone: which settings somebody changed meanwhile, and that change; the review names them.
    """
    try:
        snapshot = read_live(tenant)
    except (LoftyError, NoCredential) as error:
        return _unreadable(request, tenant, error)
    plan = Plan.new(snapshot, {**snapshot.settings.raw, **wanted})
    return _review_page(request, tenant, plan, reason=reason, undone=undone(plan))


def review_plan(
    request: HttpRequest, tenant: Tenant, plan: Plan, *, reason: str = ""
) -> HttpResponse:
    """The ordinary review of a plan that was made on another page (copying from a tenant)."""
    return _review_page(request, tenant, plan, reason=reason)


def may_edit(request: HttpRequest, tenant: Tenant) -> bool:
    """Whether to offer what changes something; the views that do it ask get_tenant again."""
    role = role_of(request.user, tenant)
    return role is not None and role >= Role.EDITOR and not tenant.is_archived


def naming_at(request: HttpRequest, tenant: Tenant) -> str:
    """Where this person can name a lead source, "" if nowhere."""
    return reverse("names", args=[tenant.slug]) if may_edit(request, tenant) else ""


def _back_to_form(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    try:
        plan = Plan.opened(tenant, request.POST.get("plan", ""))
    except Tampered as error:
        return _start_again(request, tenant, error)
    can_edit = may_edit(request, tenant)
    form = SettingsForm(tenant, plan.snapshot, shown=plan.after, can_edit=can_edit)
    return _form_page(request, tenant, plan.snapshot, form)


def _start_again(request: HttpRequest, tenant: Tenant, error: Tampered) -> HttpResponse:
    again = _("Nothing was sent. Start again from the settings as they are.")
    messages.error(request, f"{error} {again}")
    return redirect("settings", tenant.slug)


def _form_page(
    request: HttpRequest, tenant: Tenant, snapshot: Snapshot, form: SettingsForm, status: int = 200
) -> HttpResponse:
    left, page = calls_left(tenant), _page(request, tenant)
    context = {
        **page,
        "form": form,
        "reason": request.POST.get("reason", ""),
        # Back from the review: the plan whose values the form began with.
        "shown": request.POST.get("plan", "") or request.POST.get("shown", ""),
        # A form that begins with other values says what Lofty has, for static/changes.js.
        "in_lofty": form.in_lofty() if request.method == "POST" else None,
        "snapshot": snapshot,
        "signed_snapshot": snapshot.signed(tenant),
        "unnamed_sources": unnamed_sources(tenant, snapshot.settings.raw, form.source_names),
        "hours_week": _week_of(request, form, zone_of(page["profile"])),
        "hours_stored": sent_along(form.stored),
        "names_age": _names_age(request, page),
        "calls_left": left,
        "too_few_calls": left.remaining is not None and left.remaining < CALLS_OF_A_SAVE,
        "unknown": {printable(n): json.dumps(v) for n, v in snapshot.settings.unknown.items()},
        "read_only": {
            name: printable(str(snapshot.settings.raw.get(name) or "")) for name in READ_ONLY
        },
    }
    response = render(request, "agentsettings/settings.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response


def _names_age(request: HttpRequest, page: dict[str, Any]) -> str:
    """The same beside each picker."""
    context = {**page, "csrf_token": get_token(request)}
    return render_to_string("directory/age.html", context)


def _week_of(request: HttpRequest, form: SettingsForm, zone: str) -> Week:
    return (
        week_of_form(request.POST, form.stored, zone) if form.is_bound else week(form.start, zone)
    )


def _unreadable(
    request: HttpRequest, tenant: Tenant, error: LoftyError | NoCredential
) -> HttpResponse:
    known = LastKnown.objects.filter(tenant=tenant).first()
    context = {
        **_page(request, tenant),
        "error": error,
        "advice": getattr(error, "advice", NO_TOKEN),
        "last_known": known,
        "rows": setting_rows(tenant, known.raw) if known else [],
    }
    status = 503 if isinstance(error, CallsStopped | NoFreeSlot) else 502
    return render(request, "agentsettings/unreadable.html", context, status=status)


def _page(request: HttpRequest, tenant: Tenant) -> dict[str, Any]:
    in_flight = Operation.objects.filter(tenant=tenant, settled_at=None)
    return {
        "tenant": tenant,
        "tab": "settings",
        "can_edit": may_edit(request, tenant),
        "naming_at": naming_at(request, tenant),
        "profile": profile(tenant),
        "freshness": freshness(tenant),
        "in_flight": in_flight.only("actor_name").first(),
    }


def _review_page(
    request: HttpRequest,
    tenant: Tenant,
    plan: Plan,
    *,
    reason: str = "",
    problem: str = "",
    undone: Sequence[tuple[str, AuditEvent]] = (),
    status: int = 200,
) -> HttpResponse:
    changes = plan.changes
    context = {
        "tenant": tenant,
        "tab": "settings",
        "plan": plan,
        "signed_plan": plan.signed(tenant),
        "widening": rows_of(tenant, [c for c in changes if c.widens]),
        "rows": rows_of(tenant, [c for c in changes if not c.widens]),
        "hours": _hours_of(tenant, plan),
        "count": len(changes),
        "cautions": new_warnings(plan.snapshot.settings.raw, plan.after) if changes else (),
        "undone": undone,
        "reason": reason,
        "max_reason": MAX_REASON,
        "problem": problem,
        "confirmed": request.POST.getlist("confirmed"),
        "naming_at": naming_at(request, tenant),
    }
    response = render(request, "agentsettings/review.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response


def _hours_of(tenant: Tenant, plan: Plan) -> HoursChange | None:
    if OF_HOURS.isdisjoint(plan.wanted):
        return None
    return hours_change(plan.snapshot.settings.raw, plan.after, zone=time_zone(tenant))


def _merge_context(tenant: Tenant, operation: Operation) -> dict[str, Any]:
    mine = {**operation.base, **operation.intended}
    merged = merge(operation.base, operation.after, mine)
    return {
        "merge": merge_rows(tenant, merged),
        "conflicts": conflict_rows(tenant, merged.conflicts),
    }
