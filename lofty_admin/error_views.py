"""The pages for 400, 403, 404, 500, 503: what happened, what to do, the request id to quote."""

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lofty_admin.audit.log.context import current_request_id
from lofty_admin.audit.proof.restore_guard import last_known_state
from lofty_admin.core.http import ConsoleRequest

_TEXTS = {
    400: (
        _("The request could not be read"),
        _("Nothing was changed and nothing was sent. Go back and try once more."),
    ),
    403: (
        _("You may not do this"),
        _(
            "Nothing was changed and nothing was sent. Your role does not allow it, or the tenant"
            " is archived. If you should be able to, ask a manager of the tenant or a superuser."
        ),
    ),
    404: (
        _("There is no such page"),
        _(
            "Or it is there and you have no access to it. Check the address, or start from the list"
            " of tenants."
        ),
    ),
    500: (
        _("Something went wrong on our side"),
        _(
            "If you were saving: open the history of the tenant, it shows whether anything was"
            " sent."
        ),
    ),
}


_OPEN_TOO_LONG = (
    _("This page has been open too long"),
    _("Nothing was changed and nothing was sent. Go back, reload the page and try once more."),
)
_TOO_BIG = (
    _("The form was too big"),
    _(
        "Nothing was changed and nothing was sent. Go back: what you entered is still there."
        " Select fewer entries, choose all of them by name, or upload a smaller file."
    ),
)
_TOO_SLOW = (
    _("The request took too long to arrive"),
    _("Nothing was changed and nothing was sent. Check your connection, go back and try again."),
)
_READ_ONLY = (
    _("The console is read-only for now"),
    _(
        "Nothing was changed and nothing was sent. The console's database is older than what is"
        " known of it outside, as after a restore from a backup. You can look at everything and"
        " sign out. Whoever runs the console must look and acknowledge it with the command"
        " audit_acknowledge_restore; then go back and try once more."
    ),
)


_TOO_MANY_REFUSALS = (
    _("Too many refused requests"),
    _(
        "Nothing was changed and nothing was sent. Requests from you were refused many times within"
        " a minute, so the console does not handle more of them now. Wait a minute."
    ),
)


def _page(status: int, texts: tuple[str | Promise, str | Promise] | None = None) -> HttpResponse:
    title, advice = texts or _TEXTS[status]
    # Rendered without context processors, because they may have caused the error.
    html = render_to_string(
        "errorpages/error.html",
        {
            "status": status,
            "title": title,
            "advice": advice,
            "request_id": current_request_id(),
            "read_only_because": last_known_state(),
        },
    )
    return HttpResponse(html, status=status)


def bad_request(request: ConsoleRequest, exception: Exception | None = None) -> HttpResponse:
    too_big = isinstance(exception, RequestDataTooBig | TooManyFieldsSent)
    return _page(400, _TOO_BIG if too_big else None)


def unreadable_request(status: int) -> HttpResponse:
    """Return the page for what the server refuses before Django: too slow or long, not HTTP."""
    return _page(status, {408: _TOO_SLOW, 413: _TOO_BIG}.get(status, _TEXTS[400]))


def forbidden(request: ConsoleRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(403)


def not_found(request: ConsoleRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(404)


def server_error(request: ConsoleRequest) -> HttpResponse:
    return _page(500)


def open_too_long(request: ConsoleRequest) -> HttpResponse:
    return _page(403, _OPEN_TOO_LONG)


def read_only(request: ConsoleRequest) -> HttpResponse:
    return _page(503, _READ_ONLY)


def too_many_refusals(request: ConsoleRequest) -> HttpResponse:
    return _page(429, _TOO_MANY_REFUSALS)
