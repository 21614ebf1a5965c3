"""Background jobs of lists of tenants. Each may be killed at any time and run twice."""

from uuid import UUID

from django.utils.translation import gettext_noop
from procrastinate.contrib.django import app

from lofty_admin.audit.context import Actor, acting_as
from lofty_admin.audit.proof.restore_guard import is_behind
from lofty_admin.fleet import import_job
from lofty_admin.fleet.models import Import

TIDY = Actor("job", "fleet.tidy", gettext_noop("Cleanup of uploaded lists"))


@app.task(name=import_job.TASK, queue=import_job.QUEUE)
def import_tenants(*, import_id: str) -> None:
    """Continue a list, and queue another job when it has to continue later.

    While the console is read-only the list does not move; `tidy` resumes it afterwards.
    """
    if is_behind("adding tenants from a list"):
        return
    if import_job.advance(UUID(import_id)):
        import_job.enqueue(Import.objects.get(pk=import_id))


@app.periodic(cron="*/5 * * * *", queueing_lock="fleet.tidy")
@app.task(name="fleet.tidy")
def tidy(timestamp: int) -> None:
    """Erase what has expired, and resume the lists whose job or process died."""
    with acting_as(TIDY):
        import_job.erase_expired()
    if is_behind("resuming unfinished imports of tenants"):
        return
    for made in Import.stalled():
        import_job.enqueue(made)
