"""Add an index of changes only, by time: the home page counts those of two weeks."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0004_credentials"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="auditindex",
            index=models.Index(
                condition=models.Q(("kind__in", ("settings.outcome", "settings.seen_changed"))),
                fields=["at"],
                include=("seq", "tenant_id", "kind", "outcome", "actor"),
                name="audit_index_outcomes",
            ),
        ),
    ]
