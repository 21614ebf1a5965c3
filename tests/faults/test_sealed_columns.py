"""Attacks by a writer to the database, and kill -9 during a key rotation."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from lofty_admin.core import vault
from tests.support.database_locks import Lock
from tests.support.deployment import Deployment
from tests.support.fault_rounds import ROUNDS
from tests.support.http_browser import Browser, form_in
from tests.support.oauth_connections import (
    connect,
    let_it_run_out,
    new_vault_keys,
    row_of,
    started,
)
from tests.support.practice_customer import PracticeCustomer
from tools.practice_control import control

pytestmark = pytest.mark.faults
COLUMNS = ("sealed", "sealed_refresh", "sealed_key")
Row = dict[str, Any]
Attack = Callable[[Row, Row, Row], Row]


@pytest.fixture(scope="module")
def other(deployment: Deployment) -> PracticeCustomer:
    return deployment.add_tenant("sealed-columns-other")


@pytest.fixture(scope="module", autouse=True)
def _connected(
    deployment: Deployment,
    module_browser: Browser,
    customer: PracticeCustomer,
    other: PracticeCustomer,
) -> None:
    connect(module_browser, customer)
    connect(module_browser, other)


def put(deployment: Deployment, row: Row, **columns: Any) -> None:
    """Past the console, as the database's owner could."""
    sets = ", ".join(f"{name} = %s" for name in columns)
    values = [*columns.values(), row["id"]]
    deployment.query(f"UPDATE tenants_credential SET {sets} WHERE id = %s", *values)  # noqa: S608


def flipped(sealed: bytes) -> bytes:
    """One bit of it, anywhere."""
    changed = bytearray(sealed)
    changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def of_mine(row: Row) -> Row:
    """What an attacker would put back of a row."""
    return {name: row[name] for name in (*COLUMNS, "version", "fingerprint", "last_four")}


ATTACKS: dict[str, Attack] = {
    "another row's": lambda mine, other, old: {"sealed": other["sealed"]},
    "another row's, version too": lambda mine, other, old: {
        "sealed": other["sealed"],
        "version": other["version"],
    },
    "another column's": lambda mine, other, old: {"sealed": mine["sealed_refresh"]},
    "a flipped bit": lambda mine, other, old: {"sealed": flipped(mine["sealed"])},
    "cut": lambda mine, other, old: {
        "sealed": mine["sealed"][: random.randrange(len(mine["sealed"]))]
    },
    "plain text": lambda mine, other, old: {"sealed": b"practice-planted-token-0123456789"},
    "nothing": lambda mine, other, old: {"sealed": b""},
    "another version": lambda mine, other, old: {"version": mine["version"] + 1000},
    "yesterday's": lambda mine, other, old: {"sealed": old["sealed"]},
    "yesterday's, the whole row": lambda mine, other, old: of_mine(old),
}


MANY_CALLS = 1000


def count_calls(*customers: PracticeCustomer) -> None:
    """From now on: each call that Lofty lets in uses up one of these."""
    for customer in customers:
        customer.behave()
        customer.misbehave("delay", on="any", times=MANY_CALLS, seconds=0)


def calls(*customers: PracticeCustomer) -> int:
    """Since `count_calls`."""
    faults = [
        control(customer.url, "GET", f"customers/{customer.slug}/faults") for customer in customers
    ]
    return sum(MANY_CALLS - found["faults"][0]["times"] for found in faults)


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack__on_a_sealed_column__nothing_is_sent_and_it_is_recorded(
    deployment: Deployment,
    browser: Browser,
    customer: PracticeCustomer,
    other: PracticeCustomer,
    attack: str,
) -> None:
    page = f"/t/{customer.slug}/connection/"
    for _ in range(ROUNDS):
        yesterday = row_of(deployment, customer)
        renew(deployment, browser, customer)
        mine = row_of(deployment, customer)
        assert mine["version"] > yesterday["version"]
        count_calls(customer, other)
        put(deployment, mine, **ATTACKS[attack](mine, row_of(deployment, other), yesterday))
        try:
            answer = browser.send(form_in(browser.get(page), f"{page}test/")).text
            assert "Nothing was sent to Lofty" in answer
            assert calls(customer, other) == 0
            assert last_event(deployment, customer) == ("credential.tested", "refused")
            assert row_of(deployment, customer)["status"] == "unreadable"
        finally:
            put(deployment, mine, **of_mine(mine))
        assert "The token works" in browser.send(form_in(browser.get(page), f"{page}test/")).text
        assert calls(customer, other) == 2  # the counting counts


def renew(deployment: Deployment, browser: Browser, customer: PracticeCustomer) -> None:
    """By a use past the access token's end."""
    let_it_run_out(deployment, customer)
    page = f"/t/{customer.slug}/connection/"
    browser.send(form_in(browser.get(page), f"{page}test/"))


def last_event(deployment: Deployment, customer: PracticeCustomer) -> tuple[str, str]:
    (event,) = deployment.query(
        "SELECT kind, outcome FROM audit_auditevent WHERE tenant_slug = %s"
        " ORDER BY seq DESC LIMIT 1",
        customer.slug,
    )
    return event["kind"], event["outcome"]


@pytest.fixture
def many(deployment: Deployment, other: PracticeCustomer) -> Iterator[list[Row]]:
    """Thirty more unused connections, removed at the end."""
    for number in range(30):
        ids = {"id": str(uuid4()), "slug": f"rotated-{number}"}
        deployment.query(
            "INSERT INTO tenants_tenant SELECT (jsonb_populate_record(t, %s::jsonb)).*"
            " FROM tenants_tenant t WHERE slug = %s",
            _json(ids),
            other.slug,
        )
        pk = uuid4()
        sealed = vault.seal(
            f"access-{number}", table="tenants_credential", column="sealed", owner=pk, version=1
        )
        columns = {"id": str(pk), "tenant_id": ids["id"], "version": 1, "sealed_refresh": "\\x"}
        deployment.query(
            "INSERT INTO tenants_credential SELECT (jsonb_populate_record(c, %s::jsonb)).*"
            " FROM tenants_credential c WHERE id = %s",
            _json({**columns, "sealed": f"\\x{sealed.hex()}"}),
            row_of(deployment, other)["id"],
        )
    yield rotated(deployment)
    deployment.query("DELETE FROM tenants_credential WHERE tenant_id IN (SELECT id FROM"
                     " tenants_tenant WHERE slug LIKE 'rotated-%%')")  # fmt: skip
    deployment.query("DELETE FROM tenants_tenant WHERE slug LIKE 'rotated-%%'")


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value)


def rotated(deployment: Deployment) -> list[Row]:
    return deployment.query(
        "SELECT c.*, t.slug FROM tenants_credential c JOIN tenants_tenant t ON t.id = c.tenant_id"
        " WHERE t.slug LIKE %s ORDER BY c.id",
        "rotated-%",
    )


def key_of(row: Row) -> str:
    sealed = bytes(row["sealed"])
    return sealed[4 : 4 + sealed[3]].decode()


def test_kill__in_a_rotation__whole_batches_are_done_and_the_next_run_continues(
    deployment: Deployment, customer: PracticeCustomer, many: list[Row]
) -> None:
    for _ in range(max(1, ROUNDS // 8)):
        before = {key_of(row) for row in rotated(deployment)}
        keys = new_vault_keys(deployment)
        fresh = keys.partition(":")[0]
        stop_at = random.choice(many[10:25])["id"]
        row = f"SELECT 1 FROM tenants_credential WHERE id = '{stop_at}' FOR UPDATE"  # noqa: S608 - our own
        arguments = ("rotate_keys", "--batch", "5")
        with (
            Lock(deployment, row) as lock,
            started(deployment, *arguments, VAULT_KEYS=keys) as run,
        ):
            lock.wait_until_it_blocks()
            run.kill()
        found = [key_of(one) for one in rotated(deployment)]
        assert set(found) == {fresh, *before}, "some done, some not"
        output = deployment.manage("rotate_keys", "--retire", *before, expect=1, VAULT_KEYS=keys)
        assert "must stay" in output
        deployment.env["VAULT_KEYS"] = keys
        output = deployment.manage(*arguments)
        assert f"sealed under the key {fresh}" in output
        assert {key_of(one) for one in rotated(deployment)} == {fresh}
        deployment.console.kill()
        deployment.console.start()
        for key in before:
            assert "you can remove it" in deployment.manage("rotate_keys", "--retire", key)
        assert "All 1 work." in deployment.manage("check_tokens", "--tenant", customer.slug)


def test_rotation__during_a_refresh__the_refreshed_token_is_in_use(
    deployment: Deployment, browser: Browser, customer: PracticeCustomer, many: list[Row]
) -> None:
    page = f"/t/{customer.slug}/connection/"
    for _ in range(max(1, ROUNDS // 8)):
        keys = new_vault_keys(deployment)
        deployment.env["VAULT_KEYS"] = keys
        mine = row_of(deployment, customer)
        with started(deployment, "rotate_keys", "--batch", "1") as run:
            for _ in range(10):
                put(deployment, mine, access_expires_at=None)
                deployment.query(
                    "UPDATE tenants_credential SET access_expires_at = now() WHERE id = %s",
                    mine["id"],
                )
                deployment.manage("check_tokens", "--tenant", customer.slug)
            code, output = run.ended()
        assert code == 0, output
        after = row_of(deployment, customer)
        assert after["version"] == mine["version"] + 10
        deployment.console.kill()
        deployment.console.start()
        answer = browser.send(form_in(browser.get(page), f"{page}test/")).text
        assert "The token works" in answer
