"""The sign-in page, and the page that asks for the second factor."""

from typing import Any

from allauth.account.views import LoginView
from allauth.mfa.base.views import authenticate
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.urls import Resolver404, resolve

from lofty_admin.accounts import pending, sessions
from lofty_admin.core.http import ConsoleRequest


class SignInView(LoginView):  # type: ignore[misc]  # allauth ships no types
    """allauth's page, which also shows why it appeared."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        reason = (self.request.POST or self.request.GET).get("because", "")
        words = sessions.in_words(reason)
        after = str(context.get("redirect_field_value") or "")
        context["because"], context["signed_out_because"] = reason if words else "", words
        context["has_unsent"] = _is_unsent_form(after)
        return context


@login_not_required
def step(request: ConsoleRequest) -> HttpResponse:
    """Show allauth's page for a sign-in that can still be finished."""
    outdated = pending.drop_if_outdated(request)
    if outdated is not None:
        return outdated
    page: HttpResponse = authenticate(request)
    return page


def _is_unsent_form(address: str) -> bool:
    try:
        return resolve(address.partition("?")[0]).view_name == "accounts:unsent_form"
    except Resolver404:
        return False
