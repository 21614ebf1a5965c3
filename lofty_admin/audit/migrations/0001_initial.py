"""Create the audit log's two tables and the triggers that protect them."""

import uuid

from django.db import migrations, models

from lofty_admin.audit.log import triggers


def install_guards(apps, schema_editor):
    triggers.install(schema_editor.connection)


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("seq", models.BigIntegerField(unique=True)),
                ("previous_hash", models.TextField()),
                ("hash", models.TextField()),
                ("key_id", models.TextField()),
                ("body", models.TextField()),
                ("at", models.DateTimeField()),
                ("kind", models.TextField()),
                ("outcome", models.TextField()),
                ("actor_kind", models.TextField()),
                ("actor_id", models.TextField()),
                ("actor_name", models.TextField()),
                ("tenant_id", models.UUIDField(null=True)),
                ("tenant_slug", models.TextField()),
                ("tenant_name", models.TextField()),
                ("subject", models.TextField()),
                ("operation_id", models.UUIDField(null=True)),
                ("request_id", models.TextField()),
                ("ip", models.TextField()),
                ("reason", models.TextField()),
            ],
            options={
                "ordering": ["-seq"],
                "indexes": [
                    models.Index(
                        models.F("tenant_id"),
                        models.OrderBy(models.F("seq"), descending=True),
                        name="audit_by_tenant",
                    ),
                    models.Index(models.F("operation_id"), name="audit_by_operation"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=["previous_hash"], name="audit_no_fork")
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditHead",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("log_id", models.UUIDField(default=uuid.uuid4)),
                ("seq", models.BigIntegerField(default=0)),
                (
                    "hash",
                    models.TextField(
                        default="0000000000000000000000000000000000000000000000000000000000000000"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="audit_one_head")
                ],
            },
        ),
        # Not reversible: undoing this migration would drop the log.
        migrations.RunPython(install_guards),
    ]
