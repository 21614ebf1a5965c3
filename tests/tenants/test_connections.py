"""A tenant's token: stored, replaced, removed, tested."""

import pytest
from django.db import IntegrityError

from lofty_admin.audit.models import AuditEvent
from lofty_admin.lofty.client import Scheme
from lofty_admin.lofty.errors import Unauthorised
from lofty_admin.tenants.credentials import token_store, token_verification
from lofty_admin.tenants.credentials.api_client import ConnectionUnavailable
from lofty_admin.tenants.errors import ChangeNotAllowed, ConfirmationRequired
from lofty_admin.tenants.models import Connection, ConnectionHealth, Health, Tenant
from tests.support.lofty_users import NEXT_TOKEN, OTHER_TOKEN, TOKEN, Lofty, checked, kinds


def test_set_connection__same_user__replaced_and_old_one_erased(
    acme: Tenant, connection: Connection
) -> None:
    new = token_store.set_connection(acme, checked(NEXT_TOKEN))
    connection.refresh_from_db()
    assert (bytes(connection.sealed), connection.retired_at is None) == (b"", False)
    assert (new.version, acme.connection) == (2, new)
    assert kinds() == ["credential.added", "credential.replaced"]
    after = AuditEvent.objects.latest("seq").content["after"]
    assert (after["version"], after["fingerprint"]) == (2, new.fingerprint)


def test_set_connection__another_lofty_user__asks_first(
    acme: Tenant, connection: Connection
) -> None:
    other = checked(OTHER_TOKEN, Scheme.OAUTH)
    with pytest.raises(ConfirmationRequired, match="a different Sales Agent") as caught:
        token_store.set_connection(acme, other)
    assert len(caught.value.questions) == 2  # the user and the Sales Agent
    assert acme.connection == connection
    assert token_store.set_connection(acme, other, meant=True).scheme == "oauth"


def test_set_connection__another_lofty_user_after_removal__still_asks(
    acme: Tenant, connection: Connection
) -> None:
    token_store.remove_connection(acme)
    with pytest.raises(ConfirmationRequired, match="a different Sales Agent"):
        token_store.set_connection(acme, checked(OTHER_TOKEN, Scheme.OAUTH))


@pytest.mark.parametrize("token", [TOKEN, NEXT_TOKEN], ids=["same token", "same Lofty user"])
def test_set_connection__used_by_another_tenant__asks_without_naming_it(
    acme: Tenant, globex: Tenant, connection: Connection, token: str
) -> None:
    with pytest.raises(ConfirmationRequired, match="Another tenant") as caught:
        token_store.set_connection(globex, checked(token))
    assert "acme" not in str(caught.value).lower()
    assert globex.connection is None
    assert token_store.set_connection(globex, checked(token), meant=True).version == 1


def test_remove_connection__in_use__erased_and_recorded(
    acme: Tenant, connection: Connection
) -> None:
    token_store.remove_connection(acme)
    connection.refresh_from_db()
    assert bytes(connection.sealed) == b""
    assert acme.connection is None
    with pytest.raises(ChangeNotAllowed, match="no token"):
        token_store.remove_connection(acme)
    assert kinds() == ["credential.added", "credential.removed"]


def test_connection__database__refuses_two_in_use_and_a_kept_old_one(
    acme: Tenant, connection: Connection
) -> None:
    from django.db import transaction

    with pytest.raises(IntegrityError), transaction.atomic():
        Connection.objects.create(tenant=acme, scheme="oauth", sealed=b"x", version=2)
    with pytest.raises(IntegrityError), transaction.atomic():
        Connection.objects.update(retired_at=connection.added_at)


def test_test_connection__works__owner_is_learned_and_recorded(acme: Tenant, lofty: Lofty) -> None:
    token_store.set_connection(acme, token_verification.unchecked_token(Scheme.API_KEY, TOKEN))
    assert ConnectionHealth.objects.get().status == Health.UNKNOWN
    tested = token_store.test_connection(acme)
    assert tested.owner_name
    assert (tested.health.status, tested.health.failing_since) == (Health.WORKS, None)
    assert kinds() == ["credential.added", "credential.tested"]


def test_test_connection__dead__failing_and_recorded(
    acme: Tenant, connection: Connection, lofty: Lofty
) -> None:
    lofty.change("acme", revoke_all=True)
    with pytest.raises(Unauthorised):
        token_store.test_connection(acme)
    health = ConnectionHealth.objects.get()
    assert (health.status, health.failing_since is None) == (Health.DEAD, False)
    assert kinds() == ["credential.added", "credential.failed", "credential.tested"]


def test_test_connection__none__nothing_sent(acme: Tenant, lofty: Lofty) -> None:
    with pytest.raises(ConnectionUnavailable):
        token_store.test_connection(acme)
    assert lofty.calls_made("acme") == 0
