"""A tenant's own data."""

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from lofty_admin.accounts.models import User
from lofty_admin.accounts.reauth import (
    is_recently_authenticated,
    redirect_to_reauthentication,
    require_recent_auth_for_post,
)
from lofty_admin.core.confirmation import ask_to_confirm
from lofty_admin.core.redirects import is_ours
from lofty_admin.core.searching import search_problem, searched
from lofty_admin.lofty.client import Scheme
from lofty_admin.lofty.errors import LoftyError
from lofty_admin.tenants import recents, services
from lofty_admin.tenants.access.permissions import (
    get_tenant,
    is_superuser,
    require_superuser,
    visible_tenants,
)
from lofty_admin.tenants.access.tenant_choice import MOST_OFFERED, label_of, suggestions
from lofty_admin.tenants.credentials import token_verification
from lofty_admin.tenants.credentials.forms import PASTE_AGAIN, not_stored
from lofty_admin.tenants.errors import ChangeNotAllowed, ConfirmationRequired
from lofty_admin.tenants.forms import AddTenantForm, TenantForm
from lofty_admin.tenants.http import SignedInRequest
from lofty_admin.tenants.models import Role, Tenant


@sensitive_post_parameters("token")
@require_http_methods(["GET", "POST"])
@require_recent_auth_for_post(back="tenants:add")
def tenant_add(request: SignedInRequest) -> HttpResponse:
    require_superuser(request)
    form = AddTenantForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        tenant = _add(form)
        if tenant is not None:
            messages.success(request, _("%(name)s was added.") % {"name": tenant.name})
            if (stored := tenant.connection) and stored.owner_not_read:
                messages.warning(request, token_verification.belongs_to(stored))
            return redirect("tenants:connection", tenant.slug)
    return render(request, "tenants/add.html", {"form": form})


def _add(form: AddTenantForm) -> Tenant | None:
    data = form.cleaned_data
    checked = None
    try:
        if data["token"]:
            checked = token_verification.check_token(Scheme(data["scheme"]), data["token"])
        return services.add_tenant(
            slug=data["slug"],
            name=data["name"],
            note=data["note"],
            checked=checked,
            meant=data["meant"],
        )
    except LoftyError as error:
        form.add_error("token", not_stored(f"{error.message} {error.advice}"))
    except ConfirmationRequired as error:
        form.ask(error)
    except ValidationError as error:
        form.add_error(None, error)
        if data["token"]:
            form.add_error("token", PASTE_AGAIN)
    return None


@require_GET
def tenant_search(request: SignedInRequest) -> HttpResponse:
    """Return what a tenant field suggests for ?q=; with ?status=active no archived tenants.

    The JSON is {"items": [{"value", "name", "detail"}], "more", "why"}. more: whether there are
    more than these; why: why nothing can be found.
    """
    text = searched(request.GET.get("q"))
    tenants = visible_tenants(request.user)
    if request.GET.get("status") == Tenant.Status.ACTIVE:
        tenants = tenants.filter(status=Tenant.Status.ACTIVE)
    found = suggestions(tenants, text)
    items = [
        {"value": label_of(one), "name": one.name, "detail": one.slug}
        for one in found[:MOST_OFFERED]
    ]
    more = len(found) > MOST_OFFERED
    return JsonResponse({"items": items, "more": more, "why": search_problem(text)})


@require_GET
def tenant(request: SignedInRequest, slug: str) -> HttpResponse:
    found = get_tenant(request, slug, Role.VIEWER)
    return redirect("agentsettings:settings", found.slug)


@require_POST
def tenant_pin(request: SignedInRequest, slug: str) -> HttpResponse:
    return _pinned(request, get_tenant(request, slug, Role.VIEWER), recents.pin)


@require_POST
def tenant_unpin(request: SignedInRequest, slug: str) -> HttpResponse:
    return _pinned(request, get_tenant(request, slug, Role.VIEWER), recents.unpin)


def _pinned(
    request: SignedInRequest, tenant: Tenant, change: Callable[[User, Tenant], None]
) -> HttpResponse:
    """Apply `change`; return only the button for htmx, else redirect to the page it was on."""
    change(request.user, tenant)
    if request.htmx:
        return render(request, "components/pin.html", {"tenant": tenant})
    after = request.POST.get("next", "")
    return redirect(after if is_ours(after) else reverse("tenants:tenant", args=[tenant.slug]))


@require_http_methods(["GET", "POST"])
def tenant_edit(request: SignedInRequest, slug: str) -> HttpResponse:
    tenant = get_tenant(request, slug, Role.MANAGER)
    now = {
        "name": tenant.name,
        "note": tenant.note,
        "manual_only": tenant.manual_only,
        "groups": tenant.groups.all(),
    }
    form = TenantForm(request.POST or None, initial=now, may_group=is_superuser(request.user))
    if request.method == "POST" and form.is_valid():
        # Groups carry roles, so they need recent authentication; a name or a note does not.
        if "groups" in form.changed_data and not is_recently_authenticated(request):
            return redirect_to_reauthentication(request, request.path)
        if (saved := _save(request, tenant, form)) is not None:
            return saved
    context = {"tenant": tenant, "form": form, "groups": tenant.groups.all(), "tab": "edit"}
    return render(request, "tenants/edit.html", context)


def _save(request: SignedInRequest, tenant: Tenant, form: TenantForm) -> HttpResponse | None:
    """Save the form. Returns None when it must be shown again with what was entered."""
    data = form.cleaned_data
    try:
        changed = services.change_tenant(
            tenant,
            name=data["name"],
            note=data["note"],
            manual_only=data["manual_only"],
            groups=data.get("groups"),
            meant=data["meant"],
            among=visible_tenants(request.user),
        )
    except ConfirmationRequired as error:
        form.ask(error)
        return None
    except ValidationError as error:
        form.add_error(None, error)
        return None
    except ChangeNotAllowed as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Saved.") if changed else _("Nothing was changed."))
    return redirect("tenants:edit", tenant.slug)


@require_http_methods(["GET", "POST"])
def tenant_archive(request: SignedInRequest, slug: str) -> HttpResponse:
    tenant = get_tenant(request, slug, Role.VIEWER)
    require_superuser(request)
    if page := _confirm_archiving(request, tenant):
        return page
    try:
        services.archive_tenant(tenant)
    except ChangeNotAllowed as error:
        messages.error(request, str(error))
    else:
        message = _("%(name)s was archived. Nothing was deleted.")
        messages.success(request, message % {"name": tenant.name})
    return redirect("tenants:edit", tenant.slug)


def _confirm_archiving(request: SignedInRequest, tenant: Tenant) -> HttpResponse | None:
    return ask_to_confirm(
        request,
        question=_("Archive %(name)s?") % {"name": tenant.name},
        consequences=[
            _(
                "After that, no user and no job can change its settings. Nothing is deleted here or"
                " in Lofty, and a superuser can restore it."
            )
        ],
        button=_("Archive %(name)s") % {"name": tenant.name},
        back=reverse("tenants:edit", args=[tenant.slug]),
    )


@require_POST
@require_recent_auth_for_post(back="tenants:edit")
def tenant_restore(request: SignedInRequest, slug: str) -> HttpResponse:
    tenant = get_tenant(request, slug, Role.VIEWER)
    require_superuser(request)
    try:
        services.restore_tenant(tenant)
    except ChangeNotAllowed as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("%(name)s is active again.") % {"name": tenant.name})
    return redirect("tenants:edit", tenant.slug)
