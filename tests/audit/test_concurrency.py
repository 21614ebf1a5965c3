"""Many processes write at once: no gap, no duplicate, no broken link.

FAULT_ROUNDS scales it: `FAULT_ROUNDS=100` is the full 8 x 100.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterable
from multiprocessing.synchronize import Barrier
from uuid import uuid4

import pytest
from django.db import connection, connections, transaction

from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.log.chain import link
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import GENESIS, AuditEvent
from lofty_admin.audit.proof.verify import Verification

WRITERS = 8
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "30"))
KEPT = WRITERS * (ROUNDS - ROUNDS // 10)
Row = tuple[int, str, str]


class TakenBackError(Exception):
    """One in ten transactions is rolled back."""


def write_all(write: Callable[[], object], start: Barrier) -> None:
    connections.close_all()
    start.wait()
    for number in range(1, ROUNDS + 1):
        try:
            with transaction.atomic():
                write()
                if number % 10 == 0:
                    raise TakenBackError
        except TakenBackError:
            continue
    connections.close_all()


def in_processes(write: Callable[[], object]) -> None:
    # A child must not inherit an open connection: closing it there would end it here.
    connections.close_all()
    fork = multiprocessing.get_context("fork")
    start = fork.Barrier(WRITERS)
    children = [fork.Process(target=write_all, args=(write, start)) for _ in range(WRITERS)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * WRITERS


def broken_places(rows: Iterable[Row]) -> int:
    """How many rows do not continue the one before: number or link."""
    broken, last, last_hash = 0, 0, GENESIS
    for seq, previous_hash, own_hash in rows:
        broken += (seq, previous_hash) != (last + 1, last_hash)
        last, last_hash = seq, own_hash
    return broken


def test_record__eight_processes_with_rollbacks__one_unbroken_chain(
    transactional_db: None,
) -> None:
    in_processes(lambda: record(Kind.SETTINGS_INTENT))
    rows = list(AuditEvent.objects.order_by("seq").values_list("seq", "previous_hash", "hash"))
    assert len(rows) == KEPT
    assert broken_places(rows) == 0
    assert list(Verification().findings()) == []


@pytest.fixture
def naive_table(transactional_db: None) -> Iterable[None]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE naive (seq bigint, previous_hash text, hash text)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE naive")


def record_naively() -> None:
    """Last number plus one, without a lock: what the head row is there to prevent."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq, hash FROM naive ORDER BY seq DESC LIMIT 1")
        last, last_hash = cursor.fetchone() or (0, GENESIS)
        own_hash = link(bytes(32), uuid4(), last + 1, last_hash, "{}")
        cursor.execute("INSERT INTO naive VALUES (%s, %s, %s)", [last + 1, last_hash, own_hash])


def test_broken_places__written_without_the_lock__finds_them(naive_table: None) -> None:
    in_processes(record_naively)
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq, previous_hash, hash FROM naive ORDER BY seq")
        rows = cursor.fetchall()
    assert len(rows) == KEPT
    assert broken_places(rows) > 0
