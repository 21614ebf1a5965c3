"""The palette (Ctrl-K) and the links to the next and previous tenant."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from lofty_admin.core.searching import search_problem, searched
from lofty_admin.fleet.palette import Place, find, neighbor_of, same_page
from lofty_admin.tenants.access.permissions import get_tenant, role_of
from lofty_admin.tenants.http import SignedInRequest
from lofty_admin.tenants.models import Role


@require_GET
def palette(request: SignedInRequest) -> HttpResponse:
    """Show what ?q= finds, seen from tenant ?at=: a page, or only its results for the dialog."""
    text = searched(request.GET.get("q"))
    place = Place.of(request.user, request.GET.get("at", ""))
    groups, more = find(place, text)
    context = {"text": text, "at": place.tenant, "groups": groups, "more": more}
    context["search_problem"] = search_problem(text)
    partial = "#results" if request.htmx else ""
    return render(request, f"fleet/palette.html{partial}", context)


@require_GET
def neighbor_tenant(request: SignedInRequest, slug: str) -> HttpResponse:
    """Redirect to the ?tab= of the next tenant by name, or of the previous with ?to=previous."""
    tenant = get_tenant(request, slug, Role.VIEWER)
    user, tab = request.user, request.GET.get("tab", "")
    here = Place(user, tenant, role_of(user, tenant))
    other = neighbor_of(here, forward=request.GET.get("to") != "previous")
    if other is None:
        messages.info(request, _("You don't have access to any other tenant."))
        return redirect(same_page(here, tab))
    return redirect(same_page(Place(user, other, role_of(user, other)), tab))
