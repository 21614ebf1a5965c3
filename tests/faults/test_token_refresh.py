"""Refreshing a token in several processes, and kill -9 in the middle of it."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.database_locks import Lock
from tests.support.deployment import Deployment, wait_for
from tests.support.fault_rounds import ROUNDS
from tests.support.http_browser import Browser
from tests.support.interrupted_saves import release
from tests.support.oauth_connections import (
    connect,
    end_lease,
    let_it_run_out,
    renewals,
    row_of,
    started,
    tokens_given,
)
from tests.support.practice_customer import PracticeCustomer
from tools.practice_control import control

pytestmark = pytest.mark.faults
MANY = 8


@pytest.fixture(autouse=True)
def _connected(
    deployment: Deployment, browser: Browser, customer: PracticeCustomer
) -> Iterator[None]:
    """A connection that was just made."""
    connect(browser, customer)
    yield
    customer.behave()
    release(customer)


def check(customer: PracticeCustomer) -> tuple[str, ...]:
    """A use of the connection, by a process of its own."""
    return ("check_tokens", "--tenant", customer.slug)


def wait_until_held(customer: PracticeCustomer) -> None:
    def is_held() -> bool:
        held = control(customer.url, "GET", "held")["held"]
        return any(one["slug"] == customer.slug for one in held)

    wait_for("the renewal to be held by Lofty", is_held, 20)


def processes(deployment: Deployment) -> int:
    """Connections of the console's processes to its database."""
    found = deployment.query(
        "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'lofty-%%'"
        " AND datname = current_database()"
    )
    return len(found)


def test_renewal__eight_processes_at_once__lofty_is_asked_once(
    deployment: Deployment, customer: PracticeCustomer
) -> None:
    for _ in range(max(1, ROUNDS // 8)):
        let_it_run_out(deployment, customer)
        given, recorded = tokens_given(customer), renewals(deployment, customer)
        customer.misbehave("delay", on="POST", times=50, seconds=0.01)  # counts the calls
        answers = used_by_many(deployment, customer)
        assert calls_left(customer) == 49
        customer.behave()
        assert [code for code, _ in answers] == [0] * MANY, answers
        assert tokens_given(customer) == given + 1
        assert renewals(deployment, customer) == recorded + 1


def calls_left(customer: PracticeCustomer) -> int:
    found = control(customer.url, "GET", f"customers/{customer.slug}/faults")["faults"]
    return int(found[0]["times"])


def used_by_many(deployment: Deployment, customer: PracticeCustomer) -> list[tuple[int, str]]:
    """All there before Lofty answers the one that asks; how each ended."""
    others = processes(deployment)
    customer.misbehave("hold", on="POST")
    with ExitStack() as stack:
        uses = [stack.enter_context(started(deployment, *check(customer))) for _ in range(MANY)]
        wait_until_held(customer)
        wait_for("all of them", lambda: processes(deployment) >= others + MANY, 30)
        release(customer)
        return [use.ended() for use in uses]


def test_kill__while_lofty_is_asked__the_next_one_renews_with_the_same_refresh_token(
    deployment: Deployment, customer: PracticeCustomer
) -> None:
    for _ in range(ROUNDS):
        let_it_run_out(deployment, customer)
        customer.misbehave("drop_before", on="POST")  # so that the killed one's call is not used
        customer.misbehave("hold", on="POST")
        with started(deployment, *check(customer)) as use:
            wait_until_held(customer)
            use.kill()
        release(customer)
        assert row_of(deployment, customer)["lease_until"] is not None
        end_lease(deployment, customer)
        version = row_of(deployment, customer)["version"]
        assert "All 1 work." in deployment.manage(*check(customer))
        assert row_of(deployment, customer)["version"] == version + 1


def test_kill__after_the_answer_before_the_save__authorise_again_and_no_loop(
    deployment: Deployment, browser: Browser, customer: PracticeCustomer
) -> None:
    for _ in range(ROUNDS):
        let_it_run_out(deployment, customer)
        given = tokens_given(customer)
        kill_before_it_saves(deployment, customer)
        end_lease(deployment, customer)
        for _ in range(3):
            let_it_run_out(deployment, customer)
            assert "Reconnect needed" in deployment.manage(*check(customer), expect=1)
        found = row_of(deployment, customer)
        assert found["authorise_again_since"] is not None
        assert "The previous renewal was interrupted" in found["note"]
        assert found["failures"] == 1, "tried once, and then no more"
        assert tokens_given(customer) == given + 1
        connect(browser, customer)
        assert "All 1 work." in deployment.manage(*check(customer))


def kill_before_it_saves(deployment: Deployment, customer: PracticeCustomer) -> None:
    given = tokens_given(customer)
    pk = row_of(deployment, customer)["tenant_id"]
    tenant = f"SELECT 1 FROM tenants_tenant WHERE id = '{pk}' FOR UPDATE"  # noqa: S608 - our own
    with Lock(deployment, tenant) as lock, started(deployment, *check(customer)) as use:
        wait_for("Lofty to give the new token", lambda: tokens_given(customer) > given, 20)
        lock.wait_until_it_blocks()
        use.kill()


def test_worker__by_the_clock__renews_ahead_of_the_end(
    deployment: Deployment, customer: PracticeCustomer
) -> None:
    deployment.query(
        "UPDATE tenants_credential SET access_expires_at = now() + interval '5 minutes'"
        " WHERE id = %s",
        row_of(deployment, customer)["id"],
    )
    recorded = renewals(deployment, customer)
    arguments = ("tenants.renew_due", '{"timestamp": 0}', "--ignore-already-enqueued")
    deployment.manage("procrastinate", "defer", *arguments)
    deployment.worker.start()
    try:
        wait_for("it to renew", lambda: renewals(deployment, customer) == recorded + 1, 20)
    finally:
        deployment.worker.stop()
