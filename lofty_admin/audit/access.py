"""Restrict views to superusers, whatever the tenant."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse

from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.core.http import ConsoleRequest

_Request = TypeVar("_Request", bound=ConsoleRequest)


def require_superuser(request: ConsoleRequest) -> None:
    """Raise PermissionDenied, and record it, unless the user is an active superuser."""
    if request.user.is_active and request.user.is_superuser:
        return
    subject = f"{request.method} {request.path}"
    record(Kind.ACCESS_REFUSED, subject=subject, outcome=Outcome.REFUSED)
    raise PermissionDenied


def superuser_only(
    view: Callable[[_Request], HttpResponse],
) -> Callable[[_Request], HttpResponse]:
    """Call `require_superuser` before the view."""

    @wraps(view)
    def guarded(request: _Request) -> HttpResponse:
        require_superuser(request)
        return view(request)

    return guarded
