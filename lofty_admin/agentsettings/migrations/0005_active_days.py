"""Add the active days of the settings last read as a column of their own."""

from typing import Any

import django.contrib.postgres.fields
from django.db import migrations, models


def fill(apps: Any, schema_editor: Any) -> None:
    """Fill the column as snapshots.summary_fields does, written out because that may change."""
    last_known = apps.get_model("agentsettings", "LastKnown")
    for known in last_known.objects.only("raw").iterator(chunk_size=200):
        days = known.raw.get("activeDays") if isinstance(known.raw, dict) else None
        fine = isinstance(days, list) and all(type(d) is int and 0 <= d <= 6 for d in days)
        if fine:
            known.active_days = sorted(set(days))
            known.save(update_fields=["active_days"])


class Migration(migrations.Migration):
    dependencies = [("agentsettings", "0004_in_brief")]

    operations = [
        migrations.AddField(
            model_name="lastknown",
            name="active_days",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.SmallIntegerField(), null=True, size=None
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
