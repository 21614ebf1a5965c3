"""Install triggers that make PostgreSQL itself refuse changes to the audit log.

Row triggers refuse UPDATE and DELETE, statement triggers refuse TRUNCATE (which row triggers let
pass), and the head may only advance by one. All are ENABLE ALWAYS, so that
`session_replication_role = replica` does not silence them. The first migration installs them, and
every later `migrate` restores those that are missing or changed.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from lofty_admin.audit.models import AuditCheckpoint, AuditEvent, AuditHead, AuditWord
from lofty_admin.audit.search import index

_EVENTS = AuditEvent._meta.db_table
_HEAD = AuditHead._meta.db_table
_CHECKPOINTS = AuditCheckpoint._meta.db_table
_REFUSE = "audit_refuse_change"
_FORWARD = "audit_head_forward"

_BODIES = {
    _REFUSE: """
BEGIN
    RAISE EXCEPTION 'the audit log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
""",
    _FORWARD: """
BEGIN
    IF NEW.seq = OLD.seq + 1 AND NEW.log_id = OLD.log_id AND NEW.id = OLD.id THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the head of the audit log may only go forward by one'
        USING ERRCODE = 'insufficient_privilege';
END
""",
}
_ROW, _BEFORE = 1, 2
_BITS = {"DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trigger:
    """One trigger: `BEFORE <operations> ON <table>` runs `function`."""

    name: str
    table: str
    operations: tuple[str, ...]
    function: str

    @property
    def level(self) -> str:
        return "STATEMENT" if self.operations == ("TRUNCATE",) else "ROW"

    @property
    def type(self) -> int:
        """The type bits, as in pg_trigger.tgtype."""
        row = _ROW if self.level == "ROW" else 0
        return _BEFORE | row | sum(_BITS[operation] for operation in self.operations)

    @property
    def sql(self) -> str:
        return (
            f"CREATE OR REPLACE TRIGGER {self.name} BEFORE {' OR '.join(self.operations)}"
            f" ON {self.table} FOR EACH {self.level} EXECUTE FUNCTION {self.function}();"
            f" ALTER TABLE {self.table} ENABLE ALWAYS TRIGGER {self.name};"
        )


TRIGGERS = (
    Trigger("audit_event_rows", _EVENTS, ("UPDATE", "DELETE"), _REFUSE),
    Trigger("audit_event_table", _EVENTS, ("TRUNCATE",), _REFUSE),
    Trigger("audit_head_forward", _HEAD, ("UPDATE",), _FORWARD),
    Trigger("audit_head_rows", _HEAD, ("DELETE",), _REFUSE),
    Trigger("audit_head_table", _HEAD, ("TRUNCATE",), _REFUSE),
    Trigger("audit_checkpoint_rows", _CHECKPOINTS, ("UPDATE", "DELETE"), _REFUSE),
    Trigger("audit_checkpoint_table", _CHECKPOINTS, ("TRUNCATE",), _REFUSE),
)


def install(connection: BaseDatabaseWrapper) -> None:
    """Create or repair every trigger. Needs the rights of the tables' owner."""
    with transaction.atomic(connection.alias), connection.cursor() as cursor:
        for name, body in _BODIES.items():
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql"
                f" AS $body${body}$body$"
            )
        for trigger in TRIGGERS:
            # The first migration runs this before the later tables exist.
            if _is_there(cursor, trigger.table):
                cursor.execute(trigger.sql)


def faults(connection: BaseDatabaseWrapper) -> Iterator[str]:
    """Return what is wrong with the triggers, one sentence each; nothing if all are in place."""
    with connection.cursor() as cursor:
        found = {trigger.name: _found(cursor, trigger) for trigger in TRIGGERS}
    for trigger in TRIGGERS:
        if fault := _fault(trigger, found[trigger.name]):
            yield f"The guard {trigger.name} on {trigger.table} {fault}."


def _found(cursor: Any, trigger: Trigger) -> tuple[Any, ...] | None:
    cursor.execute(
        "SELECT tgenabled, tgtype, tgqual IS NULL AND tgattr = '', proname, prosrc"
        " FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid"
        " WHERE tgrelid = to_regclass(%s) AND tgname = %s AND NOT tgisinternal",
        [trigger.table, trigger.name],
    )
    row: tuple[Any, ...] | None = cursor.fetchone()
    return row


def _fault(trigger: Trigger, found: tuple[Any, ...] | None) -> str:
    if found is None:
        return "is missing"
    enabled, kind, unconditional, function, source = found
    if enabled not in {"A", b"A"}:
        return "is disabled, or not always enabled"
    expected = (trigger.type, True, trigger.function, _BODIES[trigger.function])
    return "" if (kind, unconditional, function, source) == expected else "was changed"


def tables_exist(connection: BaseDatabaseWrapper) -> bool:
    """Return whether all tables exist, so that their triggers can be queried."""
    with connection.cursor() as cursor:
        return all(_is_there(cursor, table) for table in {trigger.table for trigger in TRIGGERS})


def _is_there(cursor: Any, table: str) -> bool:
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
    return bool(cursor.fetchone()[0])


def restore(using: str = "default", **kwargs: Any) -> None:
    """Repair the log after every `migrate`.

    Restores missing triggers, starts the log if it is empty, and indexes what an older version
    wrote.
    """
    connection = connections[using]
    if not tables_exist(connection):
        return
    if found := list(faults(connection)):
        logger.warning("Restoring the audit log's guards: %s", " ".join(found))
        install(connection)
    begin(using)
    with connection.cursor() as cursor:
        indexed = _is_there(cursor, AuditWord._meta.db_table)
    if indexed:  # not after migrating back
        index.fill(using)


def begin(using: str) -> None:
    """Give a new log its head. A log that has records but lost its head is left for `verify`."""
    if not AuditEvent.objects.using(using).exists():
        AuditHead.objects.using(using).get_or_create()
