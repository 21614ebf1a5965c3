"""Copy from another tenant: choose it, compare, tick, and continue to the ordinary review."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from lofty_admin.agentsettings.copy_settings import ReadFailed, compare
from lofty_admin.agentsettings.drafts import Content
from lofty_admin.agentsettings.new_drafts import new_draft, to_review
from lofty_admin.agentsettings.plans import Plan, Tampered
from lofty_admin.core.searching import search_problem, searched
from lofty_admin.directory.names import freshness
from lofty_admin.tenants.access.permissions import (
    get_tenant,
    may_edit,
    search_by_name,
    visible_tenants,
)
from lofty_admin.tenants.credentials.api_client import NoToken
from lofty_admin.tenants.http import SignedInRequest
from lofty_admin.tenants.models import Role, Tenant

MOST_TENANTS = 20


@require_http_methods(["GET", "POST"])
def copy(request: SignedInRequest, slug: str) -> HttpResponse:
    """GET: choose a tenant, or with ?from= compare with it. POST: draft what was ticked."""
    tenant = get_tenant(request, slug, Role.EDITOR)
    if request.method == "POST":
        return _review_ticked(request, tenant)
    if request.GET.get("from"):
        return _compared(request, tenant, _other(request, tenant, request.GET["from"]))
    partial = "#found" if request.headers.get("HX-Target") == "found" else ""
    return render(request, f"agentsettings/copy.html{partial}", _page(request, tenant))


def _other(request: SignedInRequest, tenant: Tenant, slug: str) -> Tenant | None:
    """Return the other tenant, or None for the tenant itself, which has nothing to copy."""
    other = get_tenant(request, slug[:100], Role.VIEWER, of_page=False)
    return None if other.pk == tenant.pk else other


def _compared(request: SignedInRequest, tenant: Tenant, other: Tenant | None) -> HttpResponse:
    if other is None:
        message = _("%(name)s is this tenant. Choose another one.") % {"name": tenant.name}
        messages.error(request, message)
        return redirect("agentsettings:copy", tenant.slug)
    context, status = _page(request, tenant), 200
    try:
        found = compare(other, tenant)
    except ReadFailed as failed:
        context |= {"failed": failed, "other": other}
        status = 200 if isinstance(failed.error, NoToken) else 502
    else:
        context |= {
            "found": found,
            "other": other,
            "lines": found.lines,
            "own_lines": found.own_lines,
            "offer": found.plan.signed_as_offer(tenant),
            "unread": [one for one in (other, tenant) if not freshness(one).synced_at],
        }
    return render(request, "agentsettings/copy.html", context, status=status)


def _review_ticked(request: SignedInRequest, tenant: Tenant) -> HttpResponse:
    """Draft the ticked values that the page showed, against what was read for it."""
    try:
        offered = Plan.opened_offer(tenant, request.POST.get("offer", ""))
    except Tampered as error:
        again = _("Nothing was sent. Choose the tenant again.")
        messages.error(request, f"{error} {again}")
        return redirect("agentsettings:copy", tenant.slug)
    other = get_tenant(request, request.POST.get("from", ""), Role.VIEWER, of_page=False)
    ticked = {
        name: offered.wanted[name]
        for name in request.POST.getlist("copy")
        if name in offered.wanted
    }
    if not ticked:
        messages.error(request, _("Nothing is selected, so there is nothing to review."))
        return _back(tenant, other)
    content = Content.of(offered.snapshot, {**offered.snapshot.settings.raw, **ticked})
    reason = f"Copied from {other.name}"
    return to_review(
        new_draft(request, tenant, content, reason=reason), "agentsettings:copy", tenant.slug
    )


def _back(tenant: Tenant, other: Tenant) -> HttpResponseRedirect:
    return HttpResponseRedirect(
        f"{reverse('agentsettings:copy', args=[tenant.slug])}?{urlencode({'from': other.slug})}"
    )


def _page(request: SignedInRequest, tenant: Tenant) -> dict[str, Any]:
    text = searched(request.GET.get("q"))
    others = search_by_name(visible_tenants(request.user), text).exclude(pk=tenant.pk)
    first = list(others.filter(status=Tenant.Status.ACTIVE)[: MOST_TENANTS + 1])
    return {
        "tenant": tenant,
        "tab": "settings",
        "can_edit": may_edit(request.user, tenant),
        "q": text,
        "search_problem": search_problem(text),
        "others": first[:MOST_TENANTS],
        "more": len(first) > MOST_TENANTS,
    }
