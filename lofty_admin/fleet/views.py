"""The home page: every tenant the person may see, and how it does."""

from dataclasses import dataclass

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from lofty_admin.fleet.first_run import first_run, whom_to_ask
from lofty_admin.fleet.forms import FIRST_CLICK, SORT_LABELS, FindForm
from lofty_admin.fleet.listing import find, rows
from lofty_admin.fleet.tokens import concerns
from lofty_admin.tenants.access import is_superuser, visible_tenants
from lofty_admin.tenants.models import Group

PAGE_LENGTH = 40


@dataclass(frozen=True)
class Column:
    """A head of the table: `link` is the order a click asks for, `sorted` "ascending" or
    "descending" if the table is sorted by it now."""

    label: str
    link: str
    sorted: str


@never_cache
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The page, or only the list when htmx asks for it."""
    visible = visible_tenants(request.user)
    form = FindForm(request.GET, groups=_groups(request))
    wanted = form.wanted
    page = Paginator(find(visible, wanted), PAGE_LENGTH).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "wanted": wanted,
        "page": page,
        "rows": rows(page.object_list),  # type: ignore[arg-type]  # a slice of a QuerySet
        "columns": [_column(name, wanted.sort) for name in SORT_LABELS],
        "concerns": concerns(visible),
        "sees_any": page.paginator.count > 0 or visible.exists(),
    }
    only_list = request.headers.get("HX-Target") == "found"
    if page.paginator.count <= 1 and not only_list:
        context |= _first_steps(request)
    return render(request, f"fleet/home.html{'#found' if only_list else ''}", context)


def _first_steps(request: HttpRequest) -> dict[str, object]:
    """What somebody who sees no tenant, or only one, may have to do or to ask first."""
    return {"first_run": first_run()} if is_superuser(request.user) else {"ask": whom_to_ask}


def _groups(request: HttpRequest) -> QuerySet[Group]:
    """Those that hold a tenant the person may see."""
    visible = visible_tenants(request.user)
    return Group.objects.filter(tenants__in=visible.order_by().values("pk")).distinct()


def _column(name: str, sort: str) -> Column:
    first = FIRST_CLICK.get(name, name)
    other = name if first.startswith("-") else f"-{name}"
    way = {name: "ascending", f"-{name}": "descending"}.get(sort, "")
    return Column(SORT_LABELS[name], other if sort == first else first, way)
