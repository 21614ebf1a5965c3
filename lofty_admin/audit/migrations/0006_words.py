"""Extend the search index: terms for pairs of kind, outcome, and setting, and a table of words."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0005_outcomes"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditWord",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "word",
                        "kind",
                        "outcome",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("word", models.TextField(db_collation="C")),
                ("kind", models.TextField()),
                ("outcome", models.TextField()),
            ],
        ),
        # `fill` rebuilds it from the records once all is migrated.
        migrations.RunSQL("TRUNCATE audit_auditindex", migrations.RunSQL.noop),
    ]
