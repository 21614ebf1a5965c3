"""Who acts when a command runs."""

import getpass

from lofty_admin.audit.context import Actor


def command_actor(command: str) -> Actor:
    """The actor for the record: the command and the machine's user who ran it."""
    try:
        login = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        login = "unknown user"
    return Actor("command", command, f"manage.py {command}, run by {login}")
