"""The home page: every tenant the user may see, and its status."""

from dataclasses import dataclass

from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.views.decorators.http import require_GET

from lofty_admin.agentsettings.drafts import own_drafts
from lofty_admin.core.searching import search_problem
from lofty_admin.core.timezones import reader_zone
from lofty_admin.fleet.first_run import first_run, whom_to_ask
from lofty_admin.fleet.forms import FIRST_CLICK, SORT_LABELS, FindForm
from lofty_admin.fleet.overview import overview
from lofty_admin.fleet.tenant_list import find, rows
from lofty_admin.tenants.access.permissions import is_superuser, visible_tenants
from lofty_admin.tenants.http import SignedInRequest
from lofty_admin.tenants.models import Group, Tenant

PAGE_LENGTH = 40
MAX_DRAFTS_SHOWN = 20


@dataclass(frozen=True)
class Column:
    """A column head.

    `link` is the order a click asks for; `sorted` is "ascending" or "descending" if the table is
    sorted by it now.
    """

    label: str | Promise
    link: str
    sorted: str


@require_GET
def home(request: SignedInRequest) -> HttpResponse:
    """Show the page, or only the list when htmx asks for it."""
    visible = visible_tenants(request.user)
    only_list = request.headers.get("HX-Target") == "found"
    form = FindForm(request.GET, groups=_groups(visible))
    wanted = form.wanted
    page = Paginator(find(visible, wanted), PAGE_LENGTH).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "wanted": wanted,
        "search_problem": search_problem(wanted.q),
        "page": page,
        "rows": rows(page.object_list),  # type: ignore[arg-type]  # a slice of a QuerySet
        "columns": [_column(name, wanted.sort) for name in SORT_LABELS],
        "sees_any": page.paginator.count > 0 or visible.exists(),
    }
    if not only_list:
        zone = reader_zone(request)
        context |= {"overview": overview(request.user, visible, zone), "zone": zone}
        context["drafts"] = own_drafts(request.user, visible)[:MAX_DRAFTS_SHOWN]
        if page.paginator.count <= 1:
            context |= _first_steps(request)
    return render(request, f"fleet/home.html{'#found' if only_list else ''}", context)


def _first_steps(request: SignedInRequest) -> dict[str, object]:
    """Return the first steps, or whom to ask, for a user who sees no tenant or only one."""
    return {"first_run": first_run()} if is_superuser(request.user) else {"ask": whom_to_ask}


def _groups(visible: QuerySet[Tenant]) -> QuerySet[Group]:
    """Return the groups with a tenant the user may see."""
    holds = Group.tenants.through.objects.filter(
        group=OuterRef("pk"), tenant__in=visible.order_by().values("pk")
    )
    return Group.objects.filter(Exists(holds))


def _column(name: str, sort: str) -> Column:
    first = FIRST_CLICK.get(name, name)
    other = name if first.startswith("-") else f"-{name}"
    way = {name: "ascending", f"-{name}": "descending"}.get(sort, "")
    return Column(SORT_LABELS[name], other if sort == first else first, way)
