"""Adding, changing and archiving tenants, and what is refused."""

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError

from lofty_admin.accounts.models import User
from lofty_admin.audit.models import AuditEvent
from lofty_admin.tenants import services
from lofty_admin.tenants.access import memberships
from lofty_admin.tenants.credentials import token_store
from lofty_admin.tenants.credentials.api_client import calls_left
from lofty_admin.tenants.errors import ChangeNotAllowed, ConfirmationRequired
from lofty_admin.tenants.models import (
    Connection,
    Health,
    Role,
    Tenant,
)
from tests.support.lofty_users import NEXT_TOKEN, Lofty, checked, kinds


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Acme Realty, Inc.", "acme-realty-inc"), ("Über Häuser", "uber-hauser"), ("房地产", "")],
)
def test_suggest_slug__name__short_name(name: str, slug: str) -> None:
    assert services.suggest_slug(name) == slug


def test_add_tenant__with_token__both_stored_and_recorded(db: None, lofty: Lofty) -> None:
    tenant = services.add_tenant(slug="acme", name=" Acme ", checked=checked())
    assert tenant.connection is not None
    assert tenant.connection.health.status == Health.WORKS
    assert (tenant.name, tenant.connection.last_four) == ("Acme", "WXYZ")
    assert kinds() == ["tenant.added", "credential.added"]
    assert calls_left(tenant).remaining == 58


@pytest.mark.parametrize(
    "slug", ["", "Acme", "a b", "-a", "a-", "a--b", "ä", "a\n", "../a", "x" * 51]
)
def test_add_tenant__bad_short_name__refused(db: None, slug: str) -> None:
    with pytest.raises(ValidationError):
        services.add_tenant(slug=slug, name="Acme")
    assert not Tenant.objects.exists()


def test_add_tenant__short_name_taken__refused(acme: Tenant) -> None:
    with pytest.raises(ValidationError, match="already has this short name"):
        services.add_tenant(slug="acme", name="Another")


def test_change_tenant__nothing_different__no_record(acme: Tenant) -> None:
    assert services.change_tenant(acme, name="Acme Realty ", note="") is False
    assert kinds() == []
    assert services.change_tenant(acme, name="Acme", note="VIP") is True
    event = AuditEvent.objects.get()
    assert event.content["before"]["name"] == "Acme Realty"
    after = {"slug": "acme", "name": "Acme", "note": "VIP", "manual_only": False, "groups": []}
    assert event.content["after"] == after


def test_archived__every_change__refused_until_restored(
    acme: Tenant, viewer: User, outsider: User, connection: Connection
) -> None:
    services.archive_tenant(acme)
    member = acme.memberships.get(user=viewer)
    for change in (
        lambda: services.change_tenant(acme, name="Other", note=""),
        lambda: token_store.set_connection(acme, checked(NEXT_TOKEN)),
        lambda: token_store.remove_connection(acme),
        lambda: memberships.grant(acme, outsider, Role.VIEWER),
        lambda: memberships.remove_member(member),
        lambda: services.archive_tenant(acme),
    ):
        with pytest.raises(ChangeNotAllowed, match="archived"):
            change()
    services.restore_tenant(acme)
    services.change_tenant(acme, name="Other", note="")
    with pytest.raises(ChangeNotAllowed, match="not archived"):
        services.restore_tenant(acme)


def test_add_tenant__token_of_another_tenant__asks_and_adds_nothing(
    acme: Tenant, connection: Connection
) -> None:
    with pytest.raises(ConfirmationRequired):
        services.add_tenant(slug="second", name="Second", checked=checked())
    assert not Tenant.objects.filter(slug="second").exists()


def test_any_change__cannot_be_recorded__is_not_made(
    acme: Tenant, outsider: User, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise DatabaseError("the record is not writable")

    fresh = checked(NEXT_TOKEN)
    for module in (token_store, services, memberships):
        monkeypatch.setattr(module, "record", refuse)
    for change in (
        lambda: services.add_tenant(slug="second", name="Second"),
        lambda: services.change_tenant(acme, name="Other", note=""),
        lambda: services.archive_tenant(acme),
        lambda: token_store.set_connection(acme, fresh),
        lambda: token_store.remove_connection(acme),
        lambda: memberships.grant(acme, outsider, Role.VIEWER),
    ):
        with pytest.raises(DatabaseError):
            change()
    acme.refresh_from_db()
    assert (acme.name, acme.status) == ("Acme Realty", "active")
    assert acme.connection == connection
    assert bytes(Connection.objects.get().sealed)
    assert not acme.memberships.exists()
    assert not Tenant.objects.filter(slug="second").exists()
