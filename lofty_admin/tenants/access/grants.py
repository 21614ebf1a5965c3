"""Roles and denials that superusers assign: in one tenant, in a group of tenants, in all tenants.

A change and its audit record commit together. A user has at most one grant per scope.
"""

from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from lofty_admin.accounts.models import User
from lofty_admin.tenants.access import memberships
from lofty_admin.tenants.errors import ChangeNotAllowed
from lofty_admin.tenants.models import Grant, Group, Membership, Role, Tenant, group_in_words


@dataclass(frozen=True)
class Scope:
    """One tenant, one group, or, with neither, all tenants, including future ones.

    As a str it is English, as in the audit record; `in_words` is for pages.
    """

    tenant: Tenant | None = None
    group: Group | None = None

    def __str__(self) -> str:
        if self.tenant:
            return self.tenant.name
        return f"the group {self.group.name}" if self.group else "all tenants"

    @property
    def in_words(self) -> str:
        return self.tenant.name if self.tenant else group_in_words(self.group)


def assign(user: User, scope: Scope, role: Role) -> None:
    """Assign `user` this role in the scope, replacing their role or denial in the same scope.

    Raises ChangeNotAllowed for oneself, a deactivated user, an archived tenant, the role held
    already, and for lowering a tenant's last manager.
    """
    memberships.refuse_oneself(user)
    if scope.tenant:
        memberships.grant(scope.tenant, user, role, over_denial=True)
        return
    if not user.is_active:
        raise ChangeNotAllowed(memberships.deactivated(user))
    _change(user, scope, role)


def deny(user: User, scope: Scope) -> None:
    """Deny `user` access in the scope, overriding every role; a role in the same scope is removed.

    Raises ChangeNotAllowed for oneself, an archived tenant, and an existing denial.
    """
    memberships.refuse_oneself(user)
    if scope.tenant:
        memberships.deny(scope.tenant, user)
    else:
        _change(user, scope, None)


def revoke(user: User, scope: Scope) -> None:
    """Remove the role or the denial that `user` has in this scope; other scopes stay as they are.

    Raises ChangeNotAllowed for oneself, an archived tenant, when there is nothing to remove, and
    for a tenant's last manager.
    """
    memberships.refuse_oneself(user)
    if scope.tenant:
        _take_away_in(scope.tenant, user)
        return
    with transaction.atomic():
        held = _locked(user, scope)
        if held is None:
            words = _("%(person)s no longer has a role of their own for %(place)s.")
            raise ChangeNotAllowed(words % {"person": user, "place": scope.in_words})
        held.delete()
        memberships.record_right(user, memberships.level(held), None, scope=str(scope))


def _take_away_in(tenant: Tenant, user: User) -> None:
    member = Membership.objects.filter(user=user, tenant=tenant).first()
    if member:
        memberships.remove_member(member)
    else:
        memberships.lift_denial(tenant, user)


def _change(user: User, scope: Scope, role: Role | None) -> None:
    with transaction.atomic():
        held = _locked(user, scope)
        if held and held.role == role:
            words = _("%(person)s already has this role for %(place)s.")
            raise ChangeNotAllowed(words % {"person": user, "place": scope.in_words})
        before = memberships.level(held)
        held = held or Grant(user=user, group=scope.group)
        held.role = role
        held.save()
        memberships.record_right(user, before, memberships.level(held), scope=str(scope))


def _locked(user: User, scope: Scope) -> Grant | None:
    """Lock the user, so that changes of their rights queue, and return their grant in the scope."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    return Grant.objects.filter(user=user, tenant=None, group=scope.group).first()
