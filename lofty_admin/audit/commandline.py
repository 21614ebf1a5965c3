"""Who acts when a command runs, and whether it may."""

import getpass

from django.core.management.base import CommandError

from lofty_admin.audit.log.context import Actor
from lofty_admin.audit.proof.restore_guard import ReadOnly, refuse_if_behind


def command_actor(command: str) -> Actor:
    """The actor for the record: the command and the machine's user who ran it."""
    try:
        login = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        login = "unknown user"
    return Actor("command", command, f"manage.py {command}, run by {login}")


def require_current_database(nothing: str) -> None:
    """Raises CommandError, which ends with `nothing` ("Nothing was read."), while the console is
    read-only because its database is older than the newest checkpoint outside."""
    try:
        refuse_if_behind()
    except ReadOnly as error:
        raise CommandError(f"{error} {nothing}") from None
