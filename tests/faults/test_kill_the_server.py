"""kill -9 of the console at each step of a save.

In one round there is a save at every point when the whole console is killed at once: most are held
by the practice Lofty, two by locks in the database. Then it is started again, what is held at
Lofty goes on, and `manage.py reconcile` looks twice. FAULT_ROUNDS says how often.
"""

import random
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.support.database_locks import HEAD, Lock
from tests.support.deployment import Deployment, wait_for
from tests.support.fault_rounds import ROUNDS
from tests.support.http_browser import Browser
from tests.support.interrupted_saves import (
    INTENT,
    NOT_APPLIED,
    OPEN,
    VERIFIED,
    Save,
    check_books,
    reconcile,
    release,
)
from tests.support.practice_customer import PracticeCustomer

pytestmark = pytest.mark.faults
OPERATIONS = "LOCK TABLE agentsettings_operation IN ACCESS EXCLUSIVE MODE"
LAST_KNOWN = "LOCK TABLE agentsettings_lastknown IN ACCESS EXCLUSIVE MODE"
Fault = dict[str, object]


@dataclass(frozen=True)
class Point:
    """Where the save is when the server is killed. `history`: the events recorded in the end."""

    name: str
    puts: int
    history: list[tuple[str, str]]
    faults: tuple[Fault, ...] = ()


NEVER_APPLIED = Point(
    "put-received-never-applied",
    1,
    [INTENT, NOT_APPLIED],
    ({"kind": "hold"}, {"kind": "drop_before"}),
)
HELD_AT_LOFTY = (
    Point(
        "before-the-intent",
        0,
        [("settings.outcome", "not_sent")],
        ({"kind": "hold", "on": "GET"},),
    ),
    Point("put-received-then-applied", 1, [INTENT, VERIFIED], ({"kind": "hold"},)),
    NEVER_APPLIED,
    Point("put-applied-not-answered", 1, [INTENT, VERIFIED], ({"kind": "hold", "when": "after"},)),
)
BEFORE_THE_RECORD = Point(
    "after-the-reply-before-the-record",
    1,
    [INTENT, VERIFIED],
    ({"kind": "hold", "on": "GET", "times": 2},),
)
AFTER_THE_RECORD = Point("right-after-the-record", 1, [INTENT, VERIFIED])
BEFORE_THE_PUT = Point("after-the-intent-before-the-put", 0, [INTENT, NOT_APPLIED])
POINTS = (*HELD_AT_LOFTY, BEFORE_THE_RECORD, AFTER_THE_RECORD, BEFORE_THE_PUT)
Saves = dict[str, Save]


@dataclass(frozen=True)
class Ending:
    """What is left of a save after the kill and the reconciliation."""

    answered: bool
    puts: int
    states: list[str]
    history: list[tuple[str, str]]
    lofty_has_it: bool

    @classmethod
    def of(cls, save: Save) -> "Ending":
        states = [operation["state"] for operation in save.operations]
        answered = save.page is not None
        return cls(answered, len(save.puts), states, save.history, save.lofty_has_it)


@pytest.fixture(scope="module")
def customers(deployment: Deployment) -> list[PracticeCustomer]:
    """A tenant for every point."""
    return [deployment.add_tenant(point.name) for point in POINTS]


@pytest.fixture(scope="module")
def rounds(
    deployment: Deployment, module_browser: Browser, customers: list[PracticeCustomer]
) -> list[dict[str, Ending]]:
    """How each round's saves ended, by their point."""
    done = []
    for number in range(ROUNDS):
        saves = reviewed(deployment, module_browser, customers, f"Round {number}")
        with ExitStack() as locks:
            bring_to_their_points(deployment, saves, locks)
            deployment.console.kill()
        come_back(deployment, saves)
        done.append({slug: Ending.of(save) for slug, save in saves.items()})
    return done


def reviewed(
    deployment: Deployment, browser: Browser, customers: list[PracticeCustomer], name: str
) -> Saves:
    return {
        customer.slug: Save.reviewed(deployment, browser, customer, name + customer.slug)
        for customer in customers
    }


def bring_to_their_points(deployment: Deployment, saves: Saves, locks: ExitStack) -> None:
    for point in (*HELD_AT_LOFTY, BEFORE_THE_RECORD):
        for fault in point.faults:
            saves[point.name].customer.misbehave(**fault)  # type: ignore[arg-type]  # kind, on, ...
        saves[point.name].begin()
    for point in HELD_AT_LOFTY:
        saves[point.name].wait_until_held()
    hold_before_the_record(saves[BEFORE_THE_RECORD.name])
    hold_after_the_record(deployment, saves[AFTER_THE_RECORD.name], locks)
    hold_before_the_put(deployment, saves[BEFORE_THE_PUT.name], locks)


def hold_before_the_record(save: Save) -> None:
    """Lofty holds the first of its reads, then the one after the PUT."""
    save.wait_until_held()
    release(save.customer)
    wait_for("the PUT and the second read", lambda: save.puts and save.is_held)


def hold_after_the_record(deployment: Deployment, save: Save, locks: ExitStack) -> None:
    """What a save does next after its record is to remember the settings; it has to wait there."""
    locks.enter_context(Lock(deployment, LAST_KNOWN))
    save.begin()
    wait_for("the record", lambda: VERIFIED in save.history)


def hold_before_the_put(deployment: Deployment, save: Save, locks: ExitStack) -> None:
    """While it waits to record its intent, queue for the table it reads next, before it sends."""
    head = locks.enter_context(Lock(deployment, HEAD))
    save.begin()
    head.wait_until_it_blocks()
    table = Lock(deployment, OPERATIONS)
    locks.callback(table.release)
    table.ask()
    table.wait_until_queued()
    head.release()
    table.wait_until_held()
    table.wait_until_it_blocks()


def come_back(deployment: Deployment, saves: Saves) -> None:
    """What Lofty has received takes its course, then the console is started and looks twice."""
    for save in saves.values():
        save.wait()
        release(save.customer)
        if save.customer.slug != NEVER_APPLIED.name:
            save.wait_until_applied()
        save.customer.behave()
    deployment.console.start()
    reconcile(deployment)


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
def test_kill__at_this_point__ends_as_lofty_has_it(
    rounds: list[dict[str, Ending]], point: Point
) -> None:
    expected = Ending(
        answered=False,
        puts=point.puts,
        states=[point.history[-1][1]],
        history=point.history,
        lofty_has_it=point.history[-1] == VERIFIED,
    )
    assert [endings[point.name] for endings in rounds] == [expected] * ROUNDS


def test_kill__in_every_round__log_and_lofty_agree(
    deployment: Deployment, rounds: list[dict[str, Ending]], customers: list[PracticeCustomer]
) -> None:
    assert len(rounds) == ROUNDS
    check_books(deployment, customers)


def test_kill__afterwards__every_tenant_can_be_changed_again(
    deployment: Deployment,
    browser: Browser,
    rounds: list[dict[str, Ending]],
    customers: list[PracticeCustomer],
) -> None:
    assert rounds
    for save in reviewed(deployment, browser, customers, "Afterwards").values():
        save.begin()
        save.wait()
        assert save.state == "verified"
        assert save.page is not None
        assert "Verified" in save.page.text


def test_kill__at_any_moment__ends_as_lofty_has_it(
    deployment: Deployment, browser: Browser, customers: list[PracticeCustomer]
) -> None:
    for number in range(ROUNDS):
        saves = reviewed(deployment, browser, customers, f"Chance {number}")
        for save in saves.values():
            save.begin(after=random.uniform(0, 0.25))
        wait_for_puts(saves, random.randint(1, len(saves)))
        deployment.console.kill()
        come_back(deployment, saves)
        for save in saves.values():
            assert save.state not in OPEN
            assert len(save.puts) <= 1
            assert save.lofty_has_it == (save.state == "verified") == bool(save.puts)
    check_books(deployment, customers)


def wait_for_puts(saves: Saves, number: int) -> None:
    """That many of the saves have reached their PUT, and the others are anywhere."""
    wait_for("PUTs", lambda: sum(bool(save.puts) for save in saves.values()) >= number)
