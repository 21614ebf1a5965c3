"""Replace characters that no database can store in the input of a request."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.utils.translation import gettext as _

NUL, INSTEAD = "\x00", "\ufffd"
_View = Callable[..., HttpResponseBase]


class StorableInputMiddleware:
    """Replace NUL in query strings and forms, because PostgreSQL refuses it in any text.

    No keyboard can type a NUL, so no view has to expect one. It becomes the replacement character,
    as bytes that aren't UTF-8 do: the rest of the input stays, and the view reports what is wrong
    with it. A path with NUL gets a 404, because no URL has one.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: _View, view_args: object, view_kwargs: object
    ) -> None:
        if NUL in request.path:
            raise Http404
        request.GET = _storable(request.GET)
        if request.method == "POST":
            request.POST = _storable(request.POST)


def refuse_unreadable(text: str) -> None:
    """Raise ValidationError if a name or a note has a character that arrived as no character."""
    if INSTEAD in text:
        raise ValidationError(
            _("This contains a character that could not be read (�). Remove it and try again.")
        )


def _storable(sent: Any) -> Any:
    """Return the same QueryDict, or a copy without NUL if it has any."""
    if not any(NUL in text for name, values in sent.lists() for text in (name, *values)):
        return sent
    clean = QueryDict(mutable=True)
    for name, values in sent.lists():
        clean.setlist(_replaced(name), [_replaced(value) for value in values])
    return clean


def _replaced(text: str) -> str:
    return text.replace(NUL, INSTEAD)
