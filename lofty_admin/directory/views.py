"""What is known of a tenant's ids, and the search behind the pickers."""

from django.contrib import messages
from django.db.models import Count, Max, Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from lofty_admin.directory.forms import SearchForm, SourceForm
from lofty_admin.directory.models import Entry, EntryKind
from lofty_admin.directory.names import MOST_FOUND, Name, freshness, give_name, search
from lofty_admin.directory.names import names as lookup
from lofty_admin.directory.sync import start_sync
from lofty_admin.tenants.access import get_tenant, role_of
from lofty_admin.tenants.models import Role, Tenant

LONGEST_ID = 20  # digits
# By the id of the element htmx asks for.
_PARTIALS = {"names-status": "#status", "names-found": "#found"}


@never_cache
@require_safe
def names(request: HttpRequest, slug: str) -> HttpResponse:
    """The names page, or the part of it htmx asks for."""
    tenant = get_tenant(request, slug, Role.VIEWER)
    return _render(request, tenant, SourceForm(initial=_source_asked_for(request, tenant)))


@never_cache
@require_safe
def names_freshness(request: HttpRequest, slug: str) -> HttpResponse:
    """The line beside a picker, which asks for itself again while names are being read."""
    tenant = get_tenant(request, slug, Role.VIEWER)
    return _freshness_line(request, tenant)


@require_POST
def names_refresh(request: HttpRequest, slug: str) -> HttpResponse:
    """Start reading. Beside a picker htmx asks, and gets the line there; nobody leaves the form."""
    tenant = get_tenant(request, slug, Role.EDITOR)
    by_line = request.headers.get("HX-Request") == "true"
    if tenant.credential is None:
        problem = f"{tenant.name} has no Lofty token yet, so no names can be read. Add one first."
        if by_line:
            return _freshness_line(request, tenant, problem=problem)
        messages.error(request, problem)
        return redirect("names", tenant.slug)
    start_sync(tenant)
    if by_line:
        return _freshness_line(request, tenant, just_started=True)
    messages.info(request, "The names will be read from Lofty now. You can leave this page.")
    return redirect("names", tenant.slug)


@require_POST
def name_source(request: HttpRequest, slug: str) -> HttpResponse:
    tenant = get_tenant(request, slug, Role.EDITOR)
    form = SourceForm(request.POST)
    if not form.is_valid():
        return _render(request, tenant, form)
    given = give_name(tenant, form.cleaned_data["lofty_id"], form.cleaned_data["name"])
    messages.success(request, f"Lead source {given.id} is now called {given.name} here.")
    return redirect("names", tenant.slug)


@never_cache
@require_safe
def names_search(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """{"items": [{"id", "name", "detail", "gone"}]}, at most 50, for ?q=text. Ids are texts."""
    tenant = get_tenant(request, slug, Role.VIEWER)
    if kind not in EntryKind:
        raise Http404
    found = search(tenant, EntryKind(kind), request.GET.get("q", ""))
    return JsonResponse({"items": [_item(name) for name in found]})


def _freshness_line(request: HttpRequest, tenant: Tenant, **facts: object) -> HttpResponse:
    context = {
        "tenant": tenant,
        "freshness": freshness(tenant),
        "can_edit": _may_edit(request, tenant),
        **facts,
    }
    return render(request, "directory/freshness.html", context)


def _source_asked_for(request: HttpRequest, tenant: Tenant) -> dict[str, str]:
    """What a link beside a lead source fills in: its id, and the name it may have by now."""
    asked = request.GET.get("source", "")
    if not (asked.isascii() and asked.isdecimal() and len(asked) < LONGEST_ID):
        return {"lofty_id": asked}
    known = lookup(tenant, EntryKind.SOURCE, [int(asked)])[int(asked)]
    return {"lofty_id": asked, "name": known.name if known.known else ""}


def _may_edit(request: HttpRequest, tenant: Tenant) -> bool:
    role = role_of(request.user, tenant)
    return role is not None and role >= Role.EDITOR and not tenant.is_archived


def _item(name: Name) -> dict[str, str | bool]:
    return {
        "id": str(name.id),
        "name": name.name,
        "detail": name.detail,
        "gone": name.gone_since is not None,
    }


def _render(request: HttpRequest, tenant: Tenant, form: SourceForm) -> HttpResponse:
    looking = SearchForm(request.GET)
    kind, text = looking.wanted
    context = {
        "tenant": tenant,
        "tab": "names",
        "freshness": freshness(tenant),
        "counts": _counts(tenant),
        "kinds": EntryKind.choices,
        "kind": kind,
        "q": text,
        "found": search(tenant, kind, text),
        "most_found": MOST_FOUND,
        "form": form,
        "may_edit": _may_edit(request, tenant),
    }
    partial = _PARTIALS.get(request.headers.get("HX-Target", ""), "")
    return render(request, f"directory/names.html{partial}", context)


def _counts(tenant: Tenant) -> list[dict[str, object]]:
    """One row a kind: label, known, gone, newest (when one was last listed, or None)."""
    rows = (
        Entry.objects.filter(tenant=tenant)
        .values("kind")
        .annotate(
            known=Count("pk", filter=Q(gone_since=None)),
            gone=Count("pk", filter=Q(gone_since__isnull=False)),
            newest=Max("seen_at"),
        )
    )
    by_kind = {row["kind"]: row for row in rows}
    nothing = {"known": 0, "gone": 0, "newest": None}
    return [{**nothing, **by_kind.get(kind, {}), "label": kind.label} for kind in EntryKind]
