"""A user's effective access to a tenant and the reasons for it: what `permissions.py` decides."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from lofty_admin.accounts.models import User
from lofty_admin.accounts.services import working_superusers
from lofty_admin.tenants.access.permissions import effective_role
from lofty_admin.tenants.models import Grant, Group, Membership, Role, Tenant, role_in_words


@dataclass(frozen=True)
class AccessReason:
    """One membership or grant that affects a user's access to a tenant; `role` None denies."""

    role: Role | None
    where: str

    def __str__(self) -> str:
        if self.role:
            return role_in_words(self.role, self.where)
        return _("Denied %(place)s") % {"place": self.where}


@dataclass(frozen=True)
class EffectiveAccess:
    """A user's access to one tenant, with its reasons.

    `membership` is the single role in this tenant, if any: everything else comes from grants and
    can only be changed by a superuser.
    """

    user: User
    tenant: Tenant
    reasons: tuple[AccessReason, ...]
    membership: Membership | None = None

    @property
    def role(self) -> Role | None:
        """Return the same role as `permissions.role_of(user, tenant)`."""
        if not self.user.is_active:
            return None
        if self.user.is_superuser:
            return Role.MANAGER
        return effective_role(reason.role for reason in self.reasons)

    @property
    def denied(self) -> bool:
        return not self.user.is_superuser and any(one.role is None for one in self.reasons)

    @property
    def by_grant(self) -> bool:
        """Return whether any grant applies in addition to the membership."""
        return len(self.reasons) > bool(self.membership)

    @property
    def explanation(self) -> list[str]:
        """Return the reasons in words, the deciding ones first."""
        if self.user.is_superuser:
            return [_("Superuser")]
        ordered = sorted(self.reasons, key=lambda one: (one.role is not None, -(one.role or 0)))
        return [str(reason) for reason in ordered]


def effective_access_of(user: User, tenants: Sequence[Tenant]) -> list[EffectiveAccess]:
    """Return the access of `user` to each of `tenants`, in their order. Three queries."""
    said: defaultdict[UUID, list[AccessReason]] = defaultdict(list)
    members = Membership.objects.filter(user=user, tenant__in=tenants).order_by()
    memberships = {member.tenant_id: member for member in members}
    for tenant_id, member in memberships.items():
        said[tenant_id].append(_by_membership(member))
    for grant, tenant_ids in _reach(user, tenants):
        for tenant_id in tenant_ids:
            said[tenant_id].append(_by_grant(grant))
    return [
        EffectiveAccess(user, tenant, tuple(said[tenant.pk]), memberships.get(tenant.pk))
        for tenant in tenants
    ]


def people_of(tenant: Tenant) -> list[EffectiveAccess]:
    """Return all users with a membership or grant for `tenant`, by name; superusers only if so."""
    members = list(tenant.memberships.select_related("user"))
    grants = Grant.objects.covering(tenant).select_related("user", "group", "tenant")
    people: dict[int, User] = {}
    said: defaultdict[int, list[AccessReason]] = defaultdict(list)
    for row in (*members, *grants):
        people[row.user_id] = row.user
        reason = _by_membership(row) if isinstance(row, Membership) else _by_grant(row)
        said[row.user_id].append(reason)
    memberships = {member.user_id: member for member in members}
    return [
        EffectiveAccess(user, tenant, tuple(said[user.pk]), memberships.get(user.pk))
        for user in sorted(people.values(), key=lambda user: user.folded)
    ]


def managers_of(tenant: Tenant) -> list[User]:
    """Return the users who can store a token for `tenant`: its managers, or else the superusers."""
    managers = [one.user for one in people_of(tenant) if one.role == Role.MANAGER]
    return managers or list(working_superusers())


def _reach(user: User, tenants: Sequence[Tenant]) -> Iterator[tuple[Grant, Iterable[UUID]]]:
    """Yield each grant of `user` with the ids of those `tenants` that it applies to."""
    grants = list(Grant.objects.filter(user=user).select_related("group", "tenant"))
    groups = {grant.group_id for grant in grants if grant.group_id}
    members: defaultdict[UUID | None, list[UUID]] = defaultdict(list)
    rows = Group.tenants.through.objects.filter(group__in=groups, tenant__in=tenants)
    for group_id, tenant_id in rows.values_list("group_id", "tenant_id"):
        members[group_id].append(tenant_id)
    for grant in grants:
        if grant.tenant_id:
            yield grant, [grant.tenant_id]
        elif grant.group_id:
            yield grant, members[grant.group_id]
        else:
            yield grant, [tenant.pk for tenant in tenants]


def _by_membership(member: Membership) -> AccessReason:
    return AccessReason(Role(member.role), _("this tenant"))


def _by_grant(grant: Grant) -> AccessReason:
    where = _("this tenant") if grant.tenant_id else grant.where
    return AccessReason(None if grant.role is None else Role(grant.role), where)
