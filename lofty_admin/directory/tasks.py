"""Background jobs of the directory. Each may be killed at any time and run twice."""

from uuid import UUID

from django.utils.translation import gettext_noop
from procrastinate.contrib.django import app

from lofty_admin.audit.context import Actor, acting_as
from lofty_admin.audit.proof.restore_guard import is_behind
from lofty_admin.directory import sync
from lofty_admin.directory.models import Sync

NIGHTLY = Actor("job", "directory.nightly", gettext_noop("Nightly refresh of names"))


@app.task(name=sync.TASK, queue=sync.QUEUE)
def sync_directory(*, tenant_id: str, sync_id: str) -> None:
    """Continue a sync, and queue another job when it has to continue later.

    While the console is read-only the sync does not move; `recover` resumes it afterwards.
    """
    if is_behind("reading names from Lofty"):
        return
    if sync.advance(UUID(sync_id)) is not None:
        sync.enqueue(Sync.objects.get(pk=sync_id, tenant_id=tenant_id))


@app.periodic(cron="17 3 * * *", queueing_lock="directory.nightly")
@app.task(name="directory.nightly")
def nightly(timestamp: int) -> None:
    """Refresh the names of every active tenant that has a token."""
    if is_behind("the nightly sync of names"):
        return
    with acting_as(NIGHTLY):
        for tenant in sync.with_names_to_read():
            sync.start_sync(tenant)


@app.periodic(cron="*/5 * * * *", queueing_lock="directory.recover")
@app.task(name="directory.recover")
def recover(timestamp: int) -> None:
    """Resume the syncs whose job or process died."""
    if is_behind("resuming unfinished syncs of names"):
        return
    for stalled in sync.stalled():
        sync.enqueue(stalled)
