"""OAuth connections of a deployment: made in a browser, used by separate processes."""

import os
import secrets
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.deployment import OAUTH_ID, Deployment
from tests.support.http_browser import Browser, Form, form_in
from tests.support.parent_death import end_with_parent
from tests.support.practice_customer import PracticeCustomer
from tools.practice_control import control
from tools.processes import ROOT

LONG_AGO = "now() - interval '2 hours'"


def connect(browser: Browser, customer: PracticeCustomer) -> None:
    """Begin, come back from Lofty with a code, and say that the account is the right one."""
    page = f"/t/{customer.slug}/connection/"
    browser.send(form_in(browser.get(page), f"{page}connect/"))
    wish = {"client_id": OAUTH_ID, "slug": customer.slug}
    code = control(customer.url, "POST", "codes", wish)["code"]
    answer = browser.get(f"/oauth/lofty/callback?code={code}")
    form = form_in(answer, f"{page}connect/confirm/")
    ticked = [*form.fields, ("right", "on"), ("meant", "on")]
    assert "The account is connected." in browser.send(Form(form.action, ticked)).text


def let_it_run_out(deployment: Deployment, customer: PracticeCustomer) -> None:
    """The access token is past its end, and the pause after a failure is over."""
    pk = row_of(deployment, customer)["id"]
    ended = f"UPDATE tenants_credential SET access_expires_at = {LONG_AGO}"  # noqa: S608 - our own
    deployment.query(f"{ended} WHERE id = %s", pk)
    deployment.query(
        "UPDATE tenants_tokenrefresh SET not_before = NULL WHERE connection_id = %s", pk
    )


def end_lease(deployment: Deployment, customer: PracticeCustomer) -> None:
    """As if the time that a renewal may take were over."""
    deployment.query(
        f"UPDATE tenants_tokenrefresh SET lease_until = {LONG_AGO},"  # noqa: S608 - our own
        " not_before = NULL WHERE lease_until IS NOT NULL AND connection_id = %s",
        row_of(deployment, customer)["id"],
    )


def row_of(deployment: Deployment, customer: PracticeCustomer) -> dict[str, Any]:
    """The connection in use, with its health and what is known of its renewal."""
    (row,) = deployment.query(
        "SELECT h.*, r.*, c.* FROM tenants_credential c JOIN tenants_tenant t ON t.id = c.tenant_id"
        " JOIN tenants_connectionhealth h ON h.connection_id = c.id"
        " JOIN tenants_tokenrefresh r ON r.connection_id = c.id"
        " WHERE t.slug = %s AND c.retired_at IS NULL",
        customer.slug,
    )
    return row


def renewals(deployment: Deployment, customer: PracticeCustomer) -> int:
    """How many the history tells of."""
    rows = deployment.query(
        "SELECT 1 FROM audit_auditevent WHERE kind = 'credential.renewed' AND tenant_slug = %s",
        customer.slug,
    )
    return len(rows)


def tokens_given(customer: PracticeCustomer) -> int:
    """How many access tokens Lofty has given the app for this customer."""
    return sum(token["client_id"] is not None for token in customer.look()["tokens"])


@contextmanager
def started(deployment: Deployment, *arguments: str, **env: str) -> Iterator["Command"]:
    """manage.py in a process group of its own, gone at the end of the block."""
    command = Command(deployment, arguments, env)
    try:
        yield command
    finally:
        command.kill()


class Command:
    def __init__(
        self, deployment: Deployment, arguments: tuple[str, ...], env: dict[str, str]
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**deployment.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )

    def ended(self) -> tuple[int, str]:
        """Exit code and what it wrote, once it has ended by itself."""
        output = self._process.communicate(timeout=60)[0]
        return self._process.returncode, output

    def kill(self) -> None:
        """kill -9"""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)


def new_vault_keys(deployment: Deployment) -> str:
    """VAULT_KEYS with a fresh current key before those there are."""
    fresh = b64encode(secrets.token_bytes(32)).decode()
    return f"k{secrets.token_hex(4)}:{fresh},{deployment.env['VAULT_KEYS']}"
