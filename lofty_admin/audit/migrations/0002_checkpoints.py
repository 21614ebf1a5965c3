"""Add signed checkpoints, the state of their delivery, and an index for the last verification."""

from django.db import migrations, models

from lofty_admin.audit.log import triggers


def install_guards(apps, schema_editor):
    triggers.install(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditCheckpoint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("size", models.BigIntegerField()),
                ("previous_hash", models.TextField(unique=True)),
                ("hash", models.TextField(unique=True)),
                ("line", models.TextField()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="AuditDelivery",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("up_to", models.BigIntegerField(default=0)),
                ("failure", models.TextField(blank=True)),
                ("failed_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(
                models.OrderBy(models.F("seq"), descending=True),
                condition=models.Q(("kind", "audit.verified")),
                name="audit_verifications",
            ),
        ),
        migrations.AddConstraint(
            model_name="auditdelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("id", 1)), name="audit_one_delivery"
            ),
        ),
        # Not reversible, like the first migration.
        migrations.RunPython(install_guards),
    ]
