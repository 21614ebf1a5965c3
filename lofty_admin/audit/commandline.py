"""Name the actor of a command, and check that the command may run."""

import getpass

from django.core.management.base import CommandError

from lofty_admin.audit.context import Actor
from lofty_admin.audit.proof.restore_guard import ReadOnly, refuse_if_behind


def command_actor(command: str) -> Actor:
    """Return the actor to record: the command and the operating system user who ran it."""
    try:
        login = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        login = "unknown user"
    return Actor("command", command, f"manage.py {command}, run by {login}")


def require_current_database(nothing: str) -> None:
    """Raise CommandError while the console is read-only.

    It is read-only while its database is older than the newest checkpoint outside. `nothing` ends
    the message, such as "Nothing was read.".
    """
    try:
        refuse_if_behind()
    except ReadOnly as error:
        raise CommandError(f"{error} {nothing}") from None
