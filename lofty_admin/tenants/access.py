"""Who may touch which tenant. Every view asks here first; nothing else decides."""

from typing import TypeGuard, cast

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from lofty_admin.accounts.models import User
from lofty_admin.audit import access as of_the_log
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.record import record
from lofty_admin.tenants.models import Membership, Role, Tenant

ROLE_KEY = "console.tenant_role"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


def get_tenant(request: HttpRequest, slug: str, role: Role) -> Tenant:
    """The tenant, if the signed-in person has at least `role` there; a superuser has every role.

    Raises Http404 when there is no such tenant or the person has nothing to do with it, and
    PermissionDenied when their role is too low or somebody tries to write to an archived tenant.
    A refusal about a tenant that exists is recorded.
    """
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise Http404
    held = role_of(request.user, tenant)
    if held is None:
        _record_refusal(request, tenant, "has no access to this tenant")
        raise Http404
    if held < role:
        _record_refusal(request, tenant, f"is {held.label.lower()}, needs {role.label.lower()}")
        raise PermissionDenied
    if tenant.is_archived and role > Role.VIEWER and request.method not in _READING:
        _record_refusal(request, tenant, "the tenant is archived")
        raise PermissionDenied
    request.META[ROLE_KEY] = held  # for the templates: see context.py
    return tenant


def is_superuser(user: User | AnonymousUser) -> TypeGuard[User]:
    """Whether this is somebody who may do everything, and still may sign in."""
    return isinstance(user, User) and user.is_active and user.is_superuser


def require_superuser(request: HttpRequest) -> User:
    """The signed-in superuser; PermissionDenied, recorded, for everybody else."""
    of_the_log.require_superuser(request)
    return cast(User, request.user)


def role_of(user: User | AnonymousUser, tenant: Tenant) -> Role | None:
    """The role of `user` in `tenant`; None for somebody without one or deactivated."""
    if not isinstance(user, User) or not user.is_active:
        return None
    if user.is_superuser:
        return Role.MANAGER
    membership = Membership.objects.filter(user=user, tenant=tenant).first()
    return Role(membership.role) if membership else None


def visible_tenants(user: User | AnonymousUser) -> QuerySet[Tenant]:
    """The tenants `user` may at least look at, archived ones too, by name."""
    if not isinstance(user, User) or not user.is_active:
        return Tenant.objects.none()
    if user.is_superuser:
        return Tenant.objects.all()
    return Tenant.objects.filter(memberships__user=user)


def _record_refusal(request: HttpRequest, tenant: Tenant, reason: str) -> None:
    record(
        Kind.ACCESS_REFUSED,
        tenant=tenant.ref,
        subject=f"{request.method} {request.path}",
        outcome=Outcome.REFUSED,
        detail={"because": reason},
    )
