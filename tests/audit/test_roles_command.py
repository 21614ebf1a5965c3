"""The two database roles that `audit_roles` prints are enough for the console, and no more."""

import os

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from psycopg import sql
from pytest_django import Settings

from lofty_admin.accounts.models import User
from lofty_admin.audit import checks
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import AuditCheckpoint, AuditHead
from lofty_admin.audit.proof.sinks import deliver
from tests.support.audit_log import checkpoint, run, sign_here

# Roles belong to the whole server, on which other test runs work as well.
APP = f'console "app" {os.getpid()}'
SET_ROLE = sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(APP)).as_string()
SIX_ATTEMPTS = {
    "update": "UPDATE audit_auditevent SET reason = 'x'",
    "delete": "DELETE FROM audit_auditevent",
    "truncate": "TRUNCATE audit_auditevent",
    "disable trigger": "ALTER TABLE audit_auditevent DISABLE TRIGGER ALL",
    "replication role": "SET session_replication_role = replica",
    "drop": "DROP TABLE audit_auditevent",
}
MORE_ATTEMPTS = {
    "delete the head": "DELETE FROM audit_audithead",
    "new head": "INSERT INTO audit_audithead VALUES (1, gen_random_uuid(), 0, '')",
    "change a checkpoint": "UPDATE audit_auditcheckpoint SET line = 'x'",
    "delete checkpoints": "DELETE FROM audit_auditcheckpoint",
    "pretend a migration": "DELETE FROM django_migrations",
    "trigger of its own": "CREATE TRIGGER mine BEFORE INSERT ON audit_auditevent"
    " FOR EACH ROW EXECUTE FUNCTION audit_refuse_change()",
    "table of its own": "CREATE TABLE public.mine (id int)",
}


def sql_for_roles() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        owner = cursor.fetchone()[0]
    return run("audit_roles", "--owner", owner, "--app", APP)[1]


@pytest.fixture
def app_role(db: None) -> None:
    """Go on as the app role; it is gone with the test's transaction."""
    printed = sql_for_roles().removeprefix("BEGIN;\n").removesuffix("COMMIT;\n")
    with connection.cursor() as cursor:
        cursor.execute(printed)
        cursor.execute(SET_ROLE)


def test_app_role__the_consoles_work__is_allowed(app_role: None, settings: Settings) -> None:
    sign_here(settings)
    assert record(Kind.SIGNED_IN).seq == AuditHead.objects.get().seq
    assert checkpoint().size == AuditCheckpoint.objects.get().size
    assert deliver() == 0
    User.objects.create(email="new@example.com", name="New").delete()
    assert run("audit_verify")[0] == 2


@pytest.mark.parametrize("statement", [*SIX_ATTEMPTS.values(), *MORE_ATTEMPTS.values()])
def test_app_role__attempt_on_the_log__refused(app_role: None, statement: str) -> None:
    record(Kind.SIGNED_IN)
    with (
        pytest.raises(DatabaseError, match=r"permission denied|must be owner"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_app_role__future_table__may_be_used(db: None) -> None:
    printed = sql_for_roles().removeprefix("BEGIN;\n").removesuffix("COMMIT;\n")
    with connection.cursor() as cursor:
        cursor.execute(printed)
        cursor.execute("CREATE TABLE public.later (id bigserial)")
        cursor.execute(SET_ROLE)
        cursor.execute("INSERT INTO later DEFAULT VALUES RETURNING id")
        assert cursor.fetchone() == (1,)


def test_audit_roles__run_twice__changes_nothing(db: None) -> None:
    printed = sql_for_roles().removeprefix("BEGIN;\n").removesuffix("COMMIT;\n")
    with connection.cursor() as cursor:
        cursor.execute(printed)
        cursor.execute(printed)


@pytest.mark.parametrize("names", [("one", "one"), ("", "one"), ("one", "")])
def test_audit_roles__not_two_roles__refused(names: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match="must differ"):
        call_command("audit_roles", f"--owner={names[0]}", f"--app={names[1]}")


def test_check__role_is_not_the_owner__silent(app_role: None) -> None:
    assert checks.role_is_not_owner(["default"]) == []


def test_check__role_owns_the_table__said_as_information(db: None) -> None:
    (found,) = checks.role_is_not_owner(["default"])
    assert found.id == "audit.I001"
    assert "audit_roles" in str(found.hint)
    assert not found.is_serious()
