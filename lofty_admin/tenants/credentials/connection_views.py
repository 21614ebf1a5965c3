"""The page of a tenant's Lofty token: its owner, its health, and replacing it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from lofty_admin.accounts.reauth import require_recent_auth_for_post
from lofty_admin.lofty.errors import LoftyError, NotSent
from lofty_admin.tenants.access.permissions import get_tenant
from lofty_admin.tenants.credentials import token_store, token_verification
from lofty_admin.tenants.credentials.api_client import ConnectionUnavailable, calls_left
from lofty_admin.tenants.credentials.config import oauth_app
from lofty_admin.tenants.credentials.forms import (
    AcceptAgentForm,
    RemoveTokenForm,
    ReplaceTokenForm,
    not_stored,
)
from lofty_admin.tenants.credentials.sales_agent import WrongAgent, accept_agent, found_agent
from lofty_admin.tenants.errors import ChangeNotAllowed, ConfirmationRequired
from lofty_admin.tenants.http import SignedInRequest
from lofty_admin.tenants.models import Connection, ConnectionKind, Health, Role, Tenant


@require_GET
def connection(request: SignedInRequest, slug: str) -> HttpResponse:
    tenant = get_tenant(request, slug, Role.MANAGER)
    return _page(request, tenant, ReplaceTokenForm())


@require_POST
def connection_test(request: SignedInRequest, slug: str) -> HttpResponse:
    tenant = get_tenant(request, slug, Role.MANAGER)
    try:
        tested = token_store.test_connection(tenant)
    except LoftyError as error:
        sent = not isinstance(error, NotSent)
        message = _("It was tested.") if sent else _("Nothing was sent to Lofty.")
        messages.error(request, " ".join([message, error.message, error.advice]))
    except WrongAgent as error:
        messages.error(request, _("The token works, but: %(why)s") % {"why": error})
    except ConnectionUnavailable as error:
        messages.error(request, " ".join([_("Nothing was sent to Lofty."), str(error)]))
    else:
        messages.success(
            request, " ".join([_("The token works."), token_verification.belongs_to(tested)])
        )
    return redirect("tenants:connection", tenant.slug)


@sensitive_post_parameters("token")
@require_POST
@require_recent_auth_for_post(back="tenants:connection")
def connection_replace(request: SignedInRequest, slug: str) -> HttpResponse:
    tenant = get_tenant(request, slug, Role.MANAGER)
    form = ReplaceTokenForm(request.POST)
    stored = _replace(tenant, form) if form.is_valid() else None
    if stored is None:
        return _page(request, tenant, form)
    message = _("The token works and was saved.")
    messages.success(request, " ".join([message, token_verification.belongs_to(stored)]))
    return redirect("tenants:connection", tenant.slug)


@require_POST
@require_recent_auth_for_post(back="tenants:connection")
def connection_remove(request: SignedInRequest, slug: str) -> HttpResponse:
    tenant = get_tenant(request, slug, Role.MANAGER)
    if not RemoveTokenForm(request.POST).is_valid():
        messages.error(request, _("Nothing was removed. Tick the box to confirm."))
        return redirect("tenants:connection", tenant.slug)
    try:
        token_store.remove_connection(tenant)
    except ChangeNotAllowed as error:
        messages.error(request, str(error))
    else:
        message = _("The token was erased from this console. It still works in Lofty.")
        messages.success(request, message)
    return redirect("tenants:connection", tenant.slug)


@require_POST
@require_recent_auth_for_post(back="tenants:connection")
def agent(request: SignedInRequest, slug: str) -> HttpResponse:
    """Accept the Sales Agent behind the token as the tenant's from now on."""
    tenant = get_tenant(request, slug, Role.MANAGER)
    form = AcceptAgentForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Nothing was changed. Tick the box to confirm."))
        return redirect("tenants:connection", tenant.slug)
    try:
        found = found_agent(tenant)
        if found == form.cleaned_data["sales_agent_id"]:
            accept_agent(tenant, found)
            message = _("The Sales Agent of %(name)s is now %(agent)s.")
            messages.success(request, message % {"name": tenant.name, "agent": found})
        else:
            message = _("Nothing was changed: Lofty now returns Sales Agent %(agent)s.")
            messages.error(request, message % {"agent": found})
    except (LoftyError, ConnectionUnavailable) as error:
        messages.error(request, " ".join([_("Nothing was changed."), str(error)]))
    return redirect("tenants:connection", tenant.slug)


def _replace(tenant: Tenant, form: ReplaceTokenForm) -> Connection | None:
    data = form.cleaned_data
    try:
        checked = token_verification.check_token(ConnectionKind(data["scheme"]), data["token"])
        return token_store.set_connection(tenant, checked, meant=data["meant"])
    except LoftyError as error:
        form.add_error("token", not_stored(f"{error.message} {error.advice}"))
    except ConfirmationRequired as error:
        form.ask(error)
    except ChangeNotAllowed as error:
        form.add_error(None, str(error))
    return None


def _other_agent(tenant: Tenant) -> int | None:
    """Return the Sales Agent behind the token if it is not the tenant's."""
    connection = tenant.connection
    if connection is None or connection.health.status != Health.WRONG_AGENT:
        return None
    return connection.health.found_agent_id


def _page(request: SignedInRequest, tenant: Tenant, form: ReplaceTokenForm) -> HttpResponse:
    context = {
        "tenant": tenant,
        "connection": tenant.connection,
        "calls": calls_left(tenant),
        "can_connect": oauth_app() is not None,
        "other_agent": _other_agent(tenant),
        "form": form,
        "tab": "connection",
    }
    return render(request, "tenants/connection.html", context)
