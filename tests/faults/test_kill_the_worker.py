"""kill -9 of the worker during its periodic job: the next worker continues.

The job is put into the queue by hand, so that the test need not wait for the full minute; a minute
without a sign of life, and the end of a lease, are times moved back in the database.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.database_locks import HEAD, Lock
from tests.support.deployment import Deployment, wait_for
from tests.support.fault_rounds import ROUNDS
from tests.support.http_browser import Browser
from tests.support.interrupted_saves import (
    INTENT,
    NOT_APPLIED,
    UNKNOWN,
    VERIFIED,
    Save,
    check_books,
    end_leases,
    release,
)
from tests.support.practice_customer import PracticeCustomer

pytestmark = pytest.mark.faults
Hold = Callable[[Deployment, Save, ExitStack], Callable[[], None]]


def unknown(
    deployment: Deployment, browser: Browser, customer: PracticeCustomer, name: str, fault: str
) -> Save:
    """A save whose PUT the practice Lofty took, and lost its connection over."""
    save = Save.reviewed(deployment, browser, customer, name)
    customer.misbehave(fault)
    save.begin()
    save.wait()
    assert save.state == "unknown"
    return save


def defer(deployment: Deployment, task: str) -> None:
    """What the clock does."""
    task = f"lofty_admin.agentsettings.tasks.{task}"
    arguments = (task, '{"timestamp": 0}', "--ignore-already-enqueued")
    deployment.manage("procrastinate", "defer", *arguments)


def two_minutes_pass(deployment: Deployment) -> None:
    """The dead worker's last sign of life is old, its lease is over, and the clock has struck."""
    deployment.query(
        "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '2 minutes'"
    )
    end_leases(deployment)
    defer(deployment, "reconcile")
    defer(deployment, "retry_stalled")


def jobs(deployment: Deployment) -> list[dict[str, Any]]:
    """Those of reconcile that are not done."""
    return deployment.query(
        "SELECT id, status FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
        " AND task_name LIKE %s",
        "%.reconcile",
    )


def while_it_reads(deployment: Deployment, save: Save, locks: ExitStack) -> Callable[[], None]:
    save.customer.misbehave("hold", on="GET")
    locks.callback(lambda: release(save.customer))
    return save.wait_until_held


def before_its_record(deployment: Deployment, save: Save, locks: ExitStack) -> Callable[[], None]:
    """It has read Lofty and wants to write down what it saw."""
    return locks.enter_context(Lock(deployment, HEAD)).wait_until_it_blocks


@pytest.mark.parametrize("hold", [while_it_reads, before_its_record])
def test_kill__in_a_reconciliation__the_next_worker_settles_it(
    deployment: Deployment, browser: Browser, customer: PracticeCustomer, hold: Hold
) -> None:
    for number in range(ROUNDS):
        name = f"{hold.__name__} {number}"
        save = unknown(deployment, browser, customer, name, "drop_after")
        with ExitStack() as locks:
            wait_until_there = hold(deployment, save, locks)
            defer(deployment, "reconcile")
            deployment.worker.start()
            wait_until_there()
            deployment.worker.kill()
        assert save.state == "unknown"
        settled_by_the_next_worker(deployment, save, "verified")
        assert save.history == [INTENT, UNKNOWN, VERIFIED]
        assert len(save.puts) == 1
    check_books(deployment, [customer])


def settled_by_the_next_worker(deployment: Deployment, save: Save, state: str) -> None:
    two_minutes_pass(deployment)
    deployment.worker.start()
    try:
        wait_for("the next worker to settle it", lambda: save.state == state, 20)
        wait_for("no job to be left over", lambda: not jobs(deployment))
    finally:
        deployment.worker.stop()


def test_kill__between_two_readings__the_next_worker_looks_again(
    deployment: Deployment, browser: Browser, customer: PracticeCustomer
) -> None:
    save = unknown(deployment, browser, customer, "Two looks", "drop_before")
    deployment.worker.start()
    defer(deployment, "reconcile")
    wait_for("the first look", lambda: save.operations[0]["seen_old_at"])
    deployment.worker.kill()
    settled_by_the_next_worker(deployment, save, "not_applied")
    assert save.history == [INTENT, UNKNOWN, NOT_APPLIED]
    assert len(save.puts) == 1
