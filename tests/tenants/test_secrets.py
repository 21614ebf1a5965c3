"""A restored older row opens, but is not used."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db import connection as database

from lofty_admin.audit.kinds import CREDENTIAL_STORED, Kind
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import AuditEvent
from lofty_admin.core import vault
from lofty_admin.lofty.client import Scheme
from lofty_admin.lofty.oauth import Tokens
from lofty_admin.tenants.credentials import token_store, token_verification
from lofty_admin.tenants.credentials.api_client import ConnectionUnavailable, client_for
from lofty_admin.tenants.credentials.secrets import open_from, open_newest, seal_into
from lofty_admin.tenants.credentials.token_refresh import _store
from lofty_admin.tenants.models import Connection, Tenant
from tests.support.lofty_users import NEXT_TOKEN, TOKEN, Lofty, kinds


def row_of(connection: Connection) -> dict[str, Any]:
    return dict(Connection.objects.filter(pk=connection.pk).values().get())


def test_replay__replaced_token_put_back_with_its_version__found_and_not_sent(
    acme: Tenant, connection: Connection, lofty: Lofty
) -> None:
    yesterday = row_of(connection)
    token_store.set_connection(acme, token_verification.check_token(Scheme.API_KEY, NEXT_TOKEN))
    Connection.objects.all().delete()
    Connection.objects.create(**yesterday)
    put_back = Connection.objects.get()
    assert open_from(put_back, "sealed") == TOKEN  # by itself it opens
    made = lofty.calls_made("acme")
    with pytest.raises(ConnectionUnavailable, match="restored from an earlier time"):
        client_for(acme)
    assert lofty.calls_made("acme") == made
    assert kinds()[-1] == "credential.failed"
    assert put_back.health.status == "unreadable"


def test_replay__removed_token_put_back__found(acme: Tenant, connection: Connection) -> None:
    yesterday = row_of(connection)
    token_store.remove_connection(acme)
    Connection.objects.filter(pk=connection.pk).update(**yesterday)
    assert Connection.objects.get().retired_at is None
    with pytest.raises(ConnectionUnavailable, match="restored from an earlier time"):
        client_for(acme)


def test_replay__fingerprint_changed_by_hand__found(acme: Tenant, connection: Connection) -> None:
    Connection.objects.update(fingerprint="hmac-sha256:" + "0" * 64)
    with pytest.raises(ConnectionUnavailable, match="restored from an earlier time"):
        client_for(acme)


def test_replay__row_without_a_record__not_used(acme: Tenant, lofty: Lofty) -> None:
    row = Connection(tenant=acme, scheme="api_key", version=1)
    seal_into(row, "sealed", TOKEN)
    row.save(force_insert=True)
    with pytest.raises(ConnectionUnavailable, match="newest one in the history"):
        client_for(acme)
    assert lofty.calls_made("acme") == 0


def test_opening__row_read_before_it_was_renewed__opens_the_new_one(
    acme: Tenant, connection: Connection
) -> None:
    Connection.objects.update(kind="connection")
    read_before = Connection.objects.get()
    _store(Connection.objects.get(), Tokens("renewed-access-token-1", "refresh-2", 60, None))
    assert open_newest(read_before, "sealed") == "renewed-access-token-1"
    assert read_before.version == 2


@pytest.mark.parametrize("column", ["sealed", "sealed_refresh", "sealed_key"])
def test_sealed_columns__swapped_within_the_row__do_not_open(acme: Tenant, column: str) -> None:
    row = Connection(tenant=acme, version=1)
    others = {"sealed", "sealed_refresh", "sealed_key"} - {column}
    seal_into(row, column, TOKEN)
    for other in others:
        setattr(row, other, getattr(row, column))
        with pytest.raises(vault.VaultError):
            open_from(row, other)


def test_retired__any_secret_left__refused_by_the_database(
    acme: Tenant, connection: Connection
) -> None:
    for column in ("sealed", "sealed_refresh", "sealed_key"):
        clean = {"sealed": b"", "sealed_refresh": b"", "sealed_key": b"", column: b"x"}
        with pytest.raises(IntegrityError), transaction.atomic():
            Connection.objects.update(retired_at=connection.added_at, **clean)


def test_opening__in_a_long_history__asks_an_index_of_its_own(
    acme: Tenant, connection: Connection
) -> None:
    for _ in range(300):
        record(Kind.TENANT_CHANGED, tenant=acme.ref)
    with database.cursor() as cursor:
        cursor.execute("ANALYZE audit_auditevent")
        cursor.execute("SET LOCAL enable_seqscan = off")
    stored = AuditEvent.objects.for_tenant(acme.pk).filter(kind__in=CREDENTIAL_STORED)
    assert "audit_credentials" in stored[:1].explain()
    assert open_newest(connection, "sealed") == TOKEN
