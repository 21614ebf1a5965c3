"""manage.py right."""

import io

import pytest
from django.core.management import CommandError, call_command

from lofty_admin.accounts.models import User
from lofty_admin.audit.models import AuditEvent
from lofty_admin.tenants.access.permissions import role_of
from lofty_admin.tenants.models import Grant, Group, Role, Tenant


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("right", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def west(acme: Tenant) -> Group:
    group = Group.objects.create(slug="west", name="West")
    group.tenants.add(acme)
    return group


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (["--all"], "all tenants"),
        (["--group", "west"], "the group West"),
        (["--tenant", "acme"], "Acme Realty"),
    ],
)
def test_right__given_denied_and_taken__recorded_with_the_command_as_actor(
    where: list[str], words: str, outsider: User, acme: Tenant, west: Group
) -> None:
    said = run("give", outsider.email.upper(), "editor", *where)
    assert said == f"outsider@example.com is now editor of {words}.\n"
    assert role_of(outsider, acme) == Role.EDITOR
    assert run("deny", outsider.email, *where) == f"outsider@example.com is denied {words}.\n"
    assert role_of(outsider, acme) is None
    taken = run("take", outsider.email, *where)
    assert taken == f"outsider@example.com no longer has a role of their own for {words}.\n"
    assert not Grant.objects.exists()
    events = AuditEvent.objects.order_by("seq")
    assert [event.kind for event in events] == [
        *("member.added", "access.denied", "access.denial_lifted"),
    ]
    assert [one.actor_id for one in events] == ["right give", "right deny", "right take"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["give", "outsider@example.com", "editor", "--tenant", "nowhere"],
            "No tenant has the short name nowhere",
        ),
        (
            ["deny", "outsider@example.com", "--group", "nowhere"],
            "No group has the short name nowhere",
        ),
        (["deny", "stranger@example.com", "--all"], "No user"),
        (["take", "outsider@example.com", "--all"], "no longer has a role of their own"),
        (["give", "outsider@example.com", "king", "--all"], "invalid choice"),
        (["give", "outsider@example.com", "editor"], "one of the arguments"),
        (["deny", "outsider@example.com", "--all", "--tenant", "acme"], "not allowed with"),
    ],
)
def test_right__not_possible__says_why_and_changes_nothing(
    arguments: list[str], words: str, outsider: User, acme: Tenant
) -> None:
    with pytest.raises(CommandError, match=words):
        run(*arguments)
    assert not AuditEvent.objects.exists()
