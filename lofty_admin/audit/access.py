"""Who may see pages about the whole log."""

from collections.abc import Callable
from functools import wraps

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.record import record

_View = Callable[[HttpRequest], HttpResponse]


def superuser_only(view: _View) -> _View:
    """For everybody but an active superuser: PermissionDenied, recorded."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        if not (request.user.is_active and request.user.is_superuser):
            subject = f"{request.method} {request.path}"
            record(Kind.ACCESS_REFUSED, subject=subject, outcome=Outcome.REFUSED)
            raise PermissionDenied
        return view(request)

    return guarded
