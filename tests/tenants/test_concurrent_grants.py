"""Two users change roles at the same moment, on real connections."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import connection

from lofty_admin.accounts import invitations, services
from lofty_admin.accounts.models import User
from lofty_admin.audit.context import acting_as, person
from lofty_admin.audit.models import AuditEvent
from lofty_admin.tenants.access import grants
from lofty_admin.tenants.access.grants import Scope
from lofty_admin.tenants.access.memberships import grant
from lofty_admin.tenants.access.permissions import role_of
from lofty_admin.tenants.errors import ChangeNotAllowed
from lofty_admin.tenants.models import Grant, Group, Membership, Role, Tenant
from tests.support.lofty_users import kinds
from tests.support.users import make_user

pytestmark = pytest.mark.django_db(transaction=True)
REFUSED = (ValidationError, ChangeNotAllowed, invitations.InvitationUnusable)


def at_once(*steps: Callable[[], object]) -> list[str]:
    """Run each call in its own thread and connection at once; return the outcomes, sorted."""
    begin = Barrier(len(steps))

    def run(step: Callable[[], object]) -> str:
        try:
            begin.wait(10)
            step()
        except REFUSED:
            return "refused"
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(len(steps)) as pool:
        return sorted(pool.map(run, steps))


@pytest.mark.parametrize("times", range(3))
def test_superusers__demote_each_other_at_once__one_is_left(superuser: User, times: int) -> None:
    second = make_user("second@example.com", "Second Root", superuser=True)

    def demote(by: User, whom: User) -> Callable[[], None]:
        def step() -> None:
            with acting_as(person(by)):
                services.set_superuser(whom, superuser=False)

        return step

    came = at_once(demote(superuser, second), demote(second, superuser))
    assert came == ["done", "refused"]
    assert User.objects.filter(is_superuser=True, is_active=True).count() == 1
    assert kinds() == ["person.changed"]


def test_superusers__deactivated_and_demoted_at_once__one_is_left(superuser: User) -> None:
    second = make_user("second@example.com", "Second Root", superuser=True)
    came = at_once(
        lambda: services.deactivate_person(second),
        lambda: services.set_superuser(superuser, superuser=False),
    )
    assert came == ["done", "refused"]
    assert User.objects.filter(is_superuser=True, is_active=True).count() == 1


def test_invitation__accepted_four_times_at_once__once(db: None) -> None:
    invitations.invite("new@example.com", page="https://x/")
    match = re.search(r"#(\S+)", str(mail.outbox[0].body))
    assert match
    invitation = invitations.open_by_code(match[1])

    def accept(name: str) -> Callable[[], object]:
        password = f"a long sentence of {name}"
        return lambda: invitations.accept(invitation, name=name, password=password)

    names = ["Ann", "Bob", "Cid", "Dee"]
    assert at_once(*map(accept, names)) == ["done", "refused", "refused", "refused"]
    user = User.objects.get(email="new@example.com")
    assert user.check_password(f"a long sentence of {user.name}")
    assert kinds() == ["invitation.sent", "invitation.accepted"]


def test_invitation__accepted_and_withdrawn_at_once__never_both(db: None) -> None:
    user = invitations.invite("new@example.com", page="https://x/")
    invitation = user.invitations.get()
    came = at_once(
        lambda: invitations.accept(invitation, name="Ann", password="a long sentence of mine"),
        lambda: invitations.withdraw(user),
    )
    user.refresh_from_db()
    assert came == ["done", "refused"]
    assert user.has_usable_password() == user.is_active
    assert len(kinds()) == 2


def test_invitation__accepted_and_sent_again_at_once__one_after_the_other(db: None) -> None:
    for number in range(5):
        user = invitations.invite(f"new{number}@example.com", page="https://x/")
        invitation = user.invitations.get()
        came = at_once(
            partial(invitations.accept, invitation, name="Ann", password="a long sentence of mine"),
            partial(invitations.invite_again, user, page="https://x/"),
        )
        assert came == ["done", "refused"]


@pytest.mark.parametrize("scope", ["all", "group", "tenant"])
def test_role__granted_and_denied_by_four_at_once__one_result(
    scope: str, viewer: User, acme: Tenant
) -> None:
    group = Group.objects.create(slug="west", name="West")
    group.tenants.add(acme)
    where = {"all": Scope(), "group": Scope(group=group), "tenant": Scope(tenant=acme)}[scope]
    Membership.objects.filter(user=viewer).delete()
    came = at_once(
        lambda: grants.assign(viewer, where, Role.EDITOR),
        lambda: grants.assign(viewer, where, Role.EDITOR),
        lambda: grants.deny(viewer, where),
        lambda: grants.deny(viewer, where),
    )
    said = Membership.objects.filter(user=viewer).count() + Grant.objects.count()
    assert said == 1
    assert came.count("done") == AuditEvent.objects.count()
    last = AuditEvent.objects.latest("seq").content["after"]["role"]
    role = role_of(viewer, acme)
    assert last == (role.label if role else "Denied")


def test_manager_and_superuser__same_user_at_once__no_deadlock(
    viewer: User, outsider: User, acme: Tenant
) -> None:
    for _ in range(5):
        at_once(
            lambda: grant(acme, outsider, Role.VIEWER),
            lambda: grants.assign(outsider, Scope(), Role.EDITOR),
            lambda: grants.deny(outsider, Scope(tenant=acme)),
            lambda: grants.revoke(outsider, Scope()),
        )
    assert role_of(outsider, acme) is None or not Grant.objects.filter(tenant=acme).exists()
