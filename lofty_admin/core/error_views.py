"""The pages for 400, 403, 404, 500, 503: what happened, what to do, the request id to quote."""

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lofty_admin.core.http import ConsoleRequest

_TEXTS = {
    400: (
        _("Bad request"),
        _("Nothing was changed and nothing was sent. Go back and try again."),
    ),
    403: (
        _("You don't have permission to do this"),
        _(
            "Nothing was changed and nothing was sent. Your role doesn't allow it, or the "
            "tenant is archived. If you need access, ask a manager of the tenant or a "
            "superuser."
        ),
    ),
    404: (
        _("Page not found"),
        _(
            "The page doesn't exist, or you don't have access to it. Check the address, "
            "or start from the list of tenants."
        ),
    ),
    500: (
        _("Something went wrong on our side"),
        _("If you were saving, check the tenant's history. It shows whether anything was sent."),
    ),
}


_OPEN_TOO_LONG = (
    _("This page was open for too long"),
    _("Nothing was changed and nothing was sent. Go back, reload the page, and try again."),
)
_TOO_BIG = (
    _("The form was too large"),
    _(
        "Nothing was changed and nothing was sent. Go back; your input is still there. "
        "Select fewer entries, choose all of them, or upload a smaller file."
    ),
)
_TOO_SLOW = (
    _("The request took too long to arrive"),
    _(
        "Nothing was changed and nothing was sent. Check your internet connection, go back, "
        "and try again."
    ),
)
_READ_ONLY = (
    _("The console is read-only"),
    _(
        "Nothing was changed and nothing was sent. The console's database is older than "
        "its last known checkpoint, as after a restore from a backup. You can view "
        "everything and sign out. The people who run this console must acknowledge it "
        "with the command audit_acknowledge_restore. Then go back and try again."
    ),
)


_TOO_MANY_REFUSALS = (
    _("Too many denied requests"),
    _(
        "Nothing was changed and nothing was sent. Too many of your requests were denied "
        "within a minute. Wait a minute, then try again."
    ),
)


_Texts = tuple[str | Promise, str | Promise]


def _page(request: ConsoleRequest, status: int, texts: _Texts | None = None) -> HttpResponse:
    # An error in the first middleware comes before the request has its id.
    return _rendered(status, texts or _TEXTS[status], getattr(request, "request_id", ""))


def _rendered(status: int, texts: _Texts, request_id: str) -> HttpResponse:
    title, advice = texts
    context = {"status": status, "title": title, "advice": advice, "request_id": request_id}
    # Rendered without context processors, because they may have caused the error.
    return HttpResponse(render_to_string("errorpages/error.html", context), status=status)


def bad_request(request: ConsoleRequest, exception: Exception | None = None) -> HttpResponse:
    too_big = isinstance(exception, RequestDataTooBig | TooManyFieldsSent)
    return _page(request, 400, _TOO_BIG if too_big else None)


def unreadable_request(status: int) -> HttpResponse:
    """Return the page for what the server refuses before Django: too slow or long, not HTTP."""
    return _rendered(status, {408: _TOO_SLOW, 413: _TOO_BIG}.get(status, _TEXTS[400]), "")


def forbidden(request: ConsoleRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 403)


def not_found(request: ConsoleRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 404)


def server_error(request: ConsoleRequest) -> HttpResponse:
    return _page(request, 500)


def open_too_long(request: ConsoleRequest) -> HttpResponse:
    return _page(request, 403, _OPEN_TOO_LONG)


def read_only(request: ConsoleRequest) -> HttpResponse:
    return _page(request, 503, _READ_ONLY)


def too_many_refusals(request: ConsoleRequest) -> HttpResponse:
    return _page(request, 429, _TOO_MANY_REFUSALS)
