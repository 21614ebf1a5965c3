"""manage.py tenant."""

import pytest
from django.core.management import CommandError

from lofty_admin.accounts.models import User
from lofty_admin.audit.models import AuditEvent
from lofty_admin.tenants.models import ConnectionHealth, Health, Role, Tenant
from tests.support.commands import add, run
from tests.support.lofty_users import OTHER_TOKEN, TOKEN, Lofty


def test_tenant_add__good_token__added_recorded_not_printed(db: None, lofty: Lofty) -> None:
    said = add("--note", "VIP")
    tenant = Tenant.objects.get()
    assert tenant.connection is not None
    assert tenant.connection.owner_name in said
    assert TOKEN not in said
    event = AuditEvent.objects.get(kind="tenant.added")
    assert (event.actor_kind, event.actor_id) == ("command", "tenant add")


def test_tenant_add__oauth__added(db: None, lofty: Lofty) -> None:
    add(token=OTHER_TOKEN, scheme="oauth-token")
    assert ConnectionHealth.objects.get().status == Health.WORKS


@pytest.mark.parametrize(
    ("slug", "token", "words"),
    [
        ("acme", "nobody-has-this-token", "does not accept this token"),
        ("acme", "two words", "can't be a Lofty token"),
        ("acme", "", "standard input"),
        ("Bad Slug", TOKEN, "lowercase letters"),
    ],
)
def test_tenant_add__bad_input__fails_with_the_reason_and_adds_nothing(
    db: None, lofty: Lofty, slug: str, token: str, words: str
) -> None:
    with pytest.raises(CommandError, match=words) as caught:
        add(slug=slug, token=token)
    assert not token or token not in str(caught.value)
    assert caught.value.returncode == 1
    assert not Tenant.objects.exists()


def test_tenant_add__unchecked__stored_without_a_call(db: None, lofty: Lofty) -> None:
    add("--unchecked")
    assert ConnectionHealth.objects.get().status == Health.UNKNOWN
    assert lofty.calls_made("acme") == 0


def test_tenant_add__token_of_another_tenant__only_if_meant(db: None, lofty: Lofty) -> None:
    add()
    with pytest.raises(CommandError, match="Another tenant"):
        add(slug="second")
    add("--meant", slug="second")
    assert Tenant.objects.count() == 2


def test_tenant_list__some__one_line_each(acme: Tenant, globex: Tenant) -> None:
    assert run("list").splitlines() == [
        "acme\tAcme Realty\tactive\tNo token",
        "globex\tGlobex Homes\tactive\tNo token",
    ]


def test_tenant_grant__known__given_and_recorded(acme: Tenant, outsider: User) -> None:
    run("grant", "acme", outsider.email, "manager")
    assert acme.memberships.get().role == Role.MANAGER
    assert AuditEvent.objects.get().kind == "member.added"


def test_tenant_grant__unknown__says_so(acme: Tenant, outsider: User) -> None:
    with pytest.raises(CommandError, match="No tenant has the short name nowhere"):
        run("grant", "nowhere", outsider.email, "viewer")
    with pytest.raises(CommandError, match="No user"):
        run("grant", "acme", "stranger@example.com", "viewer")
