"""Add many tenants: upload a list, preview it, and follow its progress. For superusers."""

import csv
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from lofty_admin.accounts.models import User
from lofty_admin.accounts.reauth import require_recent_auth_for_post
from lofty_admin.fleet import import_job
from lofty_admin.fleet.forms import ImportForm, StartForm
from lofty_admin.fleet.import_csv import COLUMNS, MOST_BYTES, MOST_ROWS, BadTable
from lofty_admin.fleet.models import Import, ImportRow, RowState
from lofty_admin.tenants.access.permissions import require_superuser
from lofty_admin.tenants.errors import ChangeNotAllowed
from lofty_admin.tenants.http import SignedInRequest
from lofty_admin.tenants.models import Group

NEWEST = 5


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@require_recent_auth_for_post(back="fleet:import")
def import_list(request: SignedInRequest) -> HttpResponse:
    """Accept a list, as a file or pasted. A list is never sent back as it was entered."""
    user = require_superuser(request)
    form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
    if form.is_valid():
        try:
            made = import_job.read_list(user, form.cleaned_data["text"])
        except BadTable as error:
            form.refuse(str(error))
        else:
            return redirect("fleet:import_run", made.pk)
    context = {
        "form": form,
        "groups": Group.objects.all(),
        "earlier": user.imports.all()[:NEWEST],
        "most_rows": MOST_ROWS,
        "most_megabytes": MOST_BYTES // 1_000_000,
    }
    return render(request, "fleet/import.html", context)


@require_GET
def import_template(request: SignedInRequest) -> HttpResponse:
    """Return a list with only its header row, to fill in."""
    require_superuser(request)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="tenants.csv"'
    csv.writer(response).writerow(COLUMNS)  # fixed words, no user input
    return response


@require_GET
def import_run(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Show the preview, the progress, or the result; only that part when htmx asks for it."""
    made = _mine(require_superuser(request), pk)
    rows = list(made.rows.select_related("tenant"))
    states = import_job.counts(rows)
    tried = states["rows"] - states["bad"] - states["ready"]
    context = {
        "import": made,
        "rows": [] if made.is_open else sorted(rows, key=_worst_first),
        "states": states,
        "tried": tried,
        "to_try": states["rows"] - states["bad"],
        "can_go_on": any(_can_go_on(row) for row in rows),
        "start": StartForm(bad=states["bad"]),
        "same_names": [] if made.is_open else import_job.same_names(made),
    }
    only_state = request.headers.get("HX-Target") == "import-state"
    return render(request, f"fleet/import_run.html{'#state' if only_state else ''}", context)


@require_POST
@require_recent_auth_for_post(back="fleet:import_run")
def import_start(request: SignedInRequest, pk: UUID) -> HttpResponse:
    made = _mine(require_superuser(request), pk)
    form = StartForm(request.POST)
    if not form.is_valid():
        words = _("Nothing was started: choose what happens if a row fails.")
        messages.error(request, words)
        return redirect("fleet:import_run", pk)
    try:
        import_job.start(
            made,
            all_or_nothing=form.cleaned_data["mode"] == "all",
            names_are_meant=form.cleaned_data["same_names"],
        )
    except ChangeNotAllowed as error:
        messages.error(request, str(error))
    return redirect("fleet:import_run", pk)


@require_POST
def import_forget(request: SignedInRequest, pk: UUID) -> HttpResponse:
    made = _mine(require_superuser(request), pk)
    try:
        import_job.forget(made)
    except ChangeNotAllowed as error:
        messages.error(request, str(error))
        return redirect("fleet:import_run", pk)
    messages.success(request, _("The list was deleted. Tenants already added are kept."))
    return redirect("fleet:import")


def _mine(user: User, pk: UUID) -> Import:
    """Return the user's own import, or raise Http404, also for other superusers."""
    return get_object_or_404(Import, pk=pk, person=user)


def _worst_first(row: ImportRow) -> tuple[int, int]:
    ranks = (RowState.FAILED, RowState.BAD, RowState.CHECKED, RowState.READY, RowState.ADDED)
    return ranks.index(RowState(row.state)), row.number


def _can_go_on(row: ImportRow) -> bool:
    return bool(row.sealed) and row.state not in (RowState.BAD, RowState.ADDED)
