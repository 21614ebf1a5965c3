"""Let TransactionTestCase empty the database between tests, despite the audit log's guards.

Only what holds rows is emptied, and what `migrate` wrote (kinds of content, permissions) stays:
Django's own flush empties every table and then writes those rows again, in four times the time.
Rows are deleted: TRUNCATE makes new files for each table and index, in ten times the time. The
order does not matter, as references are checked at the end.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management.commands import flush
from django.db import connection, transaction

from lofty_admin.audit.log import triggers
from lofty_admin.audit.models import AuditCheckpoint, AuditEvent, AuditHead

_GUARDED = {model._meta.db_table for model in (AuditEvent, AuditHead, AuditCheckpoint)}
_KEPT = {model._meta.db_table for model in (ContentType, Permission)}
# Not Django's to manage, so its own flush would leave the jobs of one test to the next.
_NO_JOBS = ("DELETE FROM procrastinate_periodic_defers", "DELETE FROM procrastinate_jobs")


def _with_rows() -> list[str]:
    tables = set(connection.introspection.django_table_names()) - _KEPT
    looks = [
        f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {table})"  # noqa: S608 - Django's names
        for table in sorted(tables)
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(looks))
        return [name for (name,) in cursor.fetchall()]


@pytest.fixture(scope="session", autouse=True)
def flush_past_the_guards() -> Iterator[None]:
    """Only Django's own flush between tests passes, and the guards stand again right after it."""
    operations = type(connection.ops)
    refused = operations.execute_sql_flush

    def sql_flush(style: Any, connection: Any, **options: Any) -> list[str]:
        return [f"DELETE FROM {table}" for table in _with_rows()]  # noqa: S608 - Django's names

    def execute(self: Any, sql_list: Iterable[str]) -> None:
        with transaction.atomic(self.connection.alias), self.connection.cursor() as cursor:
            for table in _GUARDED:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            for statement in _NO_JOBS:
                cursor.execute(statement)
            refused(self, sql_list)
            triggers.install(self.connection)
            triggers.begin(self.connection.alias)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operations, "execute_sql_flush", execute)
        patch.setattr(flush, "sql_flush", sql_flush)
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_: None)
        yield
