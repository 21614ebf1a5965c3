"""Groups of tenants: list, edit, and members. For superusers."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from lofty_admin.accounts.reauth import require_recent_auth_for_post
from lofty_admin.tenants.access.permissions import require_superuser
from lofty_admin.tenants.errors import ChangeNotAllowed
from lofty_admin.tenants.forms import GroupForm
from lofty_admin.tenants.groups import add_group, delete_group, rename_group
from lofty_admin.tenants.http import SignedInRequest
from lofty_admin.tenants.models import Group

MOST_SHOWN = 200


@require_http_methods(["GET", "POST"])
@require_recent_auth_for_post(back="tenants:groups")
def groups(request: SignedInRequest) -> HttpResponse:
    require_superuser(request)
    form = GroupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            added = add_group(**form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            message = _("The group %(name)s was added.")
            messages.success(request, message % {"name": added.name})
            return redirect("tenants:groups")
    found = Group.objects.annotate(size=Count("tenants"))
    return render(request, "tenants/groups.html", {"groups": found, "form": form})


@require_http_methods(["GET", "POST"])
@require_recent_auth_for_post(back="tenants:group")
def group(request: SignedInRequest, group: str) -> HttpResponse:
    require_superuser(request)
    found = get_object_or_404(Group, slug=group)
    now = {"name": found.name, "slug": found.slug}
    form = GroupForm(request.POST or None, initial=now, button=_("Rename"))
    if request.method == "POST" and form.is_valid() and _rename(request, found, form):
        return redirect("tenants:group", form.cleaned_data["slug"])
    context = {
        "group": found,
        "size": found.tenants.count(),
        "members": found.tenants.all()[:MOST_SHOWN],
        "form": form,
    }
    return render(request, "tenants/group.html", context)


@require_POST
@require_recent_auth_for_post(back="tenants:group")
def group_delete(request: SignedInRequest, group: str) -> HttpResponse:
    require_superuser(request)
    found = get_object_or_404(Group, slug=group)
    try:
        delete_group(found)
    except ChangeNotAllowed as error:
        messages.error(request, str(error))
        return redirect("tenants:group", group)
    messages.success(request, _("The group %(name)s was deleted.") % {"name": found.name})
    return redirect("tenants:groups")


def _rename(request: SignedInRequest, found: Group, form: GroupForm) -> bool:
    try:
        changed = rename_group(found, **form.cleaned_data)
    except ValidationError as error:
        form.add_error(None, error)
        return False
    except ChangeNotAllowed as error:
        form.add_error(None, str(error))
        return False
    messages.success(request, _("Saved.") if changed else _("Nothing was changed."))
    return True
