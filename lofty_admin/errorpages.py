"""The pages for 400, 403, 404 and 500: what happened, what to do, and the request id to quote."""

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from lofty_admin.audit.context import current_request_id

_TEXTS = {
    400: (
        "The request could not be read",
        "Nothing was changed and nothing was sent. Go back and try once more.",
    ),
    403: (
        "You may not do this",
        (
            "Nothing was changed and nothing was sent. If you should be able to, ask a manager of"
            " this tenant for the right."
        ),
    ),
    404: (
        "There is no such page",
        (
            "Or it is there and you have no access to it. Check the address, or start from the list"
            " of tenants."
        ),
    ),
    500: (
        "Something went wrong on our side",
        "If you were saving: open the history of the tenant, it shows whether anything was sent.",
    ),
}


def _page(request: HttpRequest, status: int) -> HttpResponse:
    title, advice = _TEXTS[status]
    # Rendered without context processors: they may be what failed.
    html = render_to_string(
        "errorpages/error.html",
        {
            "status": status,
            "title": title,
            "advice": advice,
            "request_id": current_request_id(),
        },
    )
    return HttpResponse(html, status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    return _page(request, 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    title = "This page has been open too long"
    advice = "Nothing was changed and nothing was sent. Go back, reload the page and try once more."
    html = render_to_string(
        "errorpages/error.html",
        {"status": 403, "title": title, "advice": advice, "request_id": current_request_id()},
    )
    return HttpResponse(html, status=403)
