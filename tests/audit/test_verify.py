"""Every way to tamper is found and named; what was not checked is never called fine."""

import json
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from lofty_admin.audit import triggers
from lofty_admin.audit.chain import link
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.models import AuditEvent, AuditHead
from lofty_admin.audit.record import record
from lofty_admin.audit.verify import Anchor, Fault, Finding, Verification
from lofty_admin.environment import KeyRing

Faults = list[tuple[Fault, int | None]]


@pytest.fixture
def log(db: None) -> Anchor:
    """Five records; returns the anchor a careful person noted after them."""
    for number in range(1, 6):
        event = record(Kind.TENANT_CHANGED, reason=f"reason {number}")
    return Anchor(event.seq, event.hash)


def tamper(statement: str, values: list[Any] | None = None) -> None:
    """As the owner of the tables can: guards off, changes, guards on again."""
    with connection.cursor() as cursor:
        for table in ("audit_auditevent", "audit_audithead"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(
            "ALTER TABLE audit_auditevent DROP CONSTRAINT IF EXISTS audit_auditevent_seq_key;"
            "ALTER TABLE audit_auditevent DROP CONSTRAINT IF EXISTS audit_no_fork"
        )
        cursor.execute(statement, values)
    triggers.install(connection)


def found(anchor: Anchor | None = None) -> Faults:
    return [(finding.fault, finding.seq) for finding in findings(anchor)]


def findings(anchor: Anchor | None = None) -> list[Finding]:
    return list(Verification(anchor).findings())


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
        [(Fault.HASH_WRONG, 3), (Fault.COPY_CHANGED, 3)],
    ),
    "space in the body": (
        "UPDATE audit_auditevent SET body = body || ' ' WHERE seq = 3",
        [(Fault.HASH_WRONG, 3)],
    ),
    "body is no JSON": (
        "UPDATE audit_auditevent SET body = 'x' WHERE seq = 3",
        [(Fault.HASH_WRONG, 3), (Fault.UNREADABLE, 3)],
    ),
    "body is other JSON": (
        "UPDATE audit_auditevent SET body = '[]' WHERE seq = 3",
        [(Fault.HASH_WRONG, 3), (Fault.UNREADABLE, 3)],
    ),
    "hash": (
        "UPDATE audit_auditevent SET hash = repeat('a', 64) WHERE seq = 3",
        [(Fault.HASH_WRONG, 3), (Fault.LINK_WRONG, 4)],
    ),
    "hash is not even hexadecimal": (
        "UPDATE audit_auditevent SET hash = 'é' WHERE seq = 3",
        [(Fault.HASH_WRONG, 3), (Fault.LINK_WRONG, 4)],
    ),
    "link": (
        "UPDATE audit_auditevent SET previous_hash = 'é' WHERE seq = 3",
        [(Fault.LINK_WRONG, 3), (Fault.HASH_WRONG, 3)],
    ),
    "two swapped": (
        "UPDATE audit_auditevent SET seq = 5 - seq WHERE seq IN (2, 3)",
        [
            *[(Fault.LINK_WRONG, 2), (Fault.HASH_WRONG, 2)],
            *[(Fault.LINK_WRONG, 3), (Fault.HASH_WRONG, 3)],
            (Fault.LINK_WRONG, 4),
        ],
    ),
    "first deleted": (
        "DELETE FROM audit_auditevent WHERE seq = 1",
        [(Fault.GAP, 2), (Fault.LINK_WRONG, 2)],
    ),
    "two in the middle deleted": (
        "DELETE FROM audit_auditevent WHERE seq IN (2, 3)",
        [(Fault.GAP, 4), (Fault.LINK_WRONG, 4)],
    ),
    "tail cut": (
        "DELETE FROM audit_auditevent WHERE seq > 3",
        [(Fault.HEAD_MISMATCH, 5)],
    ),
    "all deleted": ("DELETE FROM audit_auditevent", [(Fault.HEAD_MISMATCH, 5)]),
    "forged record at the end": (
        FORGE,
        [(Fault.HASH_WRONG, 6), (Fault.COPY_CHANGED, 6), (Fault.HEAD_MISMATCH, None)],
    ),
    "negative number": (
        "UPDATE audit_auditevent SET seq = -1 WHERE seq = 1",
        [
            *[(Fault.GAP, -1), (Fault.HASH_WRONG, -1)],
            *[(Fault.GAP, 2)],
        ],
    ),
    "copy of the time": (
        "UPDATE audit_auditevent SET at = at + interval '1 microsecond' WHERE seq = 3",
        [(Fault.COPY_CHANGED, 3)],
    ),
    "copy of the name": (
        "UPDATE audit_auditevent SET actor_name = 'Mallory' WHERE seq = 3",
        [(Fault.COPY_CHANGED, 3)],
    ),
    "copy of the tenant": (
        "UPDATE audit_auditevent SET tenant_id = gen_random_uuid() WHERE seq = 3",
        [(Fault.COPY_CHANGED, 3)],
    ),
    "key unknown": (
        "UPDATE audit_auditevent SET key_id = 'planted' WHERE seq = 3",
        [(Fault.UNKNOWN_KEY, 3)],
    ),
    "two faults far apart": (
        "UPDATE audit_auditevent SET reason = 'x' WHERE seq IN (2, 5)",
        [(Fault.COPY_CHANGED, 2), (Fault.COPY_CHANGED, 5)],
    ),
    "chain of another log": (
        "UPDATE audit_audithead SET log_id = gen_random_uuid()",
        [(Fault.HASH_WRONG, number) for number in range(1, 6)],
    ),
    "head has another hash": (
        "UPDATE audit_audithead SET hash = repeat('b', 64)",
        [(Fault.HEAD_MISMATCH, 5)],
    ),
    "head set back": (SET_BACK, [(Fault.HEAD_MISMATCH, None)]),
    "head deleted": ("DELETE FROM audit_audithead", [(Fault.HEAD_MISMATCH, None)]),
}


@pytest.mark.parametrize(("statement", "expected"), MATRIX.values(), ids=MATRIX.keys())
def test_verify__log_tampered_with__each_fault_named(
    log: Anchor, statement: str, expected: Faults
) -> None:
    tamper(statement)
    assert sorted(found(), key=str) == sorted(expected, key=str)


def test_verify__number_twice__found(log: Anchor) -> None:
    tamper("UPDATE audit_auditevent SET seq = 4 WHERE seq = 5")
    # Which of the two comes first is chance, so what else is found differs.
    assert {(Fault.DUPLICATE, 4), (Fault.HASH_WRONG, 4), (Fault.HEAD_MISMATCH, 5)} <= set(found())


def test_verify__log_as_written__nothing_found(log: Anchor) -> None:
    assert findings() == []
    assert findings(log) == []


def test_verify__empty_log__nothing_found(db: None) -> None:
    assert findings() == []


def test_verify__guard_switched_off__found(log: Anchor) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER audit_event_table")
    assert found() == [(Fault.GUARD_MISSING, None)]


MEND = (
    "UPDATE audit_audithead SET (seq, hash) ="
    " (SELECT seq, hash FROM audit_auditevent ORDER BY seq DESC LIMIT 1)"
)


def test_verify__tail_cut_and_head_mended__found_by_the_anchor_only(log: Anchor) -> None:
    tamper("DELETE FROM audit_auditevent WHERE seq > 3")
    tamper(MEND)
    assert found() == []
    assert found(log) == [(Fault.ANCHOR_MISMATCH, 5)]


def test_verify__anchor_of_before__still_holds(log: Anchor) -> None:
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


def test_verify__chained_anew_without_the_key__every_record_of_it_found(log: Anchor) -> None:
    rechain(bytes(32))
    assert found() == [(Fault.HASH_WRONG, number) for number in (2, 3, 4, 5)]


def test_verify__chained_anew_with_the_key__found_by_the_anchor_only(log: Anchor) -> None:
    ring = settings.ENVIRONMENT.audit_keys
    rechain(ring.keys[ring.current])
    assert found() == []
    assert found(log) == [(Fault.ANCHOR_MISMATCH, 5)]


def test_verify__key_replaced__old_and_new_records_hold(log: Anchor, settings: Settings) -> None:
    old = settings.ENVIRONMENT.audit_keys
    both = KeyRing(current="next", keys={**old.keys, "next": b"n" * 32})
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, audit_keys=both)
    assert record(Kind.SIGNED_IN).key_id == "next"
    assert findings() == []
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, audit_keys=old)
    assert found() == [(Fault.UNKNOWN_KEY, 6)]


def test_verify__record_added_meanwhile__no_fault(log: Anchor) -> None:
    verification = Verification(log)
    record(Kind.SIGNED_IN)
    assert list(verification.findings()) == []
    assert verification.last.seq == 6


def run(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("audit_verify", *arguments, stdout=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_command__no_anchor__exit_2_and_says_what_was_not_checked(log: Anchor) -> None:
    code, text = run()
    assert code == 2
    assert "5 records, consistent. Truncation NOT checked" in text
    assert f"--anchor {log}" in text


def test_command__anchor_it_printed_itself__exit_0(log: Anchor) -> None:
    _, text = run()
    code, text = run(*text.splitlines()[-1].split())
    assert code == 0
    assert "the anchor at record 5 holds" in text


def test_command__fault__exit_1_and_named(log: Anchor) -> None:
    tamper("UPDATE audit_auditevent SET reason = 'x' WHERE seq IN (2, 5)")
    code, text = run("--anchor", str(log))
    assert code == 1
    assert "record 2: copy changed: Not as in its content: reason." in text
    assert "record 5: copy changed" in text
    assert "2 faults. The log is NOT as it was written." in text


@pytest.mark.parametrize("text", ["", "5", "5:", "5:abc", "x:" + "a" * 64, "-5:" + "a" * 64])
def test_command__anchor_misspelt__says_how_it_looks(db: None, text: str) -> None:
    with pytest.raises(CommandError, match="An anchor is NUMBER:HASH"):
        call_command("audit_verify", f"--anchor={text}")
