"""What only superusers may do or see, whatever the tenant."""

from collections.abc import Callable
from functools import wraps

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from lofty_admin.audit.log.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record

_View = Callable[[HttpRequest], HttpResponse]


def require_superuser(request: HttpRequest) -> None:
    """For everybody but an active superuser: PermissionDenied, recorded."""
    if request.user.is_active and request.user.is_superuser:
        return
    subject = f"{request.method} {request.path}"
    record(Kind.ACCESS_REFUSED, subject=subject, outcome=Outcome.REFUSED)
    raise PermissionDenied


def superuser_only(view: _View) -> _View:
    """`require_superuser` as the first thing the view does."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        require_superuser(request)
        return view(request)

    return guarded
