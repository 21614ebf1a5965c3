"""The guards in PostgreSQL hold against code that bypasses the models."""

import re
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, models, transaction
from django.db.migrations import RunSQL
from django.db.migrations.loader import MigrationLoader
from django.db.models import QuerySet, sql
from django.db.models.sql.constants import ROW_COUNT
from pytest_django import Settings

from lofty_admin.audit import checks
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.log import triggers
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import AuditCheckpoint, AuditEvent, AuditHead
from lofty_admin.audit.proof.checkpoints import make
from tests.support.audit_log import sign_here

STATEMENTS = {
    "update": "UPDATE audit_auditevent SET reason = 'x'",
    "update one": "UPDATE audit_auditevent SET reason = 'x' WHERE seq = 1",
    "update to the same": "UPDATE audit_auditevent SET reason = reason",
    "delete": "DELETE FROM audit_auditevent",
    "delete one": "DELETE FROM audit_auditevent WHERE seq = 1",
    "truncate": "TRUNCATE audit_auditevent",
    "truncate cascade": "TRUNCATE audit_auditevent CASCADE",
    "on conflict do update": "INSERT INTO audit_auditevent SELECT * FROM audit_auditevent"
    " ON CONFLICT (id) DO UPDATE SET reason = 'x'",
    "as a replica": "SET LOCAL session_replication_role = replica; DELETE FROM audit_auditevent",
    "head back": "UPDATE audit_audithead SET seq = seq - 1",
    "head skips": "UPDATE audit_audithead SET seq = seq + 2",
    "head stays, other hash": "UPDATE audit_audithead SET hash = 'x'",
    "head of another log": "UPDATE audit_audithead SET seq = seq + 1, log_id = gen_random_uuid()",
    "head deleted": "DELETE FROM audit_audithead",
    "head truncated": "TRUNCATE audit_audithead",
    "checkpoint changed": "UPDATE audit_auditcheckpoint SET line = 'x'",
    "checkpoint deleted": "DELETE FROM audit_auditcheckpoint",
    "checkpoints truncated": "TRUNCATE audit_auditcheckpoint",
}


def tables() -> list[Any]:
    models = (AuditEvent, AuditHead, AuditCheckpoint)
    return [row for model in models for row in model._default_manager.values()]


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS.keys())
def test_guards__sql_that_changes_the_log__refused_and_unchanged(
    db: None, settings: Settings, statement: str
) -> None:
    record(Kind.SIGNED_IN)
    record(Kind.SIGNED_OUT)
    sign_here(settings)
    make()
    before = tables()
    with (
        pytest.raises(DatabaseError, match=r"append-only|only go forward"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert tables() == before


def test_guards__django_update_past_the_models__refused(db: None) -> None:
    record(Kind.SIGNED_IN)
    query = sql.UpdateQuery(AuditEvent)
    query.add_update_values({"reason": "x"})
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        query.get_compiler("default").execute_sql(ROW_COUNT)


def test_guards__bulk_update_past_the_models__refused(db: None) -> None:
    event = record(Kind.SIGNED_IN)
    event.reason = "x"
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        PlainSet(AuditEvent).bulk_update([event], ["reason"])


class PlainSet(QuerySet[AuditEvent]):
    """A query set without our guards."""


BREAKAGES = {
    "ALTER TABLE audit_auditevent DISABLE TRIGGER audit_event_rows": "audit_event_rows",
    "ALTER TABLE audit_auditevent ENABLE TRIGGER audit_event_rows": "audit_event_rows",
    "ALTER TABLE audit_auditevent ENABLE REPLICA TRIGGER audit_event_table": "audit_event_table",
    "DROP TRIGGER audit_event_table ON audit_auditevent": "audit_event_table",
    "DROP TRIGGER audit_head_forward ON audit_audithead": "audit_head_forward",
    "CREATE OR REPLACE TRIGGER audit_event_rows BEFORE UPDATE ON audit_auditevent"
    " FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();"
    "ALTER TABLE audit_auditevent ENABLE ALWAYS TRIGGER audit_event_rows": "audit_event_rows",
    "CREATE OR REPLACE TRIGGER audit_event_rows BEFORE UPDATE OR DELETE ON audit_auditevent"
    " FOR EACH ROW WHEN (OLD.seq < 0) EXECUTE FUNCTION audit_refuse_change();"
    "ALTER TABLE audit_auditevent ENABLE ALWAYS TRIGGER audit_event_rows": "audit_event_rows",
    "CREATE OR REPLACE TRIGGER audit_event_rows BEFORE UPDATE OF reason OR DELETE"
    " ON audit_auditevent FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();"
    "ALTER TABLE audit_auditevent ENABLE ALWAYS TRIGGER audit_event_rows": "audit_event_rows",
    "CREATE OR REPLACE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
    " 'BEGIN RETURN NULL; END'": "audit_head_rows",
}


def warnings() -> str:
    return " ".join(warning.msg for warning in checks.triggers_stand(["default"]))


def test_check__after_migrate__all_guards_stand(db: None) -> None:
    assert checks.triggers_stand(["default"]) == []


def test_check__no_database_asked_for__touches_none() -> None:
    assert checks.triggers_stand(None) == []
    assert checks.role_is_not_owner(None) == []


@pytest.mark.parametrize(("breakage", "guard"), BREAKAGES.items())
def test_check__guard_broken__named_and_put_right_by_restore(
    db: None, breakage: str, guard: str
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(breakage)
    assert guard in warnings()
    triggers.restore("default")
    assert warnings() == ""


def test_check__tables_not_there_yet__silent(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_audithead RENAME TO not_there_yet")
    assert not triggers.tables_exist(connection)
    assert checks.triggers_stand(["default"]) == []
    triggers.restore("default")


def test_guards__after_alter_field__still_stand(db: None) -> None:
    record(Kind.SIGNED_IN)
    longer: models.Field[str, str] = models.CharField(max_length=500)
    longer.set_attributes_from_name("reason")
    longer.model = AuditEvent
    with connection.schema_editor(atomic=False) as editor:
        editor.alter_field(AuditEvent, AuditEvent._meta.get_field("reason"), longer)
    assert warnings() == ""


def test_guards__table_recreated__restored_by_migrate(db: None) -> None:
    record(Kind.SIGNED_IN)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE copied (LIKE audit_auditevent INCLUDING ALL);"
            "INSERT INTO copied SELECT * FROM audit_auditevent;"
            "DROP TABLE audit_auditevent; ALTER TABLE copied RENAME TO audit_auditevent"
        )
    assert "audit_event_rows" in warnings()
    call_command("migrate", verbosity=0)
    assert warnings() == ""
    assert AuditEvent.objects.count() == 1


def guarding_sql() -> list[Any]:
    """What our migrations run as SQL to make functions or triggers."""
    return [
        pytest.param(str(operation.sql), str(operation.reverse_sql), id=f"{app}.{name}")
        for (app, name), migration in sorted(MigrationLoader(None).disk_migrations.items())
        if migration.__module__.startswith("lofty_admin.")
        for operation in migration.operations
        if isinstance(operation, RunSQL) and re.search("FUNCTION|TRIGGER", str(operation.sql))
    ]


@pytest.mark.parametrize(("made", "undone"), guarding_sql())
def test_migration__its_functions_and_triggers_are_there_or_gone__repeatable(
    db: None, made: str, undone: str
) -> None:
    with connection.cursor() as cursor:
        for statements in (made, undone, undone, made):
            cursor.execute(statements)


def test_begin__records_without_head__left_for_verify(db: None) -> None:
    record(Kind.SIGNED_IN)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_audithead DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM audit_audithead")
    triggers.restore("default")
    assert not AuditHead.objects.exists()
