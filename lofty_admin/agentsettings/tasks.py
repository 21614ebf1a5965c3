"""Periodic jobs: settle unknown outcomes, prune drafts, and retry stalled jobs."""

from django.utils.translation import gettext_noop
from procrastinate import JobContext
from procrastinate.contrib.django import app

from lofty_admin.agentsettings.drafts import prune_drafts
from lofty_admin.agentsettings.operations import LOOK_AGAIN
from lofty_admin.agentsettings.reconcile import reconcile_all, settle_by_id
from lofty_admin.audit.context import Actor, acting_as
from lofty_admin.core.queue import put_back_stalled

RECONCILING = Actor("job", "reconcile", gettext_noop("Automatic check"))


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="agentsettings.reconcile", lock="agentsettings.reconcile")
def reconcile(timestamp: int) -> None:
    """Check each operation whose outcome is open, every minute."""
    with acting_as(RECONCILING):
        reconcile_all()


@app.task(name=LOOK_AGAIN)
def look_again(operation_id: str) -> None:
    """Check one operation, at the time its page names."""
    with acting_as(RECONCILING):
        settle_by_id(operation_id)


@app.periodic(cron="23 * * * *")
@app.task(queueing_lock="agentsettings.prune_drafts", lock="agentsettings.prune_drafts")
def prune_old_drafts(timestamp: int) -> None:
    """Delete the drafts that were applied or have expired, every hour."""
    prune_drafts()


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="agentsettings.retry_stalled", pass_context=True)
async def retry_stalled(context: JobContext, timestamp: int) -> None:
    """Retry stalled jobs: see `put_back_stalled`."""
    await put_back_stalled(app)
