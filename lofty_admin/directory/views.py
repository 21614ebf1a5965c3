"""The names of a tenant's ids, and the search behind the pickers."""

import re
from collections.abc import Iterable

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Count, Max, Q
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from lofty_admin.core.searching import search_problem
from lofty_admin.core.visible import visible
from lofty_admin.directory.bulk_lookup import TooManyItems, id_in, is_list, resolve
from lofty_admin.directory.forms import SearchForm, SourceForm
from lofty_admin.directory.models import Entry, EntryKind
from lofty_admin.directory.names import (
    MOST_FOUND,
    Name,
    freshness,
    give_name,
    matching,
    search,
)
from lofty_admin.directory.names import names as lookup
from lofty_admin.directory.offices import (
    Tree,
    agents_of,
    offices_called,
    whole_offices,
    without_known_office,
)
from lofty_admin.directory.sync import start_sync
from lofty_admin.tenants.access.permissions import get_related_or_404, get_tenant, role_of
from lofty_admin.tenants.http import SignedInRequest
from lofty_admin.tenants.models import Role, Tenant

LONGEST_ID = 20  # digits
_ID = re.compile(r"-?[0-9]{1,20}")
MOST_AT_ONCE = 10_000  # names in one answer
MOST_NAMESAKES = 10
# Partials by the id of the element that htmx targets.
_PARTIALS = {"names-status": "#status", "names-found": "#found"}


@require_safe
def names(request: SignedInRequest, slug: str) -> HttpResponse:
    """Show the names page, or the part of it that htmx asks for."""
    tenant = get_tenant(request, slug, Role.VIEWER)
    return _render(request, tenant, SourceForm(initial=_source_asked_for(request, tenant)))


@require_safe
def names_freshness(request: SignedInRequest, slug: str) -> HttpResponse:
    """Return the line next to a picker, which polls while names are being read."""
    tenant = get_tenant(request, slug, Role.VIEWER)
    return _freshness_line(request, tenant)


@require_POST
def names_refresh(request: SignedInRequest, slug: str) -> HttpResponse:
    """Start reading. Next to a picker, htmx replaces the line there, so users keep their form."""
    tenant = get_tenant(request, slug, Role.EDITOR)
    by_line = bool(request.htmx)
    if tenant.connection is None:
        problem = _(
            "%(name)s has no Lofty token yet, so names can't be read. Add a token first."
        ) % {"name": tenant.name}
        if by_line:
            return _freshness_line(request, tenant, problem=problem)
        messages.error(request, problem)
        return redirect("directory:names", tenant.slug)
    start_sync(tenant)
    if by_line:
        return _freshness_line(request, tenant, just_started=True)
    messages.info(request, _("Names are being synced with Lofty. You can leave this page."))
    return redirect("directory:names", tenant.slug)


@require_POST
def name_source(request: SignedInRequest, slug: str) -> HttpResponse:
    tenant = get_tenant(request, slug, Role.EDITOR)
    form = SourceForm(request.POST)
    if not form.is_valid():
        return _render(request, tenant, form)
    given = give_name(tenant, form.cleaned_data["lofty_id"], form.cleaned_data["name"])
    message = _("Lead source %(id)s is now named %(name)s.")
    messages.success(request, message % {"id": given.id, "name": visible(given.name)})
    return redirect("directory:names", tenant.slug)


@require_safe
def names_search(request: SignedInRequest, slug: str, kind: str) -> HttpResponse:
    """Return what a picker shows for ?q=text, at most 50 rows.

    items: [{"id", "name", "detail", "gone"}], ids as strings; those of offices also have "depth"
    and "below" (how many offices), and without a text they are the tree. more: whether there are
    more. why: why a text can find nothing, whatever the data. id: the id that the text is, known or
    not. offices: for agents, [{"id", "name", "detail", "agents"}] that can be picked as a whole.
    office_unknown: number of agents whose office is unknown, where offices are searched.
    """
    tenant = get_tenant(request, slug, Role.VIEWER)
    wanted, text = _kind(kind), request.GET.get("q", "")
    if wanted == EntryKind.OFFICE:
        answer = _found_offices(tenant, text)
    elif wanted == EntryKind.AGENT:
        answer = _found_agents(tenant, text)
    else:
        found = search(tenant, wanted, text)
        answer = {"items": _items(found), "more": len(found) == MOST_FOUND}
    return JsonResponse({**answer, "why": search_problem(text), "id": id_in(text)})


@require_POST
def names_pasted(request: SignedInRequest, slug: str, kind: str) -> HttpResponse:
    """Return the entries for the ids and emails in `text`. POST, as it is long; changes nothing.

    is_list: whether it is a list at all, or a text to search for. found: items as above. repeated:
    how many were in the list before. unknown: ids. ambiguous: [{"text", "count", "items"}], at most
    ten of them. not_found: texts. Otherwise 400 and error: words.
    """
    tenant = get_tenant(request, slug, Role.VIEWER)
    text = request.POST.get("text", "")
    try:
        resolved = resolve(tenant, _kind(kind), text)
    except TooManyItems as error:
        return JsonResponse({"error": str(error)}, status=400)
    return JsonResponse(
        {
            "is_list": is_list(text),
            "found": _items(resolved.found),
            "repeated": resolved.repeated,
            "unknown": [str(number) for number in resolved.unknown],
            "ambiguous": [
                {"text": email, "count": len(several), "items": _items(several[:MOST_NAMESAKES])}
                for email, several in resolved.ambiguous.items()
            ],
            "not_found": resolved.not_found,
        }
    )


@require_POST
def names_picked(request: SignedInRequest, slug: str, kind: str) -> HttpResponse:
    """Return {"items"}: the names of `ids`, or those that have every word of `q`, in their order.

    POST, as there are many ids; changes nothing. Returns 400 and {"error"} for too many.
    """
    tenant = get_tenant(request, slug, Role.VIEWER)
    ids = [int(i) for i in request.POST.get("ids", "").split(",") if _ID.fullmatch(i)]
    if len(ids) > MOST_AT_ONCE:
        error = _("At most %(most)s IDs can be looked up at once.") % {
            "most": intcomma(MOST_AT_ONCE)
        }
        return JsonResponse({"error": error}, status=400)
    found = matching(lookup(tenant, _kind(kind), ids).values(), request.POST.get("q", ""))
    return JsonResponse({"items": _items(found)})


@require_safe
def names_of_office(request: SignedInRequest, slug: str, kind: str, office_id: int) -> HttpResponse:
    """Return the agents of an office, or the offices below it: {"items", "office_unknown"}.

    Returns 400 and {"error"} if they are more than can be picked at once.
    """
    tenant = get_tenant(request, slug, Role.VIEWER)
    offices = Entry.objects.filter(kind=EntryKind.OFFICE)
    office = get_related_or_404(request, tenant, offices, lofty_id=office_id)
    if _kind(kind) == EntryKind.OFFICE:
        found, unknown = Tree.of(tenant).below(office_id), 0
    elif kind == EntryKind.AGENT:
        found = agents_of(tenant, office_id, MOST_AT_ONCE + 1)
        unknown = without_known_office(tenant)
    else:
        raise Http404
    if len(found) > MOST_AT_ONCE:
        error = _(
            "%(office)s has more than %(most)s, which is too many to select at once. "
            "Nothing was added."
        )
        message = error % {"office": office, "most": intcomma(MOST_AT_ONCE)}
        return JsonResponse({"error": message}, status=400)
    return JsonResponse({"items": _items(found), "office_unknown": unknown})


def _freshness_line(request: SignedInRequest, tenant: Tenant, **facts: object) -> HttpResponse:
    context = {
        "tenant": tenant,
        "freshness": freshness(tenant),
        "can_edit": _may_edit(request, tenant),
        **facts,
    }
    return render(request, "directory/freshness.html", context)


def _source_asked_for(request: SignedInRequest, tenant: Tenant) -> dict[str, str]:
    """Return what a link next to a lead source fills in: its id, and its current name, if any."""
    asked = request.GET.get("source", "")
    if not (asked.isascii() and asked.isdecimal() and len(asked) < LONGEST_ID):
        return {"lofty_id": asked}
    known = lookup(tenant, EntryKind.SOURCE, [int(asked)])[int(asked)]
    return {"lofty_id": asked, "name": known.name if known.known else ""}


def _may_edit(request: SignedInRequest, tenant: Tenant) -> bool:
    role = role_of(request.user, tenant)
    return role is not None and role >= Role.EDITOR and not tenant.is_archived


def _kind(text: str) -> EntryKind:
    if text not in EntryKind:
        raise Http404
    return EntryKind(text)


def _found_agents(tenant: Tenant, text: str) -> dict[str, object]:
    offices = offices_called(tenant, text)
    whole = whole_offices(tenant, offices) if offices else []
    found = search(tenant, EntryKind.AGENT, text, MOST_FOUND - len(whole))
    return {
        "offices": [{**_item(one.office), "agents": one.agents} for one in whole],
        "office_unknown": without_known_office(tenant) if offices else 0,
        "items": _items(found),
        "more": len(found) + len(whole) == MOST_FOUND,
    }


def _found_offices(tenant: Tenant, text: str) -> dict[str, object]:
    tree = Tree.of(tenant)
    found = search(tenant, EntryKind.OFFICE, text) if text.strip() else tree.overview()
    more = len(found) == MOST_FOUND if text.strip() else len(found) < len(tree.depths)
    rows = [_in_tree(name, tree) for name in found]
    return {"items": rows, "more": more}


def _in_tree(office: Name, tree: Tree) -> dict[str, object]:
    path = " › ".join(tree.path(office.id))
    depth, below = tree.depths.get(office.id, 0), len(tree.below(office.id))
    return {
        **_item(office),
        "detail": visible(path or office.detail),
        "depth": depth,
        "below": below,
    }


def _items(found: Iterable[Name]) -> list[dict[str, object]]:
    return [_item(name) for name in found]


def _item(name: Name) -> dict[str, object]:
    return {
        "id": str(name.id),
        "name": visible(name.name),
        "detail": visible(name.detail),
        "gone": name.gone_since is not None,
    }


def _render(request: SignedInRequest, tenant: Tenant, form: SourceForm) -> HttpResponse:
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
        "search_problem": search_problem(text),
        "most_found": MOST_FOUND,
        "form": form,
        "may_edit": _may_edit(request, tenant),
    }
    partial = _PARTIALS.get(request.headers.get("HX-Target", ""), "")
    return render(request, f"directory/names.html{partial}", context)


def _counts(tenant: Tenant) -> list[dict[str, object]]:
    """Return one row per kind: label, known, gone, newest (when one was last listed, or None)."""
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
