"""Periodic jobs for connections: refresh, probe, and delete expired connections.

A job carries a connection's id, never a secret, and may be killed at any time and run twice. While
the console is read-only, no job does anything: a token is then refreshed only when it is used.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext_noop
from procrastinate.contrib.django import app

from lofty_admin.audit.context import Actor, acting_as
from lofty_admin.audit.proof.restore_guard import is_behind
from lofty_admin.core.queue import defer_once
from lofty_admin.lofty.errors import BudgetSpent
from lofty_admin.tenants.credentials import health_probe, oauth_flow, token_refresh

QUEUE = "credentials"
RENEWING = Actor("job", "tenants.renew", gettext_noop("Renewal job"))
PROBING = Actor("job", "tenants.probe", gettext_noop("Daily check"))
SWEEPING = Actor("job", "tenants.sweep", gettext_noop("Console"))
SPREAD = timedelta(seconds=1)


@app.periodic(cron="* * * * *")
@app.task(name="tenants.renew_due", queueing_lock="tenants.renew_due", lock="tenants.renew_due")
def renew_due(timestamp: int) -> None:
    """Queue a job, every minute, for each connection whose access token expires soon."""
    if is_behind("renewing access tokens"):
        return
    for pk in token_refresh.due(timezone.now()).values_list("pk", flat=True):
        _enqueue("tenants.renew", pk)
    with acting_as(SWEEPING):
        oauth_flow.sweep()


@app.task(name="tenants.renew", queue=QUEUE)
def renew(*, credential_id: str) -> None:
    """Try once to refresh. If that fails, the periodic job tries again after the pause."""
    if is_behind("renewing an access token"):
        return
    connection = token_refresh.due(timezone.now()).filter(pk=credential_id).first()
    if connection is not None:
        with acting_as(RENEWING):
            token_refresh.renew(connection)


@app.periodic(cron="7 * * * *")
@app.task(name="tenants.probe_due", queueing_lock="tenants.probe_due", lock="tenants.probe_due")
def probe_due(timestamp: int) -> None:
    """Queue a probe, every hour, for each connection that was not checked for a day, spread out."""
    if is_behind("checking the connections"):
        return
    now = timezone.now()
    for number, pk in enumerate(health_probe.due(now).values_list("pk", flat=True)):
        _enqueue("tenants.probe", pk, now + number * SPREAD)


@app.task(name="tenants.probe", queue=QUEUE)
def probe(*, credential_id: str) -> None:
    """Probe once; defer the probe if it would use up the calls that a save may need now."""
    if is_behind("checking a connection"):
        return
    connection = health_probe.due(timezone.now()).filter(pk=credential_id).first()
    if connection is None:
        return
    with acting_as(PROBING):
        try:
            health_probe.probe(connection)
        except BudgetSpent as spent:
            _enqueue("tenants.probe", connection.pk, spent.until)


def _enqueue(task: str, credential_id: UUID, at: datetime | None = None) -> None:
    defer_once(task, credential_id, queue=QUEUE, at=at, credential_id=str(credential_id))
