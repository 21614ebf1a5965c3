"""The page of a tenant's Lofty token: whose it is, how it does, and a new one in its place."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from lofty_admin.accounts.proof import prove_before_post
from lofty_admin.lofty.client import Scheme
from lofty_admin.lofty.errors import LoftyError
from lofty_admin.tenants import services
from lofty_admin.tenants.access import get_tenant
from lofty_admin.tenants.calls import NoCredential, calls_left
from lofty_admin.tenants.forms import PASTE_AGAIN, RemoveTokenForm, TokenForm
from lofty_admin.tenants.models import Credential, Role, Tenant


@never_cache
@require_GET
def credential(request: HttpRequest, slug: str) -> HttpResponse:
    tenant = get_tenant(request, slug, Role.MANAGER)
    return _page(request, tenant, TokenForm())


@never_cache
@require_POST
def credential_test(request: HttpRequest, slug: str) -> HttpResponse:
    tenant = get_tenant(request, slug, Role.MANAGER)
    try:
        tested = services.test_credential(tenant)
    except LoftyError as error:
        messages.error(request, f"The token was tried. {error.message} {error.advice}")
    except NoCredential as error:
        messages.error(request, f"Nothing was sent to Lofty. {error}")
    else:
        messages.success(
            request, f"The token works. It belongs to {tested.owner_name or 'a user'}."
        )
    return redirect("credential", tenant.slug)


@never_cache
@sensitive_post_parameters("token")
@require_POST
@prove_before_post(back="credential")
def credential_replace(request: HttpRequest, slug: str) -> HttpResponse:
    tenant = get_tenant(request, slug, Role.MANAGER)
    form = TokenForm(request.POST)
    stored = _replace(tenant, form) if form.is_valid() else None
    if stored is None:
        return _page(request, tenant, form)
    messages.success(
        request, f"The token works and is stored. It belongs to {stored.owner_name or 'a user'}."
    )
    return redirect("credential", tenant.slug)


@never_cache
@require_POST
@prove_before_post(back="credential")
def credential_remove(request: HttpRequest, slug: str) -> HttpResponse:
    tenant = get_tenant(request, slug, Role.MANAGER)
    if not RemoveTokenForm(request.POST).is_valid():
        messages.error(request, "Nothing was removed: tick the box to say that it is meant.")
        return redirect("credential", tenant.slug)
    try:
        services.remove_credential(tenant)
    except services.NotDone as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The token is erased from this console. It still works in Lofty.")
    return redirect("credential", tenant.slug)


def _replace(tenant: Tenant, form: TokenForm) -> Credential | None:
    data = form.cleaned_data
    try:
        checked = services.check_token(Scheme(data["scheme"]), data["token"])
        return services.set_credential(tenant, checked, meant=data["meant"])
    except LoftyError as error:
        form.add_error("token", f"{error.message} {error.advice} Nothing was stored. {PASTE_AGAIN}")
    except services.NeedsConsent as error:
        form.ask(error)
    except services.NotDone as error:
        form.add_error(None, str(error))
    return None


def _page(request: HttpRequest, tenant: Tenant, form: TokenForm) -> HttpResponse:
    context = {
        "tenant": tenant,
        "credential": tenant.credential,
        "calls": calls_left(tenant),
        "form": form,
        "tab": "credential",
    }
    return render(request, "tenants/credential.html", context)
