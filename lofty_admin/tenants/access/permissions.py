"""Permissions on tenants. Every view checks here first; nothing else decides."""

from collections.abc import Iterable
from typing import TypeGuard, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.http import Http404

from lofty_admin.accounts.models import User
from lofty_admin.audit import access as of_the_log
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.core.searching import mentioning
from lofty_admin.tenants.http import SignedInRequest
from lofty_admin.tenants.models import Grant, Group, Membership, Role, Tenant

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_IN_GROUP = Group.tenants.through
_NOWHERE = Q(pk__in=[])
_Row = TypeVar("_Row", bound=Model)


def get_tenant(request: SignedInRequest, slug: str, role: Role, *, of_page: bool = True) -> Tenant:
    """Return the tenant if the signed-in user has at least `role` in it.

    Superusers have every role. of_page: the page is about this tenant, and does not just need it in
    addition.

    Raises Http404 when there is no such tenant or the user has no access to it, and
    PermissionDenied when their role is too low or the request would write to an archived tenant. A
    refusal about an existing tenant is recorded.
    """
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise Http404
    held = role_of(request.user, tenant)
    if held is None:
        _record_refusal(request, tenant, "has no access to this tenant")
        raise Http404
    if held < role:
        _record_refusal(request, tenant, f"is {held.name.lower()}, needs {role.name.lower()}")
        raise PermissionDenied
    if tenant.is_archived and role > Role.VIEWER and request.method not in _READING:
        _record_refusal(request, tenant, "the tenant is archived")
        raise PermissionDenied
    if of_page:
        request.tenant, request.role = tenant, held  # for the header and the recent tenants
    return tenant


def is_superuser(user: User | AnonymousUser) -> TypeGuard[User]:
    """Return whether the user has all permissions and can still sign in."""
    return isinstance(user, User) and user.is_active and user.is_superuser


def get_related_or_404(
    request: SignedInRequest, tenant: Tenant, rows: QuerySet[_Row], **which: object
) -> _Row:
    """Return the tenant's row matching `which`, or raise Http404.

    A request for another tenant's row is recorded: only a made-up address asks for one.
    """
    found = rows.filter(**which)
    row = found.filter(tenant_id=tenant.pk).first()
    if row is None:
        if found.exists():
            _record_refusal(request, tenant, "requested an object of another tenant")
        raise Http404
    return row


def require_superuser(request: SignedInRequest) -> User:
    """Return the signed-in superuser. Raises PermissionDenied for others, and records it."""
    of_the_log.require_superuser(request)
    return request.user


def role_of(user: User | AnonymousUser, tenant: Tenant) -> Role | None:
    """Return the effective role of `user` in `tenant`, or None without one or if deactivated."""
    if not isinstance(user, User) or not user.is_active:
        return None
    if user.is_superuser:
        return Role.MANAGER
    own = Membership.objects.filter(user=user, tenant=tenant).order_by().values_list("role")
    granted = Grant.objects.filter(user=user).covering(tenant).order_by().values_list("role")
    return effective_role(role for (role,) in own.union(granted))


def may_edit(user: User, tenant: Tenant) -> bool:
    """Return whether to offer changes; the views that make them call `get_tenant` again."""
    role = role_of(user, tenant)
    return role is not None and role >= Role.EDITOR and not tenant.is_archived


def effective_role(held: Iterable[int | None]) -> Role | None:
    """Return the role that results from all memberships and grants of a user in one tenant.

    A denial (None among `held`) overrides every role; otherwise the highest role counts. None also
    when there are none.
    """
    roles = set(held)
    return Role(max(role or 0 for role in roles)) if roles and None not in roles else None


def visible_tenants(user: User | AnonymousUser) -> QuerySet[Tenant]:
    """Return the tenants `user` can at least view, including archived ones, by name."""
    if not isinstance(user, User) or not user.is_active:
        return Tenant.objects.none()
    if user.is_superuser:
        return Tenant.objects.all()
    own = Membership.objects.filter(user=user, tenant=OuterRef("pk"))
    # Load the grants first: most users have none, and joining every kind of grant is slow to plan.
    grants = list(Grant.objects.filter(user=user).order_by())
    if not grants:
        return Tenant.objects.filter(Exists(own))
    allowed = Q(Exists(own)) | _reached_by(grant for grant in grants if not grant.denies)
    return Tenant.objects.filter(allowed, ~_reached_by(grant for grant in grants if grant.denies))


def search_by_name(tenants: QuerySet[Tenant], text: str) -> QuerySet[Tenant]:
    """Return the tenants with every word of `text` in their name or short name."""
    return mentioning(tenants, text, "folded", "slug")


def denied_tenants(user: User) -> QuerySet[Tenant]:
    """Return the tenants that a denial hides from `user`, whatever roles they have."""
    if user.is_superuser:
        return Tenant.objects.none()
    return Tenant.objects.filter(_reached_by(Grant.objects.filter(user=user, role=None)))


def _reached_by(grants: Iterable[Grant]) -> Q:
    """Build a tenant filter that matches the scope of any of `grants`."""
    places = [(grant.tenant_id, grant.group_id) for grant in grants]
    if (None, None) in places:
        return ~_NOWHERE
    reached = Q(pk__in=[tenant for tenant, _ in places if tenant])
    groups = [group for _, group in places if group]
    in_group = _IN_GROUP.objects.filter(tenant=OuterRef("pk"), group__in=groups)
    return reached | Q(Exists(in_group)) if groups else reached


def _record_refusal(request: SignedInRequest, tenant: Tenant, reason: str) -> None:
    record(
        Kind.ACCESS_REFUSED,
        tenant=tenant.ref,
        subject=f"{request.method} {request.path}",
        outcome=Outcome.REFUSED,
        detail={"because": reason},
    )
