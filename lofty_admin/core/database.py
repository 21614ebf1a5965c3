"""The console's own limits on each database connection, and the name the connection goes by."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

# A stuck lock or a runaway page must end by itself. Random reads on today's disks are not four
# times slower than sequential ones: with the default cost, PostgreSQL reads half an index to save a
# few rows. With the default memory, a search among ten million events forgets which rows match, and
# checks all rows of each page again.
SESSION_LIMITS = {
    "lock_timeout": "5s",
    "statement_timeout": "30s",
    "random_page_cost": "1.1",
    "work_mem": "16MB",
}


def application_name(argv: Sequence[str]) -> str:
    """Return what PostgreSQL shows for this process: worker, command, or console."""
    if "procrastinate" in argv[1:2]:
        return "lofty-worker"
    if argv and Path(argv[0]).name == "manage.py":
        return "lofty-command"
    return "lofty-console"


def set_session_limits(connection: Any, **kwargs: object) -> None:
    """Set `SESSION_LIMITS` on a new connection; receiver of Django's `connection_created`.

    They are not sent as the start-up parameter `options`, because PgBouncer refuses a connection
    that has it, or drops it silently.
    """
    calls = ", ".join(["set_config(%s, %s, false)"] * len(SESSION_LIMITS))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {calls}", list(chain.from_iterable(SESSION_LIMITS.items())))
