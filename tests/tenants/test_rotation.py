"""Rotating the keys that seal secrets, next to running work."""

import dataclasses
import io
import os
from collections.abc import Callable

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.test import RequestFactory

from lofty_admin.accounts import unsent
from lofty_admin.accounts.models import User
from lofty_admin.audit.models import AuditEvent
from lofty_admin.core.environment import KeyRing
from lofty_admin.fleet.import_job import read_list
from lofty_admin.fleet.models import ImportRow
from lofty_admin.tenants.credentials import rotation
from lofty_admin.tenants.credentials.api_client import client_for
from lofty_admin.tenants.credentials.secrets import open_from, seal_into, sealed_for
from lofty_admin.tenants.models import Connection, Tenant
from tests.support.lofty_users import OTHER_TOKEN, TOKEN, kinds

UseNewKey = Callable[[], None]


@pytest.fixture
def new_key(settings: LazySettings) -> UseNewKey:
    """From then on a new key is current; the old one is still there."""

    def use() -> None:
        old = settings.ENVIRONMENT.vault_keys
        ring = KeyRing("new", {"new": os.urandom(32), **old.keys})
        settings.ENVIRONMENT = dataclasses.replace(settings.ENVIRONMENT, vault_keys=ring)

    return use


def rotate_keys(*arguments: str) -> str:
    told = io.StringIO()
    call_command("rotate_keys", *arguments, stdout=told)
    return told.getvalue()


def many(count: int) -> None:
    """That many tenants, each with a sealed token and a refresh token."""
    for number in range(count):
        tenant = Tenant.objects.create(slug=f"t-{number}", name=f"Tenant {number}")
        row = Connection(tenant=tenant, kind="connection", scheme="oauth", version=1)
        seal_into(row, "sealed", f"access-{number}")
        seal_into(row, "sealed_refresh", f"refresh-{number}")
        row.save(force_insert=True)


def test_rotate__every_row__opens_under_the_new_key_alone(
    db: None, new_key: UseNewKey, settings: LazySettings
) -> None:
    many(5)
    new_key()
    assert "3 left" in rotate_keys("--batch", "2")
    ring = KeyRing("new", {"new": settings.ENVIRONMENT.vault_keys.keys["new"]})
    settings.ENVIRONMENT = dataclasses.replace(settings.ENVIRONMENT, vault_keys=ring)
    for row in Connection.objects.order_by("tenant__slug"):
        number = row.tenant.slug[-1]
        assert open_from(row, "sealed") == f"access-{number}"
        assert open_from(row, "sealed_refresh") == f"refresh-{number}"
        assert bytes(row.sealed_key) == b""
    assert kinds() == ["vault.rotated"] * 3
    events = AuditEvent.objects.all()
    assert sorted(pk for event in events for pk in event.content["detail"]["rows"]) == sorted(
        str(row.pk) for row in Connection.objects.all()
    )


def test_rotate__again__does_nothing(db: None, new_key: UseNewKey) -> None:
    many(1)
    new_key()
    rotate_keys()
    assert rotate_keys() == "Everything is sealed under the key new.\n"
    assert kinds() == ["vault.rotated"]


def test_rotate__cut_off_after_a_batch__continues_with_the_rest(
    db: None, new_key: UseNewKey
) -> None:
    many(5)
    new_key()
    next(iter(rotation.rotate(2)))
    assert rotation.in_use("test") == {"connections": 3}
    assert "3 sealed again, 0 left" in rotate_keys()
    assert rotation.in_use("test") == {}


def test_rotate__row_renewed_in_between__the_renewal_stays(
    db: None, new_key: UseNewKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(1)
    new_key()

    def renewed_meanwhile(row: Connection, column: str, secret: str) -> bytes:
        monkeypatch.setattr(rotation, "sealed_for", sealed_for)
        renewed = Connection.objects.get(pk=row.pk)
        renewed.version += 1
        seal_into(renewed, "sealed", "renewed-access")
        seal_into(renewed, "sealed_refresh", "renewed-refresh")
        renewed.save()
        return sealed_for(row, column, secret)

    monkeypatch.setattr(rotation, "sealed_for", renewed_meanwhile)
    assert "0 sealed again, 0 left" in rotate_keys()
    row = Connection.objects.get()
    assert (row.version, open_from(row, "sealed")) == (2, "renewed-access")
    assert open_from(row, "sealed_refresh") == "renewed-refresh"
    assert kinds() == []


def test_rotate__row_that_does_not_open__is_named_and_left_as_it_is(
    db: None, new_key: UseNewKey
) -> None:
    many(3)
    first, *others = Connection.objects.order_by("pk")
    broken = bytes(first.sealed)[:-1] + bytes([bytes(first.sealed)[-1] ^ 1])
    Connection.objects.filter(pk=first.pk).update(sealed=broken)
    new_key()
    with pytest.raises(CommandError, match=str(first.pk)):
        rotate_keys("--batch", "1")
    first.refresh_from_db()
    assert bytes(first.sealed) == broken
    for row in others:
        row.refresh_from_db()
        assert bytes(row.sealed)[4:7] == b"new"


def test_rotate__record_refused__changes_nothing(
    db: None, new_key: UseNewKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(1)
    new_key()

    def refuse(*args: object, **kwargs: object) -> None:
        raise DatabaseError("the record is not writable")

    monkeypatch.setattr(rotation, "record", refuse)
    before = bytes(Connection.objects.get().sealed)
    with pytest.raises(DatabaseError):
        rotate_keys()
    assert bytes(Connection.objects.get().sealed) == before


def test_rotate__token_in_use__still_serves_and_keeps_its_version(
    acme: Tenant, connection: Connection, new_key: UseNewKey
) -> None:
    new_key()
    rotate_keys()
    connection.refresh_from_db()
    assert (connection.version, open_from(connection, "sealed")) == (1, TOKEN)
    assert client_for(acme).me().member_user_id


def test_retire__key_in_use_or_current__refused(
    acme: Tenant, connection: Connection, new_key: UseNewKey
) -> None:
    with pytest.raises(CommandError, match="current key"):
        rotate_keys("--retire", "test")
    new_key()
    with pytest.raises(CommandError, match=r"1 connections are sealed under it"):
        rotate_keys("--retire", "test")
    rotate_keys()
    assert "you can remove it" in rotate_keys("--retire", "test")


def test_rotate__kept_for_an_hour_only__is_counted_and_sealed_again_too(
    superuser: User, new_key: UseNewKey, rf: RequestFactory, settings: LazySettings
) -> None:
    """Forms that could not be sent, and the rows of uploaded lists."""
    request = rf.post("/", {"page_of": unsent.owner_marker(superuser), "reason": "holiday hours"})
    kept = unsent.keep(request)
    assert kept is not None
    read_list(superuser, f"name,scheme,token\nGlobex,oauth,{OTHER_TOKEN}\n")
    new_key()
    with pytest.raises(
        CommandError, match=r"1 unsent forms, .*1 import rows|1 import rows, .*1 un"
    ):
        rotate_keys("--retire", "test")
    assert "Everything is sealed under the key new." in rotate_keys()
    assert "you can remove it" in rotate_keys("--retire", "test")
    ring = KeyRing("new", {"new": settings.ENVIRONMENT.vault_keys.keys["new"]})
    settings.ENVIRONMENT = dataclasses.replace(settings.ENVIRONMENT, vault_keys=ring)
    kept.refresh_from_db()
    content = unsent.opened(kept)
    assert content is not None
    assert content.fields == [("reason", "holiday hours")]
    assert ImportRow.objects.get().open().token == OTHER_TOKEN


def test_places__every_binary_column_of_the_console__is_one(db: None) -> None:
    """Whoever adds a binary column seals it, or adds it here with a reason."""
    assert {(place.model.__name__, place.columns) for place in rotation.places()} == {
        ("Connection", ("sealed", "sealed_refresh", "sealed_key")),
        ("PendingConnection", ("sealed", "sealed_refresh")),
        ("UnsentForm", ("sealed",)),
        ("ImportRow", ("sealed",)),
    }
    for place in rotation.places():
        assert hasattr(place.model, "version"), place.name


def test_rotate__sealed_meanwhile_under_the_old_key__is_said(
    db: None, new_key: UseNewKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(1)
    new_key()
    monkeypatch.setattr("lofty_admin.tenants.management.commands.rotate_keys.rotate", lambda _: [])
    told = rotate_keys()
    assert "Everything" not in told
    assert "Still under test: 1 connections" in told


def test_retire__name_that_another_key_begins_with__is_not_mistaken(
    db: None, settings: LazySettings
) -> None:
    many(1)
    assert rotation.in_use("te") == {}
    assert rotation.in_use("test2") == {}


def test_batch__none__refused(db: None) -> None:
    with pytest.raises(CommandError, match="1 or more"):
        rotate_keys("--batch", "0")
