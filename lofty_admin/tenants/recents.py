"""A user's recently opened and pinned tenants: the palette offers these first."""

import logging
from collections.abc import Callable
from datetime import timedelta

from django.db import DatabaseError, transaction
from django.http import HttpResponse
from django.utils import timezone

from lofty_admin.accounts.models import User
from lofty_admin.tenants.http import PageRequest
from lofty_admin.tenants.models import Pin, Tenant, Visit

logger = logging.getLogger(__name__)
EXACT_TO = timedelta(minutes=1)
PAGES_SHOWN = (200, 502)  # 502: the page that explains why Lofty could not be read


class PageTenantMiddleware:
    """Record which tenant's page a user has opened, at most once a minute for each tenant.

    It must come before any middleware that may render a page, whose header asks for the tenant.
    """

    def __init__(self, get_response: Callable[[PageRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: PageRequest) -> HttpResponse:
        _set_no_tenant(request)
        response = self.get_response(request)
        tenant = request.tenant
        is_page = (
            request.method == "GET"
            and "HX-Request" not in request.headers
            and response.get("Content-Type", "").startswith("text/html")
        )
        if tenant is not None and is_page and response.status_code in PAGES_SHOWN:
            note_visit(request, tenant)
        return response


def _set_no_tenant(request: PageRequest) -> None:
    request.tenant = request.role = None


def note_visit(request: PageRequest, tenant: Tenant) -> None:
    """Record the visit: one query, and a second one if the last visit is over a minute ago."""
    if not isinstance(request.user, User):
        return
    now = timezone.now()
    try:
        lately = Visit.objects.filter(user=request.user, tenant=tenant, at__gt=now - EXACT_TO)
        if not lately.exists():
            _write(Visit(user=request.user, tenant=tenant, at=now))
    except DatabaseError:  # a convenience: the page must work without it
        logger.warning("A visit of tenant %s could not be recorded", tenant.slug, exc_info=True)


@transaction.atomic
def _write(visit: Visit) -> None:
    Visit.objects.bulk_create(
        [visit], update_conflicts=True, unique_fields=["user", "tenant"], update_fields=["at"]
    )


def is_pinned(user: User, tenant: Tenant) -> bool:
    return Pin.objects.filter(user=user, tenant=tenant).exists()


@transaction.atomic
def pin(user: User, tenant: Tenant) -> None:
    """Pin the tenant; pinning twice is fine. Not audited, like saved views: it grants nothing."""
    Pin.objects.get_or_create(user=user, tenant=tenant)


@transaction.atomic
def unpin(user: User, tenant: Tenant) -> None:
    Pin.objects.filter(user=user, tenant=tenant).delete()
