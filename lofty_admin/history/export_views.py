"""Export what the filter shows, and follow the progress."""

from datetime import timedelta

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_http_methods

from lofty_admin.accounts.models import User
from lofty_admin.core import clocks
from lofty_admin.history.export import AlreadyRunning, Pieces, begin, newest
from lofty_admin.history.filters import Address, FilterForm, filter_of
from lofty_admin.history.models import Export, Format
from lofty_admin.tenants.access.permissions import get_tenant
from lofty_admin.tenants.http import SignedInRequest
from lofty_admin.tenants.models import Role, Tenant

SHOWN_FOR = timedelta(hours=1)  # the last export, on the page of exports
CONTENT_TYPES = {Format.CSV: "text/csv", Format.JSON_LINES: "application/x-ndjson"}


@require_http_methods(["GET", "POST"])
def export_all(request: SignedInRequest) -> HttpResponseBase:
    """Export from every tenant the user may see, like the list of all events."""
    return _export(request, None)


@require_http_methods(["GET", "POST"])
def export(request: SignedInRequest, slug: str) -> HttpResponseBase:
    """Export one tenant's events. POST starts an export, GET returns its progress."""
    return _export(request, get_tenant(request, slug, Role.VIEWER))


def _export(request: SignedInRequest, tenant: Tenant | None) -> HttpResponseBase:
    if request.method == "POST":
        return _begin(request, tenant)
    address = Address.of(request)
    if not request.htmx:
        return redirect(_list_of(tenant, address))
    context = {
        "tenant": tenant,
        "address": address,
        "export": shown(request.user),
        "can_export": filter_of(request, tenant).is_valid(),
    }
    return render(request, "history/export.html", context)


def _begin(request: SignedInRequest, tenant: Tenant | None) -> HttpResponseBase:
    form, address = filter_of(request, tenant), Address.of(request)
    wanted_format = request.POST.get("format", "")
    if not form.is_valid():
        return _not_begun(request, tenant, _("This filter isn't valid."))
    if wanted_format not in Format.values:
        return _not_begun(request, tenant, _("Choose CSV or JSON Lines."))
    try:
        begun = begin(
            request.user,
            form.filters,
            Format(wanted_format),
            query=str(address),
            words=_filter_in_english(request, tenant),
            tenant=of.ref if (of := tenant or form.cleaned_data.get("tenant")) else None,
        )
    except AlreadyRunning as running:
        return _not_begun(request, tenant, _still_running(running.export))
    return _download(begun, form, tenant)


def _filter_in_english(request: SignedInRequest, tenant: Tenant | None) -> str:
    """Return the filter in English, as it is recorded."""
    with override("en"):
        used = filter_of(request, tenant).in_use
        return "; ".join(text for name, text in used) or "no filter"


def _download(begun: Export, form: FilterForm, tenant: Tenant | None) -> StreamingHttpResponse:
    name = "-".join(
        ["history", *([tenant.slug] if tenant else []), f"{timezone.now():%Y%m%d-%H%M}"]
    )
    answer = StreamingHttpResponse(
        Pieces(begun, form.filters), content_type=CONTENT_TYPES[Format(begun.format)]
    )
    answer["Content-Disposition"] = f'attachment; filename="{name}.{begun.format}"'
    answer["X-Accel-Buffering"] = "no"  # for nginx: buffering would delay progress
    return answer


def _not_begun(request: SignedInRequest, tenant: Tenant | None, why: str) -> HttpResponse:
    messages.error(request, _("Nothing was exported. %(why)s") % {"why": why})
    return redirect(_list_of(tenant, Address.of(request)))


def _still_running(export: Export | None) -> str:
    if export is None:
        return _("Your other export has just ended. Try again.")
    done = intcomma(export.done)
    if export.total is None:
        words = _("You already have an export running (%(done)s events so far).") % {"done": done}
    else:
        words = _("You already have an export running (%(done)s of %(all)s events).") % {
            "done": done,
            "all": intcomma(export.total),
        }
    advice = _(
        "Only one export can run at a time. Wait for it, or stop its download and try again."
    )
    return f"{words} {advice}"


def _list_of(tenant: Tenant | None, address: Address) -> str:
    home = reverse("history:list", args=[tenant.slug]) if tenant else reverse("history:list_all")
    return home + address.suffix


def shown(user: User) -> Export | None:
    """Return the user's export to show on the page: a running one, or the last one for an hour."""
    export = newest(user)
    if export is None or not clocks.is_recent(export.heartbeat_at, timezone.now(), SHOWN_FOR):
        return None
    return export
