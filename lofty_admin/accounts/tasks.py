"""Scheduled jobs: deleting expired sessions and old sign-in attempts."""

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_noop
from procrastinate.contrib.django import app

from lofty_admin.accounts import throttle, unsent
from lofty_admin.accounts.sessions import delete_expired
from lofty_admin.audit.context import Actor, acting_as

HOURLY = Actor("job", "accounts.sessions", gettext_noop("Hourly session cleanup"))


@app.periodic(cron="23 * * * *")
@app.task(name="accounts.sessions", queueing_lock="accounts.sessions", lock="accounts.sessions")
def sessions(timestamp: int) -> None:
    """End the sessions that expired unused. Runs every hour; may run twice."""
    with acting_as(HOURLY):
        delete_expired()
    unsent.clear_expired()
    _forget_old_tries()


def _forget_old_tries() -> None:
    """Delete old attempts: the database cache drops expired entries only when it is full."""
    throttle.clear_old()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM console_cache WHERE expires < %s", [timezone.now()])
