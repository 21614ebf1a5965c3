"""Recording an event: its content, its actor, and what is refused."""

import datetime as dt
import json
import math
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import TransactionManagementError
from psycopg.errors import LockNotAvailable

from lofty_admin.accounts.models import User
from lofty_admin.audit.context import Actor, acting_as
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.canonical import MAX_TEXT
from lofty_admin.audit.log.record import TenantRef, record
from lofty_admin.audit.models import AuditEvent, AuditHead
from lofty_admin.audit.proof.verify import Verification
from lofty_admin.tenants.models import Tenant

ACME = TenantRef(UUID(int=5), "acme", "Acme Realty")
OLIVIA = Actor("person", "7", "Olivia Owner")
TAKE_HEAD = "SELECT seq FROM audit_audithead FOR UPDATE NOWAIT"
NESTED: Any = json.loads("[" * 900 + "]" * 900)
for _ in range(10_000):
    NESTED = [NESTED]


def is_free(session: BaseDatabaseWrapper) -> bool:
    """Whether another session could lock the head right now."""
    try:
        with session.cursor() as cursor:
            cursor.execute(TAKE_HEAD)
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            return False
        raise
    return True


def test_record__everything_given__every_part_kept(db: None) -> None:
    operation = uuid4()
    with acting_as(OLIVIA, "r1"):
        written = record(
            Kind.SETTINGS_OUTCOME,
            tenant=ACME,
            subject="Sales Agent settings",
            outcome=Outcome.VERIFIED,
            operation_id=operation,
            reason="asked for by Acme",
            before={"textChannel": False},
            after={"textChannel": True},
            detail={"calls": 3},
        )
    event = AuditEvent.objects.get(pk=written.pk)
    assert event.content == {
        "id": str(event.id),
        "at": event.at.isoformat(),
        "kind": "settings.outcome",
        "outcome": "verified",
        "actor": {"kind": "person", "id": "7", "name": "Olivia Owner"},
        "tenant": {"id": str(ACME.id), "slug": "acme", "name": "Acme Realty"},
        "subject": "Sales Agent settings",
        "operation_id": str(operation),
        "request_id": "r1",
        "ip": "",
        "reason": "asked for by Acme",
        "before": {"textChannel": False},
        "after": {"textChannel": True},
        "detail": {"calls": 3},
    }
    assert (event.actor, event.tenant_id, event.operation_id) == (OLIVIA, ACME.id, operation)
    assert (event.who, event.what, event.outcome_label) == (
        "Olivia Owner",
        "changed settings",
        "Verified",
    )


@pytest.mark.parametrize("kind", list(Kind))
def test_record__any_kind__says_who_when_what_and_in_which_request(db: None, kind: Kind) -> None:
    began = dt.datetime.now(dt.UTC)
    event = record(kind, actor=OLIVIA)
    assert event.actor == OLIVIA
    assert began <= event.at <= dt.datetime.now(dt.UTC)
    assert event.at.utcoffset() == dt.timedelta(0)
    assert event.kind == kind.value
    assert event.what == str(kind.label)
    assert len(event.request_id) == 32
    assert set(event.content) == {
        *("id", "at", "kind", "outcome", "actor", "tenant", "subject", "operation_id"),
        *("request_id", "ip", "reason", "before", "after", "detail"),
    }


def test_record__without_an_actor__is_anonymous(db: None) -> None:
    event = record(Kind.SIGN_IN_FAILED, subject="who@example.com", outcome=Outcome.REFUSED)
    assert (event.actor.kind, event.who) == ("nobody", "Not signed in")


def test_record__unknown_kind__value_error_and_no_event(db: None) -> None:
    with pytest.raises(ValueError, match=r"settings\.eaten"):
        record("settings.eaten")  # type: ignore[arg-type] # the mistake under test
    assert not AuditEvent.objects.exists()


def test_record__second_event__follows_the_first(db: None) -> None:
    first, second = record(Kind.SIGNED_IN), record(Kind.SIGNED_OUT)
    head = AuditHead.objects.get()
    assert (second.seq, second.previous_hash) == (first.seq + 1, first.hash)
    assert (head.seq, head.hash) == (second.seq, second.hash)


HOSTILE = {
    "NUL": "a\0b",
    "lone surrogate": "\ud83d",
    "NaN": math.nan,
    "infinity": -math.inf,
    "64-bit id": 2**63 - 1,
    "endless integer": 10**9000,
    "5 MB": "x" * 5_000_000,
    "10,000 deep": NESTED,
    "bytes": b"\x00\xff",
    "object": object(),
    "mixed keys": {1: "a", "1": "b", None: "c"},
    "jsonb would change": [1e22, 1e16, -0.0, 1e-7, 5e-324],
}


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
def test_record__hostile_content__recorded_and_verifies(db: None, value: Any) -> None:
    record(
        Kind.SETTINGS_OUTCOME,
        outcome=Outcome.UNKNOWN,
        before=value,
        after={"deeper": [value]},
        detail={"answer": value},
    )
    assert list(Verification().findings()) == []


@pytest.mark.parametrize("text", ["a\0b", "\udfff", "x" * 5_000_000, "\x1b[2J\u2028"])
def test_record__hostile_text_in_every_column__recorded_and_verifies(db: None, text: str) -> None:
    tenant = TenantRef(uuid4(), text, text)
    with acting_as(Actor("job", text, text), request_id=text):
        event = record(Kind.TENANT_CHANGED, tenant=tenant, subject=text, reason=text)
    event.refresh_from_db()
    assert len(event.subject) <= MAX_TEXT + 50
    assert "\0" not in event.tenant_name
    assert list(Verification().findings()) == []


def test_record__secret_in_content__only_its_fingerprint(db: None) -> None:
    event = record(
        Kind.CREDENTIAL_REPLACED,
        before={"token": "SENTINEL-1"},
        after={"Access-Token": "SENTINEL-2", "pin": {"password": 77341}},
        detail={"answers": [{"apiKey": ["SENTINEL-3"]}]},
    )
    assert "SENTINEL" not in event.body
    assert "77341" not in event.body
    assert event.body.count('"hmac-sha256:') == 4


def test_record__caller_rolls_back__no_event_and_no_gap(transactional_db: None) -> None:
    record(Kind.SIGNED_IN)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        record(Kind.TENANT_ADDED)
        _ = 1 / 0
    record(Kind.SIGNED_OUT)
    kinds = list(AuditEvent.objects.order_by("seq").values_list("seq", "kind"))
    assert kinds == [(1, Kind.SIGNED_IN), (2, Kind.SIGNED_OUT)]
    assert list(Verification().findings()) == []


def test_record__in_callers_transaction__head_held_until_it_commits(
    other_session: BaseDatabaseWrapper,
) -> None:
    with transaction.atomic():
        record(Kind.SETTINGS_INTENT)
        assert not is_free(other_session)
    assert is_free(other_session)


def test_record__on_its_own__head_free_afterwards(other_session: BaseDatabaseWrapper) -> None:
    record(Kind.SETTINGS_INTENT)
    assert is_free(other_session)


def test_record__uncommitted__not_visible_to_others(other_session: BaseDatabaseWrapper) -> None:
    with transaction.atomic(), other_session.cursor() as cursor:
        record(Kind.SETTINGS_INTENT)
        cursor.execute("SELECT count(*) FROM audit_auditevent")
        assert cursor.fetchone() == (0,)


def test_record__database_refuses__callers_transaction_cannot_commit(
    transactional_db: None,
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse_all() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'disk full'; END $$;"
            "CREATE TRIGGER refuse_all BEFORE INSERT ON audit_auditevent"
            " EXECUTE FUNCTION refuse_all()"
        )
    try:
        with pytest.raises((DatabaseError, TransactionManagementError)), transaction.atomic():
            Tenant.objects.create(slug="initech", name="Initech")
            swallow_errors_of_record()
            Tenant.objects.create(slug="later", name="Later")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION refuse_all() CASCADE")
    assert not Tenant.objects.exists()


def swallow_errors_of_record() -> None:
    try:
        record(Kind.TENANT_ADDED)
    except DatabaseError:
        return
    raise AssertionError("the record should have been refused")


def test_record__log_has_no_head__fails_closed(db: None) -> None:
    # As after a botched restore. The trigger would refuse the DELETE, so it has to go first.
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_audithead DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM audit_audithead")
    with pytest.raises(AuditHead.DoesNotExist):
        record(Kind.SIGNED_IN)


def test_event__person_and_tenant_deleted__byte_identical(owner: User, acme: Tenant) -> None:
    event = record(
        Kind.TENANT_CHANGED,
        tenant=TenantRef(acme.id, acme.slug, acme.name),
        actor=Actor("person", str(owner.pk), str(owner)),
    )
    before = AuditEvent.objects.filter(pk=event.pk).values().get()
    owner.delete()
    acme.delete()
    assert AuditEvent.objects.filter(pk=event.pk).values().get() == before
    assert list(Verification().findings()) == []


def test_for_tenant__events_of_two__only_its_own_newest_first(db: None) -> None:
    other = TenantRef(uuid4(), "globex", "Globex Homes")
    record(Kind.TENANT_ADDED, tenant=ACME)
    record(Kind.TENANT_ADDED, tenant=other)
    record(Kind.TENANT_CHANGED, tenant=ACME)
    kinds = [event.kind for event in AuditEvent.objects.for_tenant(ACME.id)]
    assert kinds == [Kind.TENANT_CHANGED, Kind.TENANT_ADDED]
