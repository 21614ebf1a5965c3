"""Saves over HTTP against a deployment: requested, sent, recorded, and kept by Lofty.

A save changes the assistant's name; the same name is given as its reason, by which its operation
is found in the database.
"""

import json
import time
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import requests

from tests.support.deployment import Deployment, wait_for
from tests.support.http_browser import Browser, Form
from tests.support.practice_customer import PracticeCustomer
from tools.practice_control import control

OPEN = {"prepared", "sent", "unknown"}
INTENT = ("settings.intent", "")
VERIFIED = ("settings.outcome", "verified")
NOT_APPLIED = ("settings.outcome", "not_applied")
UNKNOWN = ("settings.outcome", "unknown")


@dataclass
class Save:
    """A reviewed change that is not applied yet. `page`: the response the browser got."""

    deployment: Deployment
    browser: Browser
    customer: PracticeCustomer
    name: str
    form: Form
    page: requests.Response | None = None
    _thread: Thread = field(default_factory=Thread)

    @classmethod
    def reviewed(
        cls, deployment: Deployment, browser: Browser, customer: PracticeCustomer, name: str
    ) -> "Save":
        form = browser.reviewed(customer.slug, assistantName=name)
        return cls(deployment, browser.twin(), customer, name, form.filled(reason=name))

    def begin(self, after: float = 0) -> None:
        """Press Apply, in `after` seconds; the browser waits for the answer by itself."""
        self._thread = Thread(target=self._send, args=[after])
        self._thread.start()

    def wait(self) -> None:
        self._thread.join(40)
        assert not self._thread.is_alive()

    def _send(self, after: float) -> None:
        time.sleep(after)
        try:
            self.page = self.browser.send(self.form)
        except requests.HTTPError as error:
            self.page = error.response
        except requests.RequestException:
            self.page = None  # the server was killed under it

    @property
    def is_held(self) -> bool:
        """Whether the practice Lofty holds a request of this tenant."""
        held = control(self.customer.url, "GET", "held")["held"]
        return any(request["slug"] == self.customer.slug for request in held)

    def wait_until_held(self) -> None:
        wait_for(f"a save of {self.customer.slug} to be held", lambda: self.is_held)

    def wait_until_applied(self) -> None:
        """By Lofty; of a PUT it never received it has nothing to apply."""
        wait_for("Lofty to apply it", lambda: all(put["applied"] for put in self.puts))

    @property
    def puts(self) -> list[dict[str, Any]]:
        return [put for put in self.customer.puts if put["body"]["assistantName"] == self.name]

    @property
    def lofty_has_it(self) -> bool:
        return bool(self.customer.settings["assistantName"] == self.name)

    @property
    def operations(self) -> list[dict[str, Any]]:
        return self.deployment.query(
            "SELECT * FROM agentsettings_operation WHERE reason = %s", self.name
        )

    @property
    def state(self) -> str:
        """Of its operation; "" when there is none."""
        operations = self.operations
        return str(operations[0]["state"]) if operations else ""

    @property
    def history(self) -> list[tuple[str, str]]:
        """Kind and outcome of its events, in order."""
        rows = self.deployment.query(
            "SELECT kind, outcome FROM audit_auditevent WHERE operation_id IN"
            " (SELECT id FROM agentsettings_operation WHERE reason = %s) ORDER BY seq",
            self.name,
        )
        return [(row["kind"], row["outcome"]) for row in rows]


def release(customer: PracticeCustomer) -> None:
    """Let the tenant's held requests go on, and wait until none is held."""
    control(customer.url, "POST", "release", {"slug": customer.slug})
    wait_for("the held requests to go on", lambda: not _holds(customer))


def _holds(customer: PracticeCustomer) -> bool:
    held = control(customer.url, "GET", "held")["held"]
    return any(request["slug"] == customer.slug for request in held)


def end_leases(deployment: Deployment) -> None:
    """As if more time had passed than a save or a reconciliation may take."""
    deployment.query(
        "UPDATE agentsettings_operation SET lease_until = now() WHERE settled_at IS NULL"
    )


def reconcile(deployment: Deployment) -> None:
    """Two looks at everything whose outcome is open, by the command."""
    end_leases(deployment)
    for _ in range(2):
        deployment.manage("reconcile")


def check_books(deployment: Deployment, customers: list[PracticeCustomer]) -> None:
    """The chain is whole, and every PUT Lofty ever received has one intent, written down before."""
    assert "consistent" in deployment.manage("audit_verify", expect=2)
    for customer in customers:
        meant = intents(deployment, customer)
        for put in customer.puts:
            matching = [event for event in meant if event["content"]["after"] == put["body"]]
            assert len(matching) == 1, f"{customer.slug}: a PUT with {len(matching)} intents"
            assert matching[0]["at"].isoformat() < put["received_at"]


def intents(deployment: Deployment, customer: PracticeCustomer) -> list[dict[str, Any]]:
    """The tenant's intents: `at`, and `content` as recorded."""
    rows = deployment.query(
        "SELECT at, body FROM audit_auditevent WHERE kind = 'settings.intent' AND tenant_slug = %s",
        customer.slug,
    )
    return [{"at": row["at"], "content": json.loads(row["body"])} for row in rows]
