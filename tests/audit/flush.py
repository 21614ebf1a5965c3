"""Lets TransactionTestCase empty the database between tests, in spite of the audit log's guards."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from lofty_admin.audit import triggers
from lofty_admin.audit.models import AuditCheckpoint, AuditEvent, AuditHead


@pytest.fixture(scope="session", autouse=True)
def flush_past_the_guards() -> Iterator[None]:
    """Only Django's own flush between tests passes, and the guards stand again right after it."""
    operations = type(connection.ops)
    refused = operations.execute_sql_flush

    def flush(self: Any, sql_list: Iterable[str]) -> None:
        with transaction.atomic(self.connection.alias), self.connection.cursor() as cursor:
            for model in (AuditEvent, AuditHead, AuditCheckpoint):
                cursor.execute(f"ALTER TABLE {model._meta.db_table} DISABLE TRIGGER USER")
            # Not Django's to manage, so its own flush would leave the jobs of one test to the next.
            cursor.execute("DELETE FROM procrastinate_periodic_defers")
            cursor.execute("DELETE FROM procrastinate_jobs")
            refused(self, sql_list)
            triggers.install(self.connection)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operations, "execute_sql_flush", flush)
        yield
