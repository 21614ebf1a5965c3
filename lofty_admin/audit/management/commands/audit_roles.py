"""`manage.py audit_roles`: print SQL that limits the console to adding to the audit log."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from psycopg import sql

from lofty_admin.audit.models import (
    AuditCheckpoint,
    AuditChoice,
    AuditDelivery,
    AuditEvent,
    AuditHead,
    AuditIndex,
    AuditWord,
)

RIGHTS = {
    AuditEvent._meta.db_table: "SELECT, INSERT",
    AuditCheckpoint._meta.db_table: "SELECT, INSERT",
    AuditHead._meta.db_table: "SELECT, UPDATE",
    AuditDelivery._meta.db_table: "SELECT, INSERT, UPDATE",
    AuditIndex._meta.db_table: "SELECT, INSERT, UPDATE",
    AuditChoice._meta.db_table: "SELECT, INSERT, UPDATE",
    AuditWord._meta.db_table: "SELECT, INSERT",
    "django_migrations": "SELECT",
}
STATEMENTS = """\
DO $$ BEGIN CREATE ROLE {app} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE {app} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
REVOKE {owner} FROM {app};
REVOKE CREATE ON SCHEMA public FROM PUBLIC, {app};
GRANT CONNECT ON DATABASE {database} TO {app};
GRANT USAGE, CREATE ON SCHEMA public TO {owner};
GRANT USAGE ON SCHEMA public TO {app};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {app};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {app};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO {app};
"""
GUARDED = """\
REVOKE ALL ON {table} FROM PUBLIC, {app};
GRANT {rights} ON {table} TO {app};
"""


class Command(BaseCommand):
    help = (
        "Print the SQL for two database roles: --owner owns the tables and migrates, "
        "--app runs console and worker. Changes nothing. Run the SQL as a superuser of "
        "the database, and again after each migrate."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--owner", required=True, help="the role that migrates")
        parser.add_argument("--app", required=True, help="the role of console and worker")

    def handle(self, *args: Any, owner: str, app: str, **options: Any) -> None:
        if owner == app or not owner or not app:
            raise CommandError("The two roles must differ.")
        names = {"owner": owner, "app": app, "database": connection.settings_dict["NAME"]}
        quoted = {name: sql.Identifier(text).as_string() for name, text in names.items()}
        self.stdout.write("BEGIN;\n" + STATEMENTS.format(**quoted), ending="")
        for table, rights in RIGHTS.items():
            self.stdout.write(GUARDED.format(table=table, rights=rights, **quoted), ending="")
        self.stdout.write("COMMIT;")
