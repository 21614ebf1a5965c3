"""Roles in a tenant, in a group, and everywhere; denials win."""

import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lofty_admin.accounts.models import User
from lofty_admin.audit.context import acting_as, person
from lofty_admin.audit.models import AuditEvent
from lofty_admin.tenants import services
from lofty_admin.tenants.access import grants, memberships
from lofty_admin.tenants.access.explained import effective_access_of, people_of
from lofty_admin.tenants.access.grants import Scope
from lofty_admin.tenants.access.permissions import denied_tenants, role_of, visible_tenants
from lofty_admin.tenants.errors import ChangeNotAllowed
from lofty_admin.tenants.models import Grant, Group, Membership, Role, Tenant
from tests.support.lofty_users import kinds
from tests.support.users import make_user

LEVELS = [None, *Role]  # None denies
TENANTS, GROUPS = range(3), range(2)


@dataclass
class World:
    """What is said about one person, as plain Python."""

    members: dict[int, set[int]]  # group -> its tenants
    own: dict[int, Role]
    denied: set[int]
    by_group: dict[int, Role | None]
    everywhere: tuple[()] | tuple[Role | None]
    archived: set[int] = field(default_factory=set)
    superuser: bool = False
    active: bool = True

    def role(self, tenant: int) -> Role | None:
        """The rule, said naively."""
        if not self.active:
            return None
        if self.superuser:
            return Role.MANAGER
        said: list[Role | None] = list(self.everywhere)
        said += [level for group, level in self.by_group.items() if tenant in self.members[group]]
        said += [None] if tenant in self.denied else []
        said += [self.own[tenant]] if tenant in self.own else []
        roles = [level for level in said if level is not None]
        return max(roles) if len(roles) == len(said) > 0 else None


tenants, groups = st.sampled_from(list(TENANTS)), st.sampled_from(list(GROUPS))
worlds = st.builds(
    World,
    members=st.fixed_dictionaries({group: st.sets(tenants) for group in GROUPS}),
    own=st.dictionaries(tenants, st.sampled_from(list(Role))),
    denied=st.sets(tenants),
    by_group=st.dictionaries(groups, st.sampled_from(LEVELS)),
    everywhere=st.one_of(st.just(()), st.tuples(st.sampled_from(LEVELS))),
    archived=st.sets(tenants),
    superuser=st.sampled_from([False, False, False, True]),
    active=st.sampled_from([True, True, True, False]),
)


def build(world: World) -> tuple[User, list[Tenant]]:
    user = make_user("someone@example.com", "Someone")
    User.objects.filter(pk=user.pk).update(is_superuser=world.superuser, is_active=world.active)
    other = make_user("other@example.com", "Other")
    made = [Tenant.objects.create(slug=f"t{number}", name=f"T{number}") for number in TENANTS]
    for number in world.archived:
        Tenant.objects.filter(slug=f"t{number}").update(status="archived")
    for number, inside in world.members.items():
        group = Group.objects.create(slug=f"g{number}", name=f"G{number}")
        group.tenants.set([made[member] for member in inside])
        # Another user's rights, which must not count.
        Grant.objects.create(user=other, group=group, role=None if number else Role.MANAGER)
        if number in world.by_group:
            Grant.objects.create(user=user, group=group, role=world.by_group[number])
    for number, role in world.own.items():
        Membership.objects.create(user=user, tenant=made[number], role=role)
    for number in world.denied:
        Grant.objects.create(user=user, tenant=made[number])
    for role_everywhere in world.everywhere:
        Grant.objects.create(user=user, role=role_everywhere)
    user.refresh_from_db()
    return user, made


@pytest.mark.django_db
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(world=worlds)
def test_permissions__any_combination__as_the_naive_rule_says(world: World) -> None:
    with transaction.atomic():
        user, made = build(world)
        expected = [world.role(number) for number in TENANTS]
        assert [role_of(user, tenant) for tenant in made] == expected
        seen = set(visible_tenants(user).values_list("slug", flat=True))
        assert seen == {f"t{number}" for number in TENANTS if expected[number]}
        accesses = effective_access_of(user, made)
        assert [one.role for one in accesses] == expected
        denied = set(denied_tenants(user).values_list("slug", flat=True))
        assert denied == {one.tenant.slug for one in accesses if one.denied}
        for tenant, access in zip(made, accesses, strict=True):
            found = [one for one in people_of(tenant) if one.user == user]
            assert [set(one.reasons) for one in found] == (
                [set(access.reasons)] if access.reasons else []
            )
        transaction.set_rollback(True)


# --- what covers what -----------------------------------------------------------------------------
@pytest.fixture
def west(acme: Tenant) -> Group:
    group = Group.objects.create(slug="west", name="West")
    group.tenants.add(acme)
    return group


def test_group__gets_a_new_tenant__covered_at_once(
    west: Group, outsider: User, globex: Tenant
) -> None:
    grants.assign(outsider, Scope(group=west), Role.EDITOR)
    new = Tenant.objects.create(slug="new-one", name="New One")
    assert role_of(outsider, new) is None
    west.tenants.add(new)
    assert role_of(outsider, new) == Role.EDITOR
    assert new in visible_tenants(outsider)


def test_all_tenants__a_new_one__covered_at_once(outsider: User) -> None:
    grants.assign(outsider, Scope(), Role.VIEWER)
    new = Tenant.objects.create(slug="new-one", name="New One")
    assert role_of(outsider, new) == Role.VIEWER


def test_denied__one_of_all__everything_but_it(acme: Tenant, globex: Tenant, viewer: User) -> None:
    grants.assign(viewer, Scope(), Role.MANAGER)
    grants.deny(viewer, Scope(tenant=globex))
    assert role_of(viewer, acme) == Role.MANAGER
    assert role_of(viewer, globex) is None
    grants.revoke(viewer, Scope(tenant=globex))
    assert role_of(viewer, globex) == Role.MANAGER


def test_grant__role_for_a_single_tenant__refused_by_the_database(
    acme: Tenant, viewer: User
) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Grant.objects.create(user=viewer, tenant=acme, role=Role.EDITOR)
    with pytest.raises(IntegrityError), transaction.atomic():
        Grant.objects.create(user=viewer, role=15)


@pytest.mark.parametrize("scope", ["all", "group", "tenant"])
def test_grant__twice_for_the_same_scope__refused_by_the_database(
    scope: str, viewer: User, west: Group, acme: Tenant
) -> None:
    places: dict[str, dict[str, Any]] = {
        "all": {},
        "group": {"group": west},
        "tenant": {"tenant": acme},
    }
    where = places[scope]
    Grant.objects.create(user=viewer, **where)
    with pytest.raises(IntegrityError), transaction.atomic():
        Grant.objects.create(user=viewer, **where)


def test_group__deleted_while_it_grants_rights__refused(viewer: User, west: Group) -> None:
    """A denial must not go away in silence."""
    grants.deny(viewer, Scope(group=west))
    with pytest.raises(ProtectedError):
        west.delete()
    grants.revoke(viewer, Scope(group=west))
    west.delete()


# --- changes and their record ---------------------------------------------------------------------
def changes() -> list[tuple[str, object, object]]:
    events = AuditEvent.objects.order_by("seq")
    return [(event.kind, event.content["before"], event.content["after"]) for event in events]


def test_group_right__given_changed_denied_and_taken__each_recorded(
    viewer: User, west: Group
) -> None:
    scope = Scope(group=west)
    grants.assign(viewer, scope, Role.VIEWER)
    grants.assign(viewer, scope, Role.EDITOR)
    grants.deny(viewer, scope)
    grants.revoke(viewer, scope)
    place = "the group West"
    assert changes() == [
        ("member.added", None, {"role": "Viewer", "for": place}),
        ("member.changed", {"role": "Viewer", "for": place}, {"role": "Editor", "for": place}),
        ("access.denied", {"role": "Editor", "for": place}, {"role": "Denied", "for": place}),
        ("access.denial_lifted", {"role": "Denied", "for": place}, None),
    ]
    assert not Grant.objects.exists()


def test_tenant_role__denied_then_granted_again__never_both_at_once(
    viewer: User, acme: Tenant
) -> None:
    scope = Scope(tenant=acme)
    grants.deny(viewer, scope)
    assert not acme.memberships.filter(user=viewer).exists()
    assert role_of(viewer, acme) is None
    grants.assign(viewer, scope, Role.EDITOR)
    assert not Grant.objects.exists()
    assert changes() == [
        ("access.denied", {"role": "Viewer"}, {"role": "Denied"}),
        ("member.changed", {"role": "Denied"}, {"role": "Editor"}),
    ]
    assert {event.tenant_slug for event in AuditEvent.objects.all()} == {"acme"}


@pytest.mark.parametrize("scope", ["all", "group", "tenant"])
def test_role__same_again_or_nothing_to_revoke__explained_and_not_recorded(
    scope: str, outsider: User, west: Group, acme: Tenant
) -> None:
    where = {"all": Scope(), "group": Scope(group=west), "tenant": Scope(tenant=acme)}[scope]
    with pytest.raises(ChangeNotAllowed):
        grants.revoke(outsider, where)
    assert kinds() == []
    grants.assign(outsider, where, Role.EDITOR)
    with pytest.raises(ChangeNotAllowed, match="already"):
        grants.assign(outsider, where, Role.EDITOR)
    grants.deny(outsider, where)
    with pytest.raises(ChangeNotAllowed, match="already"):
        grants.deny(outsider, where)
    assert kinds() == ["member.added", "access.denied"]


def test_manager__grants_a_role_to_a_denied_user__refused(outsider: User, acme: Tenant) -> None:
    grants.deny(outsider, Scope(tenant=acme))
    with pytest.raises(ChangeNotAllowed, match="Only a superuser"):
        memberships.grant(acme, outsider, Role.VIEWER)
    assert role_of(outsider, acme) is None


@pytest.mark.parametrize("scope", ["all", "group", "tenant"])
def test_own_role__changed_by_own_account__refused(
    scope: str, owner: User, west: Group, acme: Tenant
) -> None:
    where = {"all": Scope(), "group": Scope(group=west), "tenant": Scope(tenant=acme)}[scope]
    with acting_as(person(owner)):
        with pytest.raises(ChangeNotAllowed, match="your own access"):
            grants.assign(owner, where, Role.VIEWER)
        for change in (grants.deny, grants.revoke):
            with pytest.raises(ChangeNotAllowed, match="your own access"):
                change(owner, where)
    assert kinds() == []


def test_own_role__manager_by_a_group__cannot_be_made_permanent(
    outsider: User, west: Group, acme: Tenant
) -> None:
    grants.assign(outsider, Scope(group=west), Role.MANAGER)
    with acting_as(person(outsider)), pytest.raises(ChangeNotAllowed, match="your own access"):
        memberships.grant(acme, outsider, Role.MANAGER)
    assert not acme.memberships.filter(user=outsider).exists()


def test_last_manager__another_one_by_a_group__may_be_removed(
    owner: User, outsider: User, west: Group, acme: Tenant
) -> None:
    membership = acme.memberships.get(user=owner)
    with pytest.raises(ChangeNotAllowed, match="last manager"):
        memberships.remove_member(membership)
    grants.assign(outsider, Scope(group=west), Role.MANAGER)
    memberships.remove_member(membership)
    assert role_of(owner, acme) is None


def test_deactivated_user__cannot_get_a_role_but_can_lose_one(viewer: User, west: Group) -> None:
    grants.assign(viewer, Scope(group=west), Role.VIEWER)
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    viewer.refresh_from_db()
    with pytest.raises(ChangeNotAllowed, match="deactivated"):
        grants.assign(viewer, Scope(), Role.VIEWER)
    grants.revoke(viewer, Scope(group=west))
    assert not Grant.objects.exists()


def test_archived__tenant__its_rights_stay_as_they_are(viewer: User, acme: Tenant) -> None:
    services.archive_tenant(acme)
    for change in (grants.deny, grants.revoke):
        with pytest.raises(ChangeNotAllowed, match="archived"):
            change(viewer, Scope(tenant=acme))


# --- two thousand tenants -------------------------------------------------------------------------
def test_visible__two_thousand_tenants__two_queries_each_and_quick(outsider: User) -> None:
    made = Tenant.objects.bulk_create(
        Tenant(slug=f"x-{number}", name=f"X {number}") for number in range(2000)
    )
    for number in range(40):
        group = Group.objects.create(slug=f"g-{number}", name=f"G {number}")
        group.tenants.set(made[number * 50 : number * 50 + 200])
        Grant.objects.create(user=outsider, group=group, role=None if number % 4 else Role.EDITOR)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        begin = time.perf_counter()
        tenants = list(visible_tenants(outsider)[:50])
        count = visible_tenants(outsider).count()
        spent = time.perf_counter() - begin
    assert len(queries) == 4  # each asks for the grants first
    assert 0 < count < 2000
    assert len(tenants) == min(50, count)
    assert spent < 0.5  # 20 ms on a quiet machine; a join that multiplies takes seconds
    with CaptureQueriesContext(connection) as queries:
        role_of(outsider, made[0])
    assert len(queries) == 1
    with CaptureQueriesContext(connection) as queries:
        effective_access_of(outsider, made[:50])
    assert len(queries) == 3
