"""Roles in one tenant, and its last manager."""

import pytest

from lofty_admin.accounts.models import User
from lofty_admin.audit.models import AuditEvent
from lofty_admin.tenants.access import memberships
from lofty_admin.tenants.errors import ChangeNotAllowed
from lofty_admin.tenants.models import (
    Membership,
    Role,
    Tenant,
)
from tests.support.lofty_users import kinds


def test_grant__new_then_other_then_same__recorded_as_it_was(acme: Tenant, outsider: User) -> None:
    memberships.grant(acme, outsider, Role.VIEWER)
    memberships.grant(acme, outsider, Role.EDITOR)
    with pytest.raises(ChangeNotAllowed, match="already has the role editor"):
        memberships.grant(acme, outsider, Role.EDITOR)
    assert Membership.objects.get(tenant=acme).role == Role.EDITOR
    assert kinds() == ["member.added", "member.changed"]
    last = AuditEvent.objects.latest("seq").content
    assert (last["before"], last["after"]) == ({"role": "Viewer"}, {"role": "Editor"})


def test_last_manager__lowered_or_removed__refused(acme: Tenant, owner: User, viewer: User) -> None:
    with pytest.raises(ChangeNotAllowed, match="last manager"):
        memberships.grant(acme, owner, Role.EDITOR)
    with pytest.raises(ChangeNotAllowed, match="last manager"):
        memberships.remove_member(acme.memberships.get(user=owner))
    memberships.grant(acme, viewer, Role.MANAGER)
    memberships.remove_member(acme.memberships.get(user=owner))
    assert [member.user for member in acme.memberships.all()] == [viewer]


def test_last_manager__the_other_one_is_deactivated__refused(
    acme: Tenant, owner: User, viewer: User
) -> None:
    memberships.grant(acme, viewer, Role.MANAGER)
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    with pytest.raises(ChangeNotAllowed, match="last manager"):
        memberships.remove_member(acme.memberships.get(user=owner))


def test_grant__deactivated_user__refused(acme: Tenant, outsider: User) -> None:
    outsider.is_active = False
    outsider.save()
    with pytest.raises(ChangeNotAllowed, match="deactivated"):
        memberships.grant(acme, outsider, Role.VIEWER)
