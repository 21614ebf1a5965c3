"""Verification finds and names every kind of tampering, and never calls unchecked records fine."""

import json
from dataclasses import replace
from typing import LiteralString
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from psycopg import sql
from pytest_django import Settings

from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.log.chain import COPIED, copies, link
from lofty_admin.audit.log.record import TenantRef, record
from lofty_admin.audit.models import AuditEvent, AuditHead
from lofty_admin.audit.proof.signed_checkpoint import Checkpoint
from lofty_admin.audit.proof.verify import Fault, Finding, Verification
from lofty_admin.core.environment import KeyRing
from tests.support.audit_log import checkpoint, sign_here, tamper, write

Faults = list[tuple[Fault, str]]
LOG = "log"


def at(seq: int) -> str:
    return f"record {seq}"


@pytest.fixture
def log(db: None, settings: Settings) -> Checkpoint:
    """Five records; returns the checkpoint a careful person kept after them."""
    write(5)
    sign_here(settings)
    return checkpoint()


def found(*anchors: Checkpoint) -> Faults:
    return [(finding.fault, finding.place) for finding in findings(*anchors)]


def findings(*anchors: Checkpoint) -> list[Finding]:
    return list(Verification(anchors).findings())


FORGE = (
    "CREATE TEMPORARY TABLE forged AS SELECT * FROM audit_auditevent WHERE seq = 3;"
    "UPDATE forged SET id = gen_random_uuid(), seq = 6,"
    " previous_hash = (SELECT hash FROM audit_audithead);"
    "INSERT INTO audit_auditevent SELECT * FROM forged"
)
SET_BACK = (
    "UPDATE audit_audithead SET seq = 3, hash = (SELECT hash FROM audit_auditevent WHERE seq = 3)"
)
MATRIX: dict[str, tuple[str, Faults]] = {
    "byte of the body": (
        "UPDATE audit_auditevent SET body = replace(body, 'reason 3', 'reason 8') WHERE seq = 3",
        [(Fault.HASH_WRONG, at(3)), (Fault.COPY_CHANGED, at(3))],
    ),
    "space in the body": (
        "UPDATE audit_auditevent SET body = body || ' ' WHERE seq = 3",
        [(Fault.HASH_WRONG, at(3))],
    ),
    "body is no JSON": (
        "UPDATE audit_auditevent SET body = 'x' WHERE seq = 3",
        [(Fault.HASH_WRONG, at(3)), (Fault.UNREADABLE, at(3))],
    ),
    "body is other JSON": (
        "UPDATE audit_auditevent SET body = '[]' WHERE seq = 3",
        [(Fault.HASH_WRONG, at(3)), (Fault.UNREADABLE, at(3))],
    ),
    "hash": (
        "UPDATE audit_auditevent SET hash = repeat('a', 64) WHERE seq = 3",
        [(Fault.HASH_WRONG, at(3)), (Fault.LINK_WRONG, at(4))],
    ),
    "hash is not even hexadecimal": (
        "UPDATE audit_auditevent SET hash = 'é' WHERE seq = 3",
        [(Fault.HASH_WRONG, at(3)), (Fault.LINK_WRONG, at(4))],
    ),
    "link": (
        "UPDATE audit_auditevent SET previous_hash = 'é' WHERE seq = 3",
        [(Fault.LINK_WRONG, at(3)), (Fault.HASH_WRONG, at(3))],
    ),
    "two swapped": (
        "UPDATE audit_auditevent SET seq = 5 - seq WHERE seq IN (2, 3)",
        [
            *[(Fault.LINK_WRONG, at(2)), (Fault.HASH_WRONG, at(2))],
            *[(Fault.LINK_WRONG, at(3)), (Fault.HASH_WRONG, at(3))],
            (Fault.LINK_WRONG, at(4)),
        ],
    ),
    "first deleted": (
        "DELETE FROM audit_auditevent WHERE seq = 1",
        [(Fault.GAP, at(2)), (Fault.LINK_WRONG, at(2))],
    ),
    "two in the middle deleted": (
        "DELETE FROM audit_auditevent WHERE seq IN (2, 3)",
        [(Fault.GAP, at(4)), (Fault.LINK_WRONG, at(4))],
    ),
    "tail cut": (
        "DELETE FROM audit_auditevent WHERE seq > 3",
        [(Fault.HEAD_MISMATCH, at(5))],
    ),
    "all deleted": ("DELETE FROM audit_auditevent", [(Fault.HEAD_MISMATCH, at(5))]),
    "forged record at the end": (
        FORGE,
        [(Fault.HASH_WRONG, at(6)), (Fault.COPY_CHANGED, at(6)), (Fault.HEAD_MISMATCH, LOG)],
    ),
    "negative number": (
        "UPDATE audit_auditevent SET seq = -1 WHERE seq = 1",
        [
            *[(Fault.GAP, at(-1)), (Fault.HASH_WRONG, at(-1))],
            *[(Fault.GAP, at(2))],
        ],
    ),
    "copy of the time": (
        "UPDATE audit_auditevent SET at = at + interval '1 microsecond' WHERE seq = 3",
        [(Fault.COPY_CHANGED, at(3))],
    ),
    "copy of the name": (
        "UPDATE audit_auditevent SET actor_name = 'Mallory' WHERE seq = 3",
        [(Fault.COPY_CHANGED, at(3))],
    ),
    "copy of the tenant": (
        "UPDATE audit_auditevent SET tenant_id = gen_random_uuid() WHERE seq = 3",
        [(Fault.COPY_CHANGED, at(3))],
    ),
    "key unknown": (
        "UPDATE audit_auditevent SET key_id = 'planted' WHERE seq = 3",
        [(Fault.UNKNOWN_KEY, at(3))],
    ),
    "two faults far apart": (
        "UPDATE audit_auditevent SET reason = 'x' WHERE seq IN (2, 5)",
        [(Fault.COPY_CHANGED, at(2)), (Fault.COPY_CHANGED, at(5))],
    ),
    "chain of another log": (
        "UPDATE audit_audithead SET log_id = gen_random_uuid()",
        [(Fault.HASH_WRONG, at(number)) for number in range(1, 6)],
    ),
    "head has another hash": (
        "UPDATE audit_audithead SET hash = repeat('b', 64)",
        [(Fault.HEAD_MISMATCH, at(5))],
    ),
    "head set back": (SET_BACK, [(Fault.HEAD_MISMATCH, LOG)]),
    "head deleted": ("DELETE FROM audit_audithead", [(Fault.HEAD_MISMATCH, LOG)]),
}


@pytest.mark.parametrize(("statement", "expected"), MATRIX.values(), ids=MATRIX.keys())
def test_verify__log_tampered_with__each_fault_named(
    log: Checkpoint, statement: str, expected: Faults
) -> None:
    tamper(statement)
    assert sorted(found(), key=str) == sorted(expected, key=str)


def test_verify__number_twice__found(log: Checkpoint) -> None:
    tamper("UPDATE audit_auditevent SET seq = 4 WHERE seq = 5")
    # Which of the two comes first is chance, so what else is found differs.
    assert {
        (Fault.DUPLICATE, at(4)),
        (Fault.HASH_WRONG, at(4)),
        (Fault.HEAD_MISMATCH, at(5)),
    } <= set(found())


def test_verify__log_as_written__nothing_found(log: Checkpoint) -> None:
    assert findings() == []
    assert findings(log) == []


def test_verify__empty_log__nothing_found(db: None) -> None:
    assert findings() == []


def test_verify__guard_switched_off__found(log: Checkpoint) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER audit_event_table")
    assert found() == [(Fault.GUARD_MISSING, LOG)]


MEND = (
    "UPDATE audit_audithead SET (seq, hash) ="
    " (SELECT seq, hash FROM audit_auditevent ORDER BY seq DESC LIMIT 1)"
)


def test_verify__tail_cut_and_head_mended__found_by_the_anchor_only(log: Checkpoint) -> None:
    tamper("DELETE FROM audit_auditevent WHERE seq > 3")
    tamper(MEND)
    assert found() == []
    assert found(log) == [(Fault.ANCHOR_LATER, at(5))]


def test_verify__anchor_of_before__still_holds(log: Checkpoint) -> None:
    record(Kind.SIGNED_IN)
    assert found(log) == []


CHANGE = (
    "UPDATE audit_auditevent SET body = %s, reason = %s, hash = %s, previous_hash = %s"
    " WHERE seq = %s"
)


def rechain(key: bytes) -> None:
    """Change record 2 and make the rest of the chain fit it, as far as `key` allows."""
    head = AuditHead.objects.get()
    previous = AuditEvent.objects.get(seq=1).hash
    for event in AuditEvent.objects.filter(seq__gte=2).order_by("seq"):
        body = event.body.replace("reason 2", "reason 9")
        reason = json.loads(body)["reason"]
        mended = link(key, head.log_id, event.seq, previous, body)
        tamper(CHANGE, [body, reason, mended, previous, event.seq])
        previous = mended
    tamper(MEND)


def test_verify__rechained_without_the_key__finds_every_changed_record(log: Checkpoint) -> None:
    rechain(bytes(32))
    assert found() == [(Fault.HASH_WRONG, at(number)) for number in (2, 3, 4, 5)]


def test_verify__rechained_with_the_key__found_by_the_anchor_only(log: Checkpoint) -> None:
    ring = settings.ENVIRONMENT.audit_keys
    rechain(ring.keys[ring.current])
    assert found() == []
    assert found(log) == [(Fault.ANCHOR_MISMATCH, at(5))]


def test_verify__key_replaced__old_and_new_records_hold(
    log: Checkpoint, settings: Settings
) -> None:
    old = settings.ENVIRONMENT.audit_keys
    both = KeyRing(current="next", keys={**old.keys, "next": b"n" * 32})
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, audit_keys=both)
    assert record(Kind.SIGNED_IN).key_id == "next"
    assert findings() == []
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, audit_keys=old)
    assert found() == [(Fault.UNKNOWN_KEY, at(6))]


def test_verify__record_added_meanwhile__no_fault(log: Checkpoint) -> None:
    verification = Verification([log])
    record(Kind.SIGNED_IN)
    assert list(verification.findings()) == []
    assert verification.last.seq == 6


# --- from a record on -----------------------------------------------------------------------------
def found_from(start: int, *anchors: Checkpoint) -> Faults:
    verification = Verification(anchors, start=start)
    return [(finding.fault, finding.place) for finding in verification.findings()]


def test_verify__from_a_record__faults_before_it_are_not_looked_for(log: Checkpoint) -> None:
    tamper("UPDATE audit_auditevent SET reason = 'x' WHERE seq IN (2, 4)")
    assert found_from(3, log) == [(Fault.COPY_CHANGED, at(4))]


def test_verify__record_before_the_start_deleted__found(log: Checkpoint) -> None:
    tamper("DELETE FROM audit_auditevent WHERE seq = 2")
    assert found_from(3, log) == [(Fault.LINK_WRONG, at(3))]


def test_verify__start_deleted__found(log: Checkpoint) -> None:
    tamper("DELETE FROM audit_auditevent WHERE seq = 3")
    assert found_from(3, log) == [(Fault.GAP, at(4)), (Fault.LINK_WRONG, at(4))]


# --- the copies -----------------------------------------------------------------------------------
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
    max_examples=60,
)
@given(reason=TEXTS, subject=TEXTS, name=TEXTS, nested=st.dictionaries(TEXTS, TEXTS, max_size=3))
def test_verify__any_texts_as_written__nothing_found(
    db: None, reason: str, subject: str, name: str, nested: dict[str, str]
) -> None:
    event = record(
        Kind.TENANT_CHANGED,
        tenant=TenantRef(uuid4(), "acme", name),
        reason=reason,
        subject=subject,
        after={**nested, "a": {"actor": {}, "at": "2026", "before": 1}},
    )
    assert list(Verification(start=event.seq).findings()) == []


def naming(column: str, statement: LiteralString) -> str:
    return sql.SQL(statement).format(sql.Identifier(column)).as_string()


COPIES = [name for name in COPIED if name not in {"id", "at", "tenant_id", "operation_id"}]


@pytest.mark.parametrize("column", COPIES)
def test_verify__any_copy_changed__found(log: Checkpoint, column: str) -> None:
    tamper(naming(column, "UPDATE audit_auditevent SET {0} = {0} || ' ' WHERE seq = 3"))
    assert [str(finding) for finding in findings()] == [
        f"record 3: copy changed: Different from its content: {column}."
    ]


@pytest.mark.parametrize("column", ["id", "tenant_id", "operation_id"])
def test_verify__any_id_changed__found(log: Checkpoint, column: str) -> None:
    tamper(naming(column, "UPDATE audit_auditevent SET {0} = gen_random_uuid() WHERE seq = 3"))
    assert found() == [(Fault.COPY_CHANGED, at(3))]


def test_verify__time_nested_deeper_in_the_content__does_not_hide_a_change(log: Checkpoint) -> None:
    other = "2020-01-01T00:00:00.000001+00:00"
    event = record(Kind.TENANT_CHANGED, after={"a": 1, "at": other, "before": 1})
    assert found() == []
    tamper("UPDATE audit_auditevent SET at = %s WHERE seq = %s", [other, event.seq])
    assert found() == [(Fault.COPY_CHANGED, at(event.seq))]


def test_copies__names__are_those_that_are_compared() -> None:
    parts = {"id": str(uuid4()), "at": "2026-01-01T00:00:00+00:00", "outcome": None}
    actor = {"kind": "", "id": "", "name": ""}
    content = {**dict.fromkeys(COPIED, ""), **parts, "actor": actor, "tenant": None}
    assert tuple(copies(content)) == COPIED
