"""Start-up checks of the audit log. They run with `manage.py check --database default`."""

import os
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import connections

from lofty_admin.audit.log import triggers
from lofty_admin.audit.models import AuditEvent


def triggers_stand(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Check that every trigger of the audit log exists, is unchanged, and is always on.

    It is a warning and not an error: `migrate` runs the checks first, and restores the triggers.
    """
    return [
        checks.Warning(
            fault,
            hint="Find out who changed it. `manage.py migrate` restores it; `manage.py "
            "audit_verify` looks for changed records.",
            id="audit.W001",
        )
        for alias in databases or []
        if triggers.tables_exist(connections[alias])
        for fault in triggers.faults(connections[alias])
    ]


def role_is_not_owner(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Check that the console's database role cannot disable the triggers."""
    return [
        checks.Info(
            "The console's database role can disable the guards of the audit log, because "
            "it is a superuser or owns the table.",
            hint="Migrate as one role and run the console as another. `manage.py audit_roles` "
            "prints the SQL; docs/operations.md explains how.",
            id="audit.I001",
        )
        for alias in databases or []
        if triggers.tables_exist(connections[alias]) and _owns(alias)
    ]


def checkpoints_are_signed(**kwargs: Any) -> list[checks.CheckMessage]:
    """Report whether checkpoints can be signed here.

    Information only: the console's web processes must not have the key, only the worker.
    """
    if settings.ENVIRONMENT.audit_signing_key:
        return []
    return [
        checks.Info(
            "AUDIT_SIGNING_KEY is not set here. That is right for the console. A worker "
            "without it signs no checkpoints, and a cut-off end of the audit log can't be "
            "detected.",
            hint="`python -m lofty_admin.core.keys` generates one.",
            id="audit.I002",
        )
    ]


def anchor_is_readable(**kwargs: Any) -> list[checks.CheckMessage]:
    """Check that this user can read the checkpoints that keep a restored database read-only."""
    sink = settings.ENVIRONMENT.checkpoint_sink
    if sink is None or sink.kind != "file":
        return []
    found: list[checks.CheckMessage] = []
    if not settings.ENVIRONMENT.audit_public_keys and not settings.ENVIRONMENT.audit_signing_key:
        found.append(
            checks.Warning(
                "AUDIT_PUBLIC_KEYS is not set: this process believes no checkpoint, so it does not"
                " notice that a database was restored from a backup.",
                hint="Set it to what `python -m lofty_admin.core.keys` printed with the key.",
                id="audit.W002",
            )
        )
    if reason := _unreadable(sink.target):
        found.append(
            checks.Error(
                f"{sink.target} cannot be read ({reason}), so this process does not notice that a"
                " database was restored from a backup.",
                hint="The worker creates the file with mode 0640. Put the users of console and"
                " worker into one group that owns the folder (chgrp, chmod g+s).",
                id="audit.E003",
            )
        )
    return found


def _unreadable(path: str) -> str:
    """Return why the file cannot be read; "" if it can, or does not exist yet."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    except FileNotFoundError:
        return ""
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _owns(alias: str) -> bool:
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT pg_has_role(current_user, relowner, 'USAGE') FROM pg_class"
            " WHERE oid = %s::regclass",
            [AuditEvent._meta.db_table],
        )
        row = cursor.fetchone()
    return bool(row and row[0])
