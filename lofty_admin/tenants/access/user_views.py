"""All users of the console: status, roles, and visible tenants. For superusers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from lofty_admin.accounts import invitations, services
from lofty_admin.accounts.models import User
from lofty_admin.accounts.reauth import require_recent_auth_for_post
from lofty_admin.core.confirmation import ask_to_confirm
from lofty_admin.core.searching import search_problem
from lofty_admin.tenants.access import grants
from lofty_admin.tenants.access.explained import effective_access_of
from lofty_admin.tenants.access.grants import Scope
from lofty_admin.tenants.access.permissions import (
    denied_tenants,
    require_superuser,
    search_by_name,
    visible_tenants,
)
from lofty_admin.tenants.access.user_forms import (
    DENIED,
    LEVELS,
    NOTHING,
    FindPersonForm,
    FindSeenForm,
    InviteForm,
    RightForm,
)
from lofty_admin.tenants.access.user_list import all_users, find, roles_in_words, state_of
from lofty_admin.tenants.errors import ChangeNotAllowed
from lofty_admin.tenants.http import SignedInRequest
from lofty_admin.tenants.models import Grant, Role

PAGE_LENGTH = 50
MEMBERSHIPS_SHOWN = 50


@require_GET
def user_list(request: SignedInRequest) -> HttpResponse:
    require_superuser(request)
    form = FindPersonForm(request.GET)
    form.is_valid()
    wanted = form.cleaned_data
    found = find(text=wanted["q"], state=wanted.get("state", ""))
    page = Paginator(found, PAGE_LENGTH).get_page(request.GET.get("page"))
    people = list(page)
    words = roles_in_words(people)
    context = {
        "form": form,
        "page": page,
        "rows": [(user, state_of(user), words[user.pk]) for user in people],
        "query": _query(request),
        "search_problem": search_problem(wanted["q"]),
        "superusers": services.working_superusers().count(),
    }
    return render(request, "tenants/users.html", context)


@require_http_methods(["GET", "POST"])
@require_recent_auth_for_post(back="tenants:user_invite")
def person_invite(request: SignedInRequest) -> HttpResponse:
    require_superuser(request)
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = _invite(request, form)
        if user is not None:
            return redirect("tenants:user", user.pk)
    return render(request, "tenants/person_invite.html", {"form": form})


def _invite(request: SignedInRequest, form: InviteForm) -> User | None:
    email = form.cleaned_data["email"]
    try:
        user = invitations.invite(email, page=_invitation_page(request))
    except ValidationError as error:
        form.add_error("email", ValidationError(error.messages))
        return None
    except invitations.MailDeliveryError as error:
        messages.error(request, str(error))
        return User.objects.find_by_email(email)
    message = _("%(email)s was invited. You can assign roles now. They take effect immediately.")
    messages.success(request, message % {"email": user.email})
    return user


@require_GET
def person(request: SignedInRequest, pk: int) -> HttpResponse:
    require_superuser(request)
    return _page(request, get_object_or_404(all_users(), pk=pk), RightForm())


@require_http_methods(["GET", "POST"])
@require_recent_auth_for_post(back="tenants:user")
def person_right(request: SignedInRequest, pk: int) -> HttpResponse:
    require_superuser(request)
    user = get_object_or_404(all_users(), pk=pk)
    form = RightForm(request.POST if request.method == "POST" else request.GET)
    if form.is_valid():
        scope, level = form.cleaned_data["scope"], form.cleaned_data["level"]
        if page := _confirm_right(request, user, scope, level):
            return page
        try:
            messages.success(request, _change(user, scope, level))
        except ChangeNotAllowed as error:
            form.add_error(None, str(error))
        else:
            return redirect("tenants:user", user.pk)
    return _page(request, user, form)


def _confirm_right(
    request: SignedInRequest, user: User, scope: Scope, level: str
) -> HttpResponse | None:
    """Ask before access is taken away, or given to more than one tenant."""
    if request.method == "POST" and scope.tenant and level not in (DENIED, NOTHING):
        return None
    words = {"person": user, "place": scope.in_words}
    if level == NOTHING:
        message = _("Their own role for %(place)s ends immediately. Other roles still apply.")
    elif level == DENIED:
        message = _("They lose all access to %(place)s immediately. A denial overrides every role.")
    else:
        words["role"] = Role(int(level)).label.lower()
        message = _("They become %(role)s of %(place)s immediately, including tenants added later.")
    return ask_to_confirm(
        request,
        question=_("Change the access of %(person)s to %(place)s?") % words,
        consequences=[message % words],
        button=_("Change access"),
        back=reverse("tenants:user", args=[user.pk]),
    )


def _change(user: User, scope: Scope, level: str) -> str:
    """Apply the change and return a sentence that says what was done."""
    words = {"person": user, "place": scope.in_words}
    if level == NOTHING:
        grants.revoke(user, scope)
        return _("%(person)s no longer has a role of their own for %(place)s.") % words
    if level == DENIED:
        grants.deny(user, scope)
        return _("%(person)s is denied access to %(place)s.") % words
    role = Role(int(level))
    grants.assign(user, scope, role)
    return _("%(person)s is now %(role)s of %(place)s.") % {**words, "role": role.label.lower()}


@dataclass(frozen=True)
class Change:
    """A change to a user that is confirmed on a page of its own, in words with %(person)s.

    types_address: it is confirmed by typing the user's address.
    """

    act: Callable[[User], None]
    question: str | Promise
    consequence: str | Promise
    button: str | Promise
    done: str | Promise
    types_address: bool = False

    def asked(self, request: SignedInRequest, user: User) -> HttpResponse | None:
        """Return the page that asks; None once it is confirmed."""
        words = {"person": user, "email": user.email}
        return ask_to_confirm(
            request,
            question=str(self.question) % words,
            consequences=[str(self.consequence) % words],
            button=str(self.button),
            back=reverse("tenants:user", args=[user.pk]),
            type_this=user.email if self.types_address else "",
        )


def _confirmed(change: Change) -> Callable[[SignedInRequest, int], HttpResponse]:
    """Return the view that asks for confirmation, then makes the change."""

    @require_http_methods(["GET", "POST"])
    @require_recent_auth_for_post(back="tenants:user")
    def view(request: SignedInRequest, pk: int) -> HttpResponse:
        require_superuser(request)
        page = change.asked(request, get_object_or_404(User, pk=pk))
        return page or _do(request, pk, change.act, str(change.done))

    return view


person_deactivate = _confirmed(
    Change(
        services.deactivate_person,
        question=gettext_lazy("Deactivate %(person)s?"),
        consequence=gettext_lazy(
            "%(email)s is signed out everywhere and can't sign in. Nothing is "
            "deleted, and you can reactivate the account."
        ),
        button=gettext_lazy("Deactivate"),
        done=gettext_lazy("%s can no longer sign in."),
    )
)
person_promote = _confirmed(
    Change(
        partial(services.set_superuser, superuser=True),
        question=gettext_lazy("Make %(person)s a superuser?"),
        consequence=gettext_lazy(
            "A superuser can change every tenant, see the whole history, and assign "
            "or remove all roles, including yours."
        ),
        button=gettext_lazy("Make a superuser"),
        done=gettext_lazy("%s is now a superuser."),
        types_address=True,
    )
)
person_demote = _confirmed(
    Change(
        partial(services.set_superuser, superuser=False),
        question=gettext_lazy("Remove superuser rights from %(person)s?"),
        consequence=gettext_lazy(
            "They lose access to users, to the whole history, and to every tenant in "
            "which they have no role of their own. A superuser can restore these "
            "rights."
        ),
        button=gettext_lazy("Remove superuser rights"),
        done=gettext_lazy("%s is no longer a superuser."),
    )
)
person_withdraw = _confirmed(
    Change(
        invitations.withdraw,
        question=gettext_lazy("Withdraw the invitation of %(person)s?"),
        consequence=gettext_lazy(
            "The link in the invitation to %(email)s stops working, and the account is deactivated."
        ),
        button=gettext_lazy("Withdraw invitation"),
        done=gettext_lazy("The invitation of %s was withdrawn."),
    )
)


@require_POST
@require_recent_auth_for_post(back="tenants:user")
def person_reactivate(request: SignedInRequest, pk: int) -> HttpResponse:
    return _do(request, pk, services.reactivate_person, _("%s can sign in again."))


@require_POST
@require_recent_auth_for_post(back="tenants:user")
def person_invite_again(request: SignedInRequest, pk: int) -> HttpResponse:
    def invite(user: User) -> None:
        invitations.invite_again(user, page=_invitation_page(request))

    message = _("A new invitation was sent to %s. The earlier link no longer works.")
    return _do(request, pk, invite, message)


def _do(request: SignedInRequest, pk: int, act: Callable[[User], None], done: str) -> HttpResponse:
    """Let `act` change the user, show a message with the result, and return to the user's page."""
    require_superuser(request)
    user = get_object_or_404(User, pk=pk)
    try:
        act(user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    except invitations.MailDeliveryError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done % user)
    return redirect("tenants:user", user.pk)


def _page(request: SignedInRequest, user: User, form: RightForm) -> HttpResponse:
    memberships = user.memberships.select_related("tenant").order_by("tenant__folded")
    context = {
        "person": user,
        "state": state_of(user),
        "invitation": user.invitations.filter(ended_at=None).first(),
        "is_oneself": user == request.user,
        "form": form,
        "levels": LEVELS,
        "grants": Grant.objects.filter(user=user).select_related("group", "tenant"),
        "memberships": memberships[:MEMBERSHIPS_SHOWN],
        "more_memberships": max(0, memberships.count() - MEMBERSHIPS_SHOWN),
        **_seen(request, user),
    }
    return render(request, "tenants/person.html", context)


def _seen(request: SignedInRequest, user: User) -> dict[str, Any]:
    """Return a page of the tenants the user can see or is denied, with the reasons."""
    form = FindSeenForm(request.GET)
    form.is_valid()
    visible, denied = visible_tenants(user), denied_tenants(user)
    tenants = denied if form.cleaned_data.get("show") == "denied" else visible
    found = search_by_name(tenants, form.cleaned_data["q"])
    page = Paginator(found, PAGE_LENGTH).get_page(request.GET.get("page"))
    return {
        "seen_form": form,
        "seen_count": visible.count(),
        "denied_count": denied.count(),
        "page": page,
        "search_problem": search_problem(form.cleaned_data["q"]),
        "accesses": effective_access_of(user, list(page)),
        "query": _query(request),
    }


def _query(request: SignedInRequest) -> str:
    query = request.GET.copy()
    query.pop("page", None)
    return query.urlencode()


def _invitation_page(request: SignedInRequest) -> str:
    return request.build_absolute_uri(reverse("accounts:invitation"))
