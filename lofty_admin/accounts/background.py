"""Answer a script's requests with a status it can act on, never with a sign-in page."""

from urllib.parse import urlsplit

from django.http import HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from lofty_admin.core.http import ConsoleRequest


def is_background(request: ConsoleRequest) -> bool:
    """Return whether a page's script makes this request, not a user with a link or form."""
    if request.htmx or request.headers.get("Sec-Fetch-Dest") == "empty":
        return True
    accepts = request.headers.get("Accept", "")
    return "application/json" in accepts and "text/html" not in accepts


def signed_out(request: ConsoleRequest) -> HttpResponse:
    """Return 401: the session has ended, or the page was rendered before the user signed in again.

    static/session.js then keeps the page as it is and offers to sign in.
    """
    words = _(
        "You were signed out. Nothing was sent. What you typed is still on the page. Sign "
        "in in another tab, then continue here."
    )
    address = f"{reverse('account_login')}?{urlencode({'next': _page(request)})}"
    if request.htmx:
        return HttpResponse(words, status=401, content_type="text/plain; charset=utf-8")
    return JsonResponse({"error": words, "sign_in": address}, status=401)


def _page(request: ConsoleRequest) -> str:
    """Return the path of the script's page; the home page if the browser does not send it."""
    page = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    parts = urlsplit(page)
    if parts.netloc != request.get_host():
        return reverse("fleet:home")
    return parts._replace(scheme="", netloc="", fragment="").geturl() or reverse("fleet:home")
