"""Start-up checks of the deployment: each says what is wrong and what to do about it."""

import logging
import os
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from django.db.utils import DatabaseError

from lofty_admin.core.database import SESSION_LIMITS

OLDEST_POSTGRESQL = 140000


def register_all() -> None:
    register(database_is_durable, Tags.database)
    register(nothing_prints_secrets, Tags.security)
    register(throttles_are_shared, Tags.security)


def database_is_durable(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Check that a commit survives a power cut.

    The check reads the live values, because the configuration file may not be in effect.
    """
    found: list[CheckMessage] = []
    for alias in databases or []:
        try:
            found += _judge(_live_values(alias))
        except DatabaseError:
            found.append(
                Error(
                    "The database does not respond.", hint="Check DATABASE_URL.", id="console.E001"
                )
            )
    return found


def _live_values(alias: str) -> dict[str, str]:
    names = ("server_version_num", "fsync", "synchronous_commit", *SESSION_LIMITS)
    with connections[alias].cursor() as cursor:
        return {name: _show(cursor, name) for name in names}


def _show(cursor: Any, name: str) -> str:
    cursor.execute("SELECT current_setting(%s)", [name])
    return str(cursor.fetchone()[0])


def _judge(values: dict[str, str]) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if int(values["server_version_num"]) < OLDEST_POSTGRESQL:
        found.append(
            Error("PostgreSQL is too old.", hint="Use version 14 or newer.", id="console.E002")
        )
    found += [
        Error(
            f"PostgreSQL runs with {name}=off: a crash could lose records of saves.",
            hint=f"Set {name}=on in postgresql.conf.",
            id="console.E003",
        )
        for name in ("fsync", "synchronous_commit")
        if values[name] == "off"
    ]
    return found + _judge_limits(values)


def _judge_limits(values: dict[str, str]) -> list[CheckMessage]:
    """Find the session limits that are not in effect: a pooler may forget them between queries."""
    lost = [name for name, value in SESSION_LIMITS.items() if values[name] != value]
    if not lost:
        return []
    return [
        Error(
            f"The database connection lost its {' and '.join(lost)}.",
            hint="Is a pooler in between? It must be in session mode.",
            id="console.E007",
        )
    ]


def nothing_prints_secrets(**kwargs: Any) -> list[CheckMessage]:
    """Check that urllib3 does not log at DEBUG and that TLS keys are not written out."""
    found: list[CheckMessage] = []
    if logging.getLogger("urllib3").getEffectiveLevel() < logging.INFO:
        found.append(Error("The urllib3 logger is at DEBUG.", id="console.E004"))
    if os.environ.get("SSLKEYLOGFILE"):
        found.append(
            Error(
                "SSLKEYLOGFILE is set: the keys of every connection to Lofty would be "
                "written to it.",
                hint="Unset SSLKEYLOGFILE.",
                id="console.E005",
            )
        )
    return found


def throttles_are_shared(**kwargs: Any) -> list[CheckMessage]:
    """Check that all processes share one cache.

    With a cache per process, each process would allow the full number of password attempts.
    """
    backend = str(settings.CACHES["default"]["BACKEND"]).rpartition(".")[2]
    if settings.DEMO or backend not in {"LocMemCache", "DummyCache", "FileBasedCache"}:
        return []
    return [
        Error(
            f"The cache is {backend}: sign-in limits would not apply across all processes.",
            hint="Use a cache that all processes on all hosts share.",
            id="console.E006",
        )
    ]
