"""From the form to the save: every page on the way is an ordinary GET of a draft.

A POST stores something and redirects, so Back, Forward, Reload, and a second tab work at each step.
"""

from collections.abc import Callable
from functools import wraps
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from lofty_admin.agentsettings.display.naming import naming_at
from lofty_admin.agentsettings.display.review import review_context
from lofty_admin.agentsettings.drafts import (
    Content,
    discard_draft,
    find_draft,
    save_edits,
    save_note,
    share_draft,
    unshare_draft,
)
from lofty_admin.agentsettings.fields import BY_NAME
from lofty_admin.agentsettings.forms import END, SettingsForm
from lofty_admin.agentsettings.hours import NAMES as OF_HOURS
from lofty_admin.agentsettings.hours import HoursChange, hours_change
from lofty_admin.agentsettings.models import Draft, Operation
from lofty_admin.agentsettings.operations import in_flight
from lofty_admin.agentsettings.plans import Plan, Snapshot, Tampered
from lofty_admin.agentsettings.services import AuditWriteFailed, apply
from lofty_admin.agentsettings.settings_page import form_page
from lofty_admin.audit.models import AuditEvent
from lofty_admin.core.text_areas import unify_line_breaks
from lofty_admin.core.visible import isolated
from lofty_admin.directory.names import time_zone
from lofty_admin.tenants.access.permissions import get_tenant, may_edit
from lofty_admin.tenants.http import SignedInRequest
from lofty_admin.tenants.models import Role, Tenant

MAX_REASON = 2000
_DraftView = Callable[[SignedInRequest, Tenant, Draft], HttpResponse]


def _for_editors(view: _DraftView) -> Callable[[SignedInRequest, str, UUID], HttpResponse]:
    """Call the view with the tenant and its draft, for editors of the tenant.

    Without that draft, redirect to the operation it became, else explain why there may be none.
    """

    @wraps(view)
    def guarded(request: SignedInRequest, slug: str, draft_id: UUID) -> HttpResponse:
        tenant = get_tenant(request, slug, Role.EDITOR)
        draft = find_draft(request, tenant, draft_id)
        if draft is not None:
            return view(request, tenant, draft)
        if Operation.objects.filter(tenant=tenant, pk=draft_id).exists():
            return redirect("agentsettings:operation", tenant.slug, draft_id)
        context = {"tenant": tenant, "tab": "settings"}
        return render(request, "agentsettings/draft_gone.html", context, status=404)

    return guarded


@require_POST
def review(request: SignedInRequest, slug: str) -> HttpResponse:
    """Store what the form holds as a draft, then show its review, or the form if it has errors."""
    tenant = get_tenant(request, slug, Role.EDITOR)
    try:
        snapshot = Snapshot.opened(tenant, request.POST.get("snapshot", ""))
    except Tampered as error:
        again = _("Nothing was sent. Start again from the current settings.")
        messages.error(request, f"{error} {again}")
        return redirect("agentsettings:settings", tenant.slug)
    draft_id, revision = _opened_with(request.POST)
    known = find_draft(request, tenant, draft_id)
    content = _content(tenant, snapshot, request.POST, known)
    if known is None and not content.wanted and content.typed is None:
        messages.info(request, _("Nothing to change: Lofty already has these values."))
        return redirect("agentsettings:settings", tenant.slug)
    draft, is_same = save_edits(tenant, request.user, draft_id, revision, content)
    if not is_same:
        messages.warning(
            request,
            _(
                "The draft was edited, applied, or discarded after you opened this form. "
                "Nothing was sent. What you entered was saved as a new draft."
            ),
        )
    return redirect(
        "agentsettings:draft_edit" if draft.typed else "agentsettings:draft", tenant.slug, draft.pk
    )


def _opened_with(sent: QueryDict) -> tuple[UUID, int]:
    """Return the id and revision of the draft the form was opened with; new ones if unreadable."""
    try:
        return UUID(sent.get("draft", "")), max(0, int(sent.get("revision", "")))
    except ValueError:
        return uuid4(), 0


def _content(tenant: Tenant, snapshot: Snapshot, sent: QueryDict, known: Draft | None) -> Content:
    form = SettingsForm(tenant, snapshot, sent, shown=known.plan.after if known else None)
    if form.is_valid():
        return Content.of(snapshot, form.after)
    names = (name for name in sent if name == END or name.split("-")[0] in BY_NAME)
    typed = {name: [str(value) for value in sent.getlist(name)] for name in names}
    return Content(snapshot, known.wanted if known else {}, typed)


@require_GET
@_for_editors
def draft_page(request: SignedInRequest, tenant: Tenant, draft: Draft) -> HttpResponse:
    """Review a draft: what would change, and the button that applies it. Does not call Lofty."""
    if draft.typed:
        return redirect("agentsettings:draft_edit", tenant.slug, draft.pk)
    return render(request, "agentsettings/review.html", _review(request, tenant, draft))


def _review(request: SignedInRequest, tenant: Tenant, draft: Draft) -> dict[str, object]:
    plan = draft.plan
    user = request.user
    return {
        "tenant": tenant,
        "tab": "settings",
        "draft": draft,
        "is_owner": draft.owner_id == user.pk,
        "address": request.build_absolute_uri(
            reverse("agentsettings:draft", args=[tenant.slug, draft.pk])
        ),
        "can_edit": may_edit(request.user, tenant),
        "in_flight": in_flight(tenant),
        "plan": plan,
        **review_context(tenant, plan),
        "hours": _hours_of(tenant, plan),
        "count": len(plan.changes),
        "undone": _undone(draft),
        "max_reason": MAX_REASON,
        "confirmed": draft.ticked if draft.ticked_by_id == user.pk else [],
        "naming_at": naming_at(request.user, tenant),
    }


def _hours_of(tenant: Tenant, plan: Plan) -> HoursChange | None:
    if OF_HOURS.isdisjoint(plan.wanted):
        return None
    return hours_change(plan.snapshot.settings.raw, plan.after, zone=time_zone(tenant))


def _undone(draft: Draft) -> list[tuple[str, AuditEvent]]:
    """Return later changes that applying this draft would undo, by the setting's label."""
    later = {name: pk for name, pk in draft.later_changes.items() if name in draft.wanted}
    events = AuditEvent.objects.in_bulk([UUID(pk) for pk in later.values()])
    found = {name: events.get(UUID(pk)) for name, pk in later.items()}
    return [(str(BY_NAME[n].label), event) for n, event in found.items() if event is not None]


@require_http_methods(["GET", "POST"])
@_for_editors
def draft_edit(request: SignedInRequest, tenant: Tenant, draft: Draft) -> HttpResponse:
    """GET: show the form with the draft's values. POST: store the review's entries first."""
    if request.method == "POST":
        _save_note(request, draft)
        return redirect("agentsettings:draft_edit", tenant.slug, draft.pk)
    form = SettingsForm(
        tenant,
        draft.snapshot,
        _as_sent(draft.typed) if draft.typed else None,
        shown=draft.plan.after,
        can_edit=may_edit(request.user, tenant),
    )
    return form_page(request, tenant, draft.snapshot, form, draft)


def _as_sent(typed: dict[str, list[str]]) -> QueryDict:
    sent = QueryDict(mutable=True)
    for name, values in typed.items():
        sent.setlist(name, values)
    return sent


@require_POST
@_for_editors
def apply_draft(request: SignedInRequest, tenant: Tenant, draft: Draft) -> HttpResponse:
    """Carry out a reviewed draft, then show the outcome. Sent twice, it makes one operation."""
    reason = _save_note(request, draft)
    if problem := _not_ready(request, tenant, draft, reason):
        messages.error(request, problem)
        return redirect("agentsettings:draft", tenant.slug, draft.pk)
    try:
        operation = apply(tenant, draft.plan, reason)
    except AuditWriteFailed:
        problem = _(
            "Nothing was sent: the change could not be recorded, and nothing is sent to "
            "Lofty without a record. Your change is kept. Try again in a moment."
        )
        messages.error(request, problem)
        return redirect("agentsettings:draft", tenant.slug, draft.pk)
    return redirect("agentsettings:operation", tenant.slug, operation.pk)


def _not_ready(request: SignedInRequest, tenant: Tenant, draft: Draft, reason: str) -> str:
    plan = draft.plan
    if draft.typed or request.POST.get("revision") != str(draft.revision):
        return _(
            "Nothing was sent: this draft was edited after you opened the page. Review it again."
        )
    if not plan.changes:
        return _("Nothing was sent: Lofty already has these values.")
    if (other := in_flight(tenant)) is not None:
        message = _("Nothing was sent: another change, by %(name)s, isn't confirmed yet.")
        return message % {"name": isolated(other.actor_name or _("another user"))}
    confirmed = request.POST.getlist("confirmed")
    if any(widening.name not in confirmed for widening in plan.widening):
        return _("Nothing was sent: confirm each change that widens who is reached.")
    if len(reason) > MAX_REASON:
        message = _("Nothing was sent: the reason is longer than %(most)d characters.")
        return message % {"most": MAX_REASON}
    return ""


@require_POST
@_for_editors
def draft_share(request: SignedInRequest, tenant: Tenant, draft: Draft) -> HttpResponse:
    """Let every editor of the tenant continue the draft."""
    _save_note(request, draft)
    share_draft(draft)
    messages.success(request, _("Draft shared. Send the address below to a colleague."))
    return redirect("agentsettings:draft", tenant.slug, draft.pk)


@require_POST
@_for_editors
def draft_unshare(request: SignedInRequest, tenant: Tenant, draft: Draft) -> HttpResponse:
    """Make a shared draft visible to its owner only."""
    _save_note(request, draft)
    if draft.owner_id != request.user.pk:
        problem = _("Only %(name)s, who created this draft, can stop sharing it.")
        messages.error(request, problem % {"name": draft.owner})
    else:
        unshare_draft(draft)
        messages.success(request, _("Draft no longer shared. Only you can see it."))
    return redirect("agentsettings:draft", tenant.slug, draft.pk)


@require_http_methods(["GET", "POST"])
@_for_editors
def draft_discard(request: SignedInRequest, tenant: Tenant, draft: Draft) -> HttpResponse:
    """GET: show what would be lost. POST: delete the draft."""
    if draft.owner_id != request.user.pk:
        message = _("Only %(name)s, who created this draft, can discard it.") % {
            "name": draft.owner
        }
        messages.error(request, message)
        return redirect("agentsettings:draft", tenant.slug, draft.pk)
    if request.method == "POST":
        discard_draft(draft)
        messages.success(request, _("Draft discarded. Nothing was sent."))
        return redirect("agentsettings:settings", tenant.slug)
    context = {
        "tenant": tenant,
        "tab": "settings",
        "draft": draft,
        "labels": [BY_NAME[name].label for name in BY_NAME if name in draft.wanted],
    }
    return render(request, "agentsettings/draft_discard.html", context)


def _save_note(request: SignedInRequest, draft: Draft) -> str:
    """Store the reason and ticks entered on the review page; return the reason."""
    if "reason" not in request.POST:
        return draft.reason
    reason = unify_line_breaks(request.POST["reason"]).strip()
    save_note(draft, request.user, reason, request.POST.getlist("confirmed"))
    return reason
