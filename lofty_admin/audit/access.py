"""Restrict views to superusers, whatever the tenant."""

from collections.abc import Callable
from functools import wraps

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from lofty_admin.audit.log.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record

_View = Callable[[HttpRequest], HttpResponse]


def require_superuser(request: HttpRequest) -> None:
    """Raise PermissionDenied, and record it, unless the user is an active superuser."""
    if request.user.is_active and request.user.is_superuser:
        return
    subject = f"{request.method} {request.path}"
    record(Kind.ACCESS_REFUSED, subject=subject, outcome=Outcome.REFUSED)
    raise PermissionDenied


def superuser_only(view: _View) -> _View:
    """Call `require_superuser` before the view."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        require_superuser(request)
        return view(request)

    return guarded
