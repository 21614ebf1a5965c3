"""Connect with Lofty: send the user to its authorization page, take the answer, and confirm it."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from lofty_admin.accounts.reauth import require_recent_auth_for_post
from lofty_admin.lofty.client import TOKEN
from lofty_admin.lofty.errors import LoftyError
from lofty_admin.tenants.access.permissions import get_tenant
from lofty_admin.tenants.credentials import oauth_flow
from lofty_admin.tenants.credentials.config import oauth_app
from lofty_admin.tenants.credentials.forms import ConfirmConnectionForm
from lofty_admin.tenants.credentials.token_verification import belongs_to
from lofty_admin.tenants.errors import ChangeNotAllowed, ConfirmationRequired
from lofty_admin.tenants.http import PageRequest, SignedInRequest, is_signed_in
from lofty_admin.tenants.models import PendingConnection, Role, Tenant

Stage = PendingConnection.Stage
NOTHING_STORED = gettext_lazy("Nothing was saved.")
NO_CONNECTION = (
    gettext_lazy("This browser is not connecting with Lofty"),
    gettext_lazy(
        "Connecting was started in another browser or by another user, has ended, or took "
        "more than ten minutes. Nothing was saved. Start again from the tenant's "
        "Connection page."
    ),
)


@require_http_methods(["GET", "POST"])
@require_recent_auth_for_post(back="tenants:connection")
def connect(request: SignedInRequest, slug: str) -> HttpResponse:
    """Begin with POST; with GET, show the link to Lofty.

    It is a link, not a redirect: the Content Security Policy of these pages lets no form lead to
    another site, and a user should first see as whom to sign in there.
    """
    tenant = get_tenant(request, slug, Role.MANAGER)
    pending = oauth_flow.pending_of(request.session, request.user)
    if request.method == "POST":
        return _begin(request, tenant, pending)
    if pending is None or pending.tenant_id != tenant.id:
        messages.info(request, _("This browser is not connecting with Lofty."))
        return redirect("tenants:connection", tenant.slug)
    if pending.stage == Stage.CONFIRMING:
        return redirect("tenants:connect_confirm", tenant.slug)
    return _way_page(request, tenant, pending)


@require_POST
def cancel(request: SignedInRequest, slug: str) -> HttpResponse:
    tenant = get_tenant(request, slug, Role.MANAGER)
    pending = oauth_flow.pending_of(request.session, request.user)
    if pending is not None and pending.tenant_id == tenant.id:
        oauth_flow.end(pending, "Canceled by the user who started it.")
        had_tokens = pending.stage == Stage.CONFIRMING
        parts = [_("Connecting was canceled."), str(NOTHING_STORED)]
        if had_tokens:
            parts.append(_("Lofty may still list this console among the account's apps."))
        messages.info(request, " ".join(parts))
    return redirect("tenants:connection", tenant.slug)


@login_not_required  # without a session, show an error instead of sending the code to sign-in
@require_GET
def callback(request: PageRequest) -> HttpResponse:
    """Handle Lofty's redirect back, with ?code= or ?error=."""
    if not is_signed_in(request):
        return _problem(
            request,
            _("You are no longer signed in"),
            _("Nothing was saved. Sign in and start again from the tenant's Connection page."),
            status=403,
        )
    pending = oauth_flow.pending_of(request.session, request.user)
    if pending is None:
        return _problem(request, *map(str, NO_CONNECTION))
    tenant = get_tenant(request, pending.tenant.slug, Role.MANAGER)
    if pending.stage != Stage.AUTHORISING:
        return _used_already(request, pending)
    return _answered(request, tenant, pending)


@require_http_methods(["GET", "POST"])
@require_recent_auth_for_post(back="tenants:connect_confirm")
def confirm(request: SignedInRequest, slug: str) -> HttpResponse:
    """Show whose account it is; attach it only when the user confirms that it is the tenant's."""
    tenant = get_tenant(request, slug, Role.MANAGER)
    pending = oauth_flow.pending_of(request.session, request.user)
    if pending is None or pending.tenant_id != tenant.id or pending.stage != Stage.CONFIRMING:
        messages.error(request, ". ".join(map(str, NO_CONNECTION)))
        return redirect("tenants:connection", tenant.slug)
    try:
        questions = oauth_flow.questions(pending)
        data = request.POST if request.method == "POST" else None
        form = ConfirmConnectionForm(data, questions=questions)
        if form.is_valid():
            return _attach(request, tenant, pending, meant=form.cleaned_data.get("meant", False))
    except ChangeNotAllowed as error:
        is_english = isinstance(error, oauth_flow.AuthorizationUnusable)
        oauth_flow.end(pending, str(error) if is_english else "It could not be connected.")
        return _problem(request, _("Not connected"), str(error), tenant=tenant)
    context = {"tenant": tenant, "pending": pending, "form": form, "questions": questions}
    return render(request, "tenants/connect_confirm.html", {**context, "tab": "connection"})


def _begin(
    request: SignedInRequest, tenant: Tenant, pending: PendingConnection | None
) -> HttpResponse:
    if pending is not None and "instead" not in request.POST:
        return _way_page(request, tenant, pending, wants_another=True)
    if pending is not None:
        oauth_flow.end(pending, "Another connection was started in its place.")
    try:
        oauth_flow.begin(request.session, tenant, request.user, _redirect_uri(request))
    except ChangeNotAllowed as error:
        messages.error(request, " ".join([str(error), str(NOTHING_STORED)]))
        return redirect("tenants:connection", tenant.slug)
    return redirect("tenants:connect", tenant.slug)


def _redirect_uri(request: SignedInRequest) -> str:
    """Return the address that is registered at Lofty for this console's app."""
    app = oauth_app()
    configured = app.redirect_url if app else ""
    return configured or request.build_absolute_uri(reverse("tenants:oauth_callback"))


def _way_page(
    request: SignedInRequest,
    tenant: Tenant,
    pending: PendingConnection,
    *,
    wants_another: bool = False,
) -> HttpResponse:
    context = {
        "tenant": tenant,
        "pending": pending,
        "wants_another": wants_another,
        "authorise_url": oauth_flow.authorise_url(),
        "tab": "connection",
    }
    status = 409 if wants_another else 200
    return render(request, "tenants/connect.html", context, status=status)


def _answered(request: SignedInRequest, tenant: Tenant, pending: PendingConnection) -> HttpResponse:
    if tenant.is_archived:
        oauth_flow.end(pending, "The tenant was archived in the meantime.")
        message = _(
            "The tenant was archived in the meantime and can't be changed. Nothing was saved."
        )
        return _problem(request, _("This tenant is archived"), message, tenant=tenant)
    if request.GET.get("error"):
        oauth_flow.end(pending, "Access was denied in Lofty.")
        return _problem(
            request,
            _("Access was denied in Lofty"),
            _(
                "Access for this console was declined on Lofty's page. Nothing was saved. "
                "The previous connection is still in use."
            ),
            tenant=tenant,
        )
    code = request.GET.get("code", "")
    if not TOKEN.fullmatch(code):
        return _problem(
            request,
            _("Lofty's response has no valid code"),
            _("Nothing was saved. Go back to Lofty's page with “Continue”, or start again."),
            tenant=tenant,
        )
    return _exchanged(request, tenant, pending, code)


def _exchanged(
    request: SignedInRequest, tenant: Tenant, pending: PendingConnection, code: str
) -> HttpResponse:
    try:
        oauth_flow.exchange(pending, code)
    except ChangeNotAllowed as error:
        return _problem(request, _("This response could not be used"), str(error), tenant=tenant)
    except LoftyError as error:
        return _problem(
            request,
            _("Lofty did not complete the connection"),
            _("%(why)s Nothing was saved. The previous connection is still in use.")
            % {"why": f"{error.message} {error.advice}"},
            tenant=tenant,
        )
    return redirect(
        "tenants:connect_confirm", tenant.slug
    )  # leave the address that contains the code


def _used_already(request: SignedInRequest, pending: PendingConnection) -> HttpResponse:
    return _problem(
        request,
        _("Lofty's response was already used"),
        _("A response from Lofty works once. Opening it again saved nothing more."),
        tenant=pending.tenant,
        goes_on=True,
    )


def _attach(
    request: SignedInRequest, tenant: Tenant, pending: PendingConnection, *, meant: bool
) -> HttpResponse:
    try:
        stored = oauth_flow.confirm(pending, meant=meant)
    except ConfirmationRequired as error:
        # A question arose after the page was shown: ask again.
        form = ConfirmConnectionForm(questions=error.questions)
        context = {"tenant": tenant, "pending": pending, "form": form, "tab": "connection"}
        context["questions"] = error.questions
        return render(request, "tenants/connect_confirm.html", context, status=409)
    request.session.pop(oauth_flow.SESSION_KEY, None)
    messages.success(request, " ".join([_("The account is connected."), belongs_to(stored)]))
    return redirect("tenants:connection", tenant.slug)


def _problem(
    request: PageRequest,
    title: str,
    text: str,
    *,
    status: int = 400,
    tenant: Tenant | None = None,
    goes_on: bool = False,
) -> HttpResponse:
    context = {"title": title, "text": text, "tenant": tenant, "goes_on": goes_on}
    return render(request, "tenants/connect_problem.html", context, status=status)
