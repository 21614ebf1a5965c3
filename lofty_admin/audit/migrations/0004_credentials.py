"""Add an index for a tenant's newest credential event, queried at every use of a token."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0003_search_index"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(
                models.F("tenant_id"),
                models.OrderBy(models.F("seq"), descending=True),
                condition=models.Q(
                    (
                        "kind__in",
                        (
                            "credential.added",
                            "credential.replaced",
                            "credential.renewed",
                            "credential.removed",
                        ),
                    )
                ),
                name="audit_credentials",
            ),
        ),
    ]
