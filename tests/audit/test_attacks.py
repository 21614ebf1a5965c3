"""The attack matrix, row by row, carried out by an attacker who owns the database.

Each attack is answered with a named finding and exit 1, and what was planted at the other end of
the log is found as well: the command goes on to the end.
"""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as live
from django.db import connection
from pytest_django import Settings

from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.log.chain import link
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import AuditEvent, AuditHead
from lofty_admin.audit.proof.signed_checkpoint import Checkpoint
from lofty_admin.audit.proof.verify import Fault
from tests.support.audit_log import (
    MEND_HEAD,
    PUBLIC_KEY,
    checkpoint,
    keep,
    put_back,
    run,
    sign_here,
    tamper,
    write,
)

Attack = Callable[[Path], None]
PLANT_LAST = (
    "UPDATE audit_auditevent SET ip = 'planted' WHERE seq = (SELECT max(seq) FROM audit_auditevent)"
)


@pytest.fixture
def anchors(db: None, settings: Settings, tmp_path: Path) -> Path:
    """Eight records; checkpoints at 4, 6 and 8, kept in a file."""
    sign_here(settings)
    write(4)
    checkpoint()
    write(2, first=5)
    checkpoint()
    write(2, first=7)
    checkpoint()
    return keep(tmp_path / "anchors.jsonl")


def by_sql(statement: str) -> Attack:
    return lambda path: tamper(statement)


def cut_tail_and_mend(path: Path) -> None:
    tamper("DELETE FROM audit_auditevent WHERE seq > 5")
    tamper(MEND_HEAD)


def insert_forged(path: Path) -> None:
    """A copy of record 3 that claims to be record 9, well linked but with a made-up hash."""
    tamper(
        "CREATE TEMPORARY TABLE forged AS SELECT * FROM audit_auditevent WHERE seq = 3;"
        "UPDATE forged SET id = gen_random_uuid(), seq = 9, hash = repeat('f', 64),"
        " previous_hash = (SELECT hash FROM audit_audithead);"
        "INSERT INTO audit_auditevent SELECT * FROM forged"
    )
    tamper(MEND_HEAD)


def rechain(key: bytes) -> None:
    """Change record 2 and make everything after it fit, as far as `key` allows."""
    head, previous = AuditHead.objects.get(), AuditEvent.objects.get(seq=1).hash
    for event in AuditEvent.objects.filter(seq__gte=2).order_by("seq"):
        body = event.body.replace("reason 2", "reason 9")
        mended = link(key, head.log_id, event.seq, previous, body)
        tamper(
            "UPDATE audit_auditevent SET body = %s, reason = %s, hash = %s, previous_hash = %s"
            " WHERE seq = %s",
            [body, json.loads(body)["reason"], mended, previous, event.seq],
        )
        previous = mended
    tamper(MEND_HEAD)


def rechain_with_key(path: Path) -> None:
    ring = live.ENVIRONMENT.audit_keys
    rechain(ring.keys[ring.current])


def restore_old_backup(path: Path) -> None:
    """The whole database as it was after five records: consistent in itself."""
    put_back(5)


def another_log(path: Path) -> None:
    """Another console's log with the same keys, valid from its first record to its last."""
    tamper(
        "DELETE FROM audit_auditevent;"
        "UPDATE audit_audithead SET seq = 0, hash = repeat('0', 64), log_id = gen_random_uuid()"
    )
    write(8)


def records_of_another_log(path: Path) -> None:
    """The same, but under the name of ours."""
    ours = AuditHead.objects.get().log_id
    another_log(path)
    tamper("UPDATE audit_audithead SET log_id = %s", [ours])


def edit(change: Callable[[list[str]], list[str]]) -> Attack:
    """An attack on the file of anchors."""

    def attack(path: Path) -> None:
        lines = change(path.read_text().splitlines())
        path.write_text("".join(f"{line}\n" for line in lines))

    return attack


def forge(line: str, **changes: Any) -> str:
    return replace(Checkpoint.parse(line), **changes).line


def anchor_of_another_log(path: Path) -> None:
    """Checkpoints properly signed, but about another log."""
    ours = AuditHead.objects.get().log_id
    tamper("UPDATE audit_audithead SET log_id = %s", [uuid4()])
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditcheckpoint DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM audit_auditcheckpoint")
    tamper("SELECT 1")
    checkpoint()
    keep(path)
    tamper("UPDATE audit_audithead SET log_id = %s", [ours])


ATTACKS: dict[str, tuple[Attack, set[Fault]]] = {
    "flip a byte": (
        by_sql("UPDATE audit_auditevent SET body = overlay(body placing 'X' from 9) WHERE seq = 3"),
        {Fault.HASH_WRONG},
    ),
    "swap two": (
        by_sql("UPDATE audit_auditevent SET seq = 5 - seq WHERE seq IN (2, 3)"),
        {Fault.HASH_WRONG, Fault.LINK_WRONG},
    ),
    "delete the first": (
        by_sql("DELETE FROM audit_auditevent WHERE seq = 1"),
        {Fault.GAP, Fault.LINK_WRONG},
    ),
    "delete in the middle": (
        by_sql("DELETE FROM audit_auditevent WHERE seq = 3"),
        {Fault.GAP, Fault.LINK_WRONG},
    ),
    "cut the tail": (
        by_sql("DELETE FROM audit_auditevent WHERE seq > 5"),
        {Fault.HEAD_MISMATCH, Fault.ANCHOR_LATER},
    ),
    "cut the tail and mend the head": (cut_tail_and_mend, {Fault.ANCHOR_LATER}),
    "insert a forged one": (insert_forged, {Fault.HASH_WRONG}),
    "rechain without the key": (lambda path: rechain(bytes(32)), {Fault.HASH_WRONG}),
    "rechain with the key": (rechain_with_key, {Fault.ANCHOR_MISMATCH}),
    "number twice": (
        by_sql("UPDATE audit_auditevent SET seq = 4 WHERE seq = 5"),
        {Fault.DUPLICATE, Fault.GAP},
    ),
    "change a copy": (
        by_sql("UPDATE audit_auditevent SET actor_name = 'Mallory' WHERE seq = 3"),
        {Fault.COPY_CHANGED},
    ),
    "put back an old backup": (restore_old_backup, {Fault.ANCHOR_LATER}),
    "put in another log": (another_log, {Fault.ANCHOR_OTHER_LOG}),
    "put in the records of another log": (
        records_of_another_log,
        {Fault.HASH_WRONG, Fault.ANCHOR_MISMATCH},
    ),
    "name an unknown key": (
        by_sql("UPDATE audit_auditevent SET key_id = 'planted' WHERE seq = 3"),
        {Fault.UNKNOWN_KEY},
    ),
    "remove the anchors": (lambda path: path.unlink(), {Fault.ANCHOR_MISSING}),
    "empty the anchors": (edit(lambda lines: []), {Fault.ANCHOR_MISSING}),
    "spoil an anchor": (
        edit(lambda lines: [lines[0], lines[1][:-9], lines[2]]),
        {Fault.ANCHOR_UNREADABLE, Fault.ANCHOR_GAP},
    ),
    "change what an anchor says": (
        edit(lambda lines: [*lines[:2], forge(lines[2], size=7)]),
        {Fault.ANCHOR_SIGNATURE},
    ),
    "sign an anchor with another key": (
        edit(lambda lines: [*lines[:2], forge(lines[2], key_id="ed25519-0000000000000000")]),
        {Fault.ANCHOR_UNKNOWN_KEY},
    ),
    "anchors of another log": (anchor_of_another_log, {Fault.ANCHOR_OTHER_LOG}),
    "anchor later than the log": (restore_old_backup, {Fault.ANCHOR_LATER}),
    "gap in the anchors": (edit(lambda lines: [lines[0], lines[2]]), {Fault.ANCHOR_GAP}),
}


@pytest.mark.parametrize(("attack", "expected"), ATTACKS.values(), ids=ATTACKS.keys())
def test_verify_command__log_attacked__names_the_fault_and_checks_the_rest(
    anchors: Path, attack: Attack, expected: set[Fault]
) -> None:
    attack(anchors)
    tamper(PLANT_LAST)
    code, text = run("audit_verify", "--anchor", str(anchors), "--public-key", PUBLIC_KEY)
    for fault in expected:
        assert f": {fault}: " in text
    assert re.search(r"copy changed: Different from its content: [a-z_, ]*\bip\b", text)
    assert "The log was altered." in text
    assert code == 1


@pytest.mark.parametrize(("attack", "expected"), ATTACKS.values(), ids=ATTACKS.keys())
def test_verify_command__each_attack__is_never_called_sound(
    anchors: Path, attack: Attack, expected: set[Fault]
) -> None:
    """Without the planted change: the attack alone is enough for exit 1."""
    attack(anchors)
    code, text = run("audit_verify", "--anchor", str(anchors), "--public-key", PUBLIC_KEY)
    assert code == 1
    assert {fault for fault in expected if f": {fault}: " not in text} == set()


def test_verify_command__checkpoints_stopped__says_so(anchors: Path, settings: Settings) -> None:
    tamper(PLANT_LAST)
    code, text = run(
        "audit_verify", "--anchor", str(anchors), "--public-key", PUBLIC_KEY, "--stale-after", "-1"
    )
    assert code == 1
    assert "log: no recent checkpoint: The newest anchor is from " in text
    assert "copy changed" in text


def test_verify_command__not_attacked__exit_0_and_its_limit(anchors: Path) -> None:
    record(Kind.SIGNED_IN)
    code, text = run("audit_verify", "--anchor", str(anchors), "--public-key", PUBLIC_KEY)
    assert code == 0
    assert "Records 1 to 9 checked: consistent, and not cut up to record 8, by the" in text
    assert "This run could not check whether records after 8 were cut off." in text
