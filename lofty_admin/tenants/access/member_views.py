"""The members of a tenant and their roles."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from lofty_admin.accounts.models import User
from lofty_admin.accounts.reauth import require_recent_auth_for_post
from lofty_admin.core.confirmation import ask_to_confirm
from lofty_admin.tenants.access import memberships
from lofty_admin.tenants.access.explained import people_of
from lofty_admin.tenants.access.member_forms import AddMemberForm, RoleForm
from lofty_admin.tenants.access.permissions import get_related_or_404, get_tenant, role_of
from lofty_admin.tenants.errors import ChangeNotAllowed
from lofty_admin.tenants.http import SignedInRequest
from lofty_admin.tenants.models import Membership, Role, Tenant


@require_http_methods(["GET", "POST"])
@require_recent_auth_for_post(back="tenants:members")
def people(request: SignedInRequest, slug: str) -> HttpResponse:
    tenant = get_tenant(request, slug, Role.MANAGER)
    form = AddMemberForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user, role = form.cleaned_data["email"], form.cleaned_data["role"]
        try:
            memberships.grant(tenant, user, role)
        except ChangeNotAllowed as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _given(user, role, tenant))
            return redirect("tenants:members", tenant.slug)
    context = {
        "tenant": tenant,
        "memberships": tenant.memberships.select_related("user"),
        "others": [one for one in people_of(tenant) if one.by_grant and not one.user.is_superuser],
        "superusers": User.objects.filter(is_superuser=True, is_active=True),
        "roles": Role.choices,
        "form": form,
        "tab": "people",
    }
    return render(request, "tenants/people.html", context)


@require_POST
@require_recent_auth_for_post(back="tenants:members")
def member_role(request: SignedInRequest, slug: str, pk: int) -> HttpResponse:
    tenant = get_tenant(request, slug, Role.MANAGER)
    membership = get_related_or_404(
        request, tenant, Membership.objects.select_related("user"), pk=pk
    )
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Nothing was changed: choose one of the roles."))
        return redirect("tenants:members", tenant.slug)
    try:
        memberships.grant(tenant, membership.user, form.cleaned_data["role"])
    except ChangeNotAllowed as error:
        messages.error(request, str(error))
    else:
        given = _given(membership.user, form.cleaned_data["role"], tenant)
        messages.success(request, given)
    return _after(request, tenant)


@require_http_methods(["GET", "POST"])
@require_recent_auth_for_post(back="tenants:members")
def member_remove(request: SignedInRequest, slug: str, pk: int) -> HttpResponse:
    tenant = get_tenant(request, slug, Role.MANAGER)
    membership = get_related_or_404(
        request, tenant, Membership.objects.select_related("user"), pk=pk
    )
    if page := _confirm_removing(request, membership):
        return page
    try:
        memberships.remove_member(membership)
    except ChangeNotAllowed as error:
        messages.error(request, str(error))
    else:
        message = _("%(person)s no longer has access to %(place)s.")
        messages.success(request, message % {"person": membership.user, "place": tenant.name})
    return _after(request, tenant)


def _confirm_removing(request: SignedInRequest, membership: Membership) -> HttpResponse | None:
    words = {"person": membership.user, "place": membership.tenant.name}
    return ask_to_confirm(
        request,
        question=_("Remove %(person)s from %(place)s?") % words,
        consequences=[
            _("Their role as %(role)s in this tenant ends immediately.")
            % {"role": Role(membership.role).label.lower()}
        ],
        button=_("Remove access"),
        back=reverse("tenants:members", args=[membership.tenant.slug]),
    )


def _given(user: User, role: Role, tenant: Tenant) -> str:
    message = _("%(person)s is now %(role)s of %(place)s.")
    return message % {"person": user, "role": role.label.lower(), "place": tenant.name}


def _after(request: SignedInRequest, tenant: Tenant) -> HttpResponse:
    """Redirect to the page, unless users have just given up their own right to see it."""
    role = role_of(request.user, tenant)
    return (
        redirect("tenants:members", tenant.slug) if role == Role.MANAGER else redirect("fleet:home")
    )
