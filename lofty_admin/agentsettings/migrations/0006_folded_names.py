"""Fill in the folded names, used for searching and sorting, of existing rows."""

from django.db import migrations

from lofty_admin.core.searching import FoldedField, fold_rows


class Migration(migrations.Migration):
    dependencies = [
        ("agentsettings", "0005_active_days"),
    ]

    operations = [
        migrations.AddField(
            model_name="lastknown",
            name="agent_folded",
            field=FoldedField(
                blank=True, db_collation="C", default="", editable=False, of=("agent_name",)
            ),
        ),
        migrations.RunPython(fold_rows("agentsettings", "LastKnown"), migrations.RunPython.noop),
    ]
