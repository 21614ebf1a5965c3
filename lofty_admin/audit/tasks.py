"""Scheduled jobs: signing checkpoints, delivering them, and the nightly verification."""

import logging
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_noop
from procrastinate.contrib.django import app

from lofty_admin.audit.context import Actor, acting_as
from lofty_admin.audit.log.record import sum_up_refusals
from lofty_admin.audit.proof import verification
from lofty_admin.audit.proof.checkpoints import is_due, make
from lofty_admin.audit.proof.restore_guard import is_behind
from lofty_admin.audit.proof.signed_checkpoint import believed_keys
from lofty_admin.audit.proof.sinks import deliver
from lofty_admin.audit.search import index

NIGHTLY = Actor("job", "audit.verify", gettext_noop("Nightly verification"))
logger = logging.getLogger(__name__)


@app.periodic(cron="* * * * *")
@app.task(name="audit.checkpoint", queueing_lock="audit.checkpoint", lock="audit.checkpoint")
def checkpoint(timestamp: int) -> None:
    """Make a checkpoint if one is due, and retry undelivered ones. Runs every minute.

    Raises when the log does not continue the last checkpoint or the sink refuses. Does nothing
    while the console is read-only.
    """
    if is_behind("signing and delivering checkpoints"):
        return
    if settings.ENVIRONMENT.audit_signing_key and is_due():
        make()
    deliver()


@app.periodic(cron="* * * * *")
@app.task(name="audit.refusals", queueing_lock="audit.refusals", lock="audit.refusals")
def refusals(timestamp: int) -> None:
    """Record the refusals that were only counted in earlier minutes. Runs every minute."""
    if not is_behind("counting denied requests"):
        sum_up_refusals()


@app.periodic(cron="37 2 * * *")
@app.task(name="audit.verify", queueing_lock="audit.verify", lock="audit.verify")
def verify(timestamp: int) -> None:
    """Verify the whole log, against the sink's file if the sink is one. Runs every night.

    Then index what an older version of the console wrote during an upgrade.
    """
    with acting_as(NIGHTLY):
        found = verification.run(
            anchor_file=_anchor_file(),
            keys=believed_keys(),
            stale_after=2 * settings.ENVIRONMENT.checkpoint_minutes,
        )
        verification.store_result(found)
    index.fill()
    if found.faults:
        logger.critical("The audit log was altered: %s", " ".join(found.findings))


def _anchor_file() -> Path | None:
    sink = settings.ENVIRONMENT.checkpoint_sink
    return Path(sink.target) if sink and sink.kind == "file" else None
