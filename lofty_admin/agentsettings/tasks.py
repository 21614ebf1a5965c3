"""What runs by the clock: settling unknown outcomes, and putting stalled jobs back to work."""

from django.utils.translation import gettext_noop
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Status

from lofty_admin.agentsettings.drafts import prune_drafts
from lofty_admin.agentsettings.reconcile import settle_all, settle_by_id
from lofty_admin.agentsettings.services import LOOK_AGAIN
from lofty_admin.audit.context import Actor, acting_as

RECONCILING = Actor("job", "reconcile", gettext_noop("Automatic check"))
SECONDS_UNTIL_STALLED = 60


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="agentsettings.reconcile", lock="agentsettings.reconcile")
def reconcile(timestamp: int) -> None:
    """Every minute: one look at each operation whose outcome is open."""
    with acting_as(RECONCILING):
        settle_all()


@app.task(name=LOOK_AGAIN)
def look_again(operation_id: str) -> None:
    """One look at one operation, at the time its page names."""
    with acting_as(RECONCILING):
        settle_by_id(operation_id)


@app.periodic(cron="23 * * * *")
@app.task(queueing_lock="agentsettings.prune_drafts", lock="agentsettings.prune_drafts")
def prune_old_drafts(timestamp: int) -> None:
    """Every hour: delete the drafts that were applied or have expired."""
    prune_drafts()


@app.periodic(cron="*/2 * * * *")
@app.task(queueing_lock="agentsettings.retry_stalled", pass_context=True)
async def retry_stalled(context: JobContext, timestamp: int) -> None:
    """Jobs whose worker died (no heartbeat) go back into the queue; all are made for it.

    Where the next one waits already, the dead one only keeps it waiting, and is ended.
    """
    stalled = await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=SECONDS_UNTIL_STALLED)
    for job in stalled:
        try:
            await app.job_manager.retry_job(job)
        except UniqueViolation:  # of the queueing lock
            await app.job_manager.finish_job(job, Status.FAILED, delete_job=False)
