"""The two pages of an invited user. They need no sign-in."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from lofty_admin.accounts import invitations
from lofty_admin.accounts.invitation_forms import AcceptForm, CodeForm
from lofty_admin.accounts.invitations import InvitationUnusable
from lofty_admin.core.http import ConsoleRequest

_OPENED = "invitation"  # in the session: the invitation whose code this browser has entered


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def invitation(request: ConsoleRequest) -> HttpResponse:
    """Accept the code, from the page's script (out of the link) or pasted by the user."""
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            found = invitations.open_by_code(form.cleaned_data["code"])
        except InvitationUnusable as error:
            form.add_error(None, str(error))
        else:
            request.session[_OPENED] = str(found.pk)
            return redirect("accounts:invitation_accept")
    return render(request, "account/invitation.html", {"form": form})


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def invitation_accept(request: ConsoleRequest) -> HttpResponse:
    """Ask for name and password, once the code has been entered."""
    if _OPENED not in request.session:
        return redirect("accounts:invitation")
    try:
        return _accept(request, UUID(request.session[_OPENED]))
    except InvitationUnusable as error:
        del request.session[_OPENED]
        messages.error(request, str(error))
        return redirect("accounts:invitation")


def _accept(request: ConsoleRequest, pk: UUID) -> HttpResponse:
    found = invitations.find_open(pk)
    form = AcceptForm(request.POST or None, user=found.user)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            invitations.accept(found, name=data["name"], password=data["password"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            del request.session[_OPENED]
            message = _("Your account is ready. Sign in with your new password.")
            messages.success(request, message)
            return redirect("account_login")
    return render(request, "account/invitation_accept.html", {"form": form, "invitation": found})
