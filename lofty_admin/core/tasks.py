"""Scheduled jobs for the console as a whole."""

from procrastinate.contrib.django import app

from lofty_admin.core.worker_status import note_alive


@app.periodic(cron="* * * * *")
@app.task(name="worker.pulse", queueing_lock="worker.pulse")
def pulse(timestamp: int) -> None:
    """Store that jobs run. Runs every minute."""
    note_alive()
