"""Roles and denials in a single tenant. A change and its audit record commit together."""

from django.db import transaction
from django.utils.translation import gettext as _

from lofty_admin.accounts.models import User
from lofty_admin.audit.context import is_acting
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.tenants.access.explained import people_of
from lofty_admin.tenants.errors import ChangeNotAllowed, locked
from lofty_admin.tenants.models import Grant, Membership, Role, Tenant

DENIED = "Denied"  # as recorded


def grant(tenant: Tenant, user: User, role: Role, *, over_denial: bool = False) -> Membership:
    """Assign `user` this role in the tenant, replacing any other one.

    Raises ChangeNotAllowed for an archived tenant, a deactivated user, the role they have already,
    for lowering the last manager, for raising one's own role, and for a user who is denied this
    tenant, unless a superuser ends the denial with `over_denial`.
    """
    with transaction.atomic():
        row = locked(tenant)
        if not user.is_active:
            raise ChangeNotAllowed(deactivated(user))
        held = row.memberships.filter(user=user).first()
        if held and held.role == role:
            words = {"person": user, "role": role.label.lower()}
            raise ChangeNotAllowed(_("%(person)s already has the role %(role)s.") % words)
        if held is None or held.role < role:
            refuse_oneself(user)
        if held and held.role == Role.MANAGER:
            _keep_one_manager(row, user)
        before = _end_denial(row, user, over_denial) or level(held)
        membership, _new = Membership.objects.update_or_create(
            user=user, tenant=row, defaults={"role": role}
        )
        record_right(user, before, level(membership), tenant=row)
    return membership


def remove_member(membership: Membership) -> None:
    """Remove a user's access. Raises ChangeNotAllowed for an archived tenant and a last manager."""
    with transaction.atomic():
        row = locked(membership.tenant)
        held = row.memberships.select_related("user").filter(pk=membership.pk).first()
        if held is None:
            raise ChangeNotAllowed(_("This user no longer has access."))
        if held.role == Role.MANAGER:
            _keep_one_manager(row, held.user)
        held.delete()
        record_right(held.user, level(held), None, tenant=row)


def deny(tenant: Tenant, user: User) -> None:
    """Deny `user` access to the tenant, overriding every role; a role in this tenant is removed.

    Raises ChangeNotAllowed for oneself, an archived tenant, and a user who is already denied.
    """
    with transaction.atomic():
        row = locked(tenant)
        refuse_oneself(user)
        held = row.memberships.filter(user=user).first()
        _row, is_new = Grant.objects.get_or_create(user=user, tenant=row)
        if not is_new:
            words = {"person": user, "place": row.name}
            raise ChangeNotAllowed(_("%(person)s is already denied access to %(place)s.") % words)
        row.memberships.filter(user=user).delete()
        record_right(user, level(held), DENIED, tenant=row)


def lift_denial(tenant: Tenant, user: User) -> None:
    """Undo `deny`, without assigning a role.

    Raises ChangeNotAllowed when there is no denial, for oneself, and for an archived tenant.
    """
    with transaction.atomic():
        row = locked(tenant)
        refuse_oneself(user)
        if _end_denial(row, user, over_denial=True) is None:
            words = {"person": user, "place": row.name}
            raise ChangeNotAllowed(_("%(person)s is no longer denied access to %(place)s.") % words)
        record_right(user, DENIED, None, tenant=row)


def _end_denial(tenant: Tenant, user: User, over_denial: bool) -> str | None:
    denial = Grant.objects.filter(user=user, tenant=tenant)
    if denial and not over_denial:
        words = _(
            "A superuser denied %(person)s access to this tenant. Only a superuser can change that."
        )
        raise ChangeNotAllowed(words % {"person": user})
    return DENIED if denial.delete()[0] else None


def _keep_one_manager(tenant: Tenant, leaving: User) -> None:
    managers = {one.user for one in people_of(tenant) if one.role == Role.MANAGER}
    if not managers - {leaving}:
        words = _("%(person)s is the last manager of %(place)s. Add another manager first.")
        raise ChangeNotAllowed(words % {"person": leaving, "place": tenant.name})


def level(held: Membership | Grant | None) -> str | None:
    """Return what is held as the record writes it: a role's name, "Denied", or None for nothing."""
    if held is None:
        return None
    return DENIED if held.role is None else Role(held.role).name.capitalize()


def refuse_oneself(user: User) -> None:
    """Raise ChangeNotAllowed if `user` is the acting user: no one may change their own rights."""
    if is_acting(user):
        raise ChangeNotAllowed(
            _("You can't change your own access. Ask another manager or a superuser.")
        )


def deactivated(user: User) -> str:
    """Explain why a deactivated user cannot get a role."""
    return _("%(person)s is deactivated and can't be given access.") % {"person": user}


def record_right(
    user: User,
    before: str | None,
    after: str | None,
    *,
    tenant: Tenant | None = None,
    scope: str | None = None,
) -> None:
    """Record that a right of `user` changed from `before` to `after`, both as returned by `level`.

    `scope` describes what the right is for, if not for one tenant.
    """
    place: dict[str, JSON] = {"for": scope} if scope else {}
    record(
        _kind_of_change(before, after),
        tenant=tenant.ref if tenant else None,
        subject=user.email,
        outcome=Outcome.DONE,
        before={"role": before, **place} if before else None,
        after={"role": after, **place} if after else None,
    )


def _kind_of_change(before: str | None, after: str | None) -> Kind:
    if after == DENIED:
        return Kind.ACCESS_DENIED
    if after is None:
        return Kind.DENIAL_LIFTED if before == DENIED else Kind.MEMBER_REMOVED
    return Kind.MEMBER_CHANGED if before else Kind.MEMBER_ADDED
