"""Add folded names for search and sorting, and fill them in for existing rows."""

from django.db import migrations

from lofty_admin.core.searching import FoldedField, fold_rows


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_invitation"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="user",
            options={
                "ordering": ["folded"],
                "verbose_name": "person",
                "verbose_name_plural": "people",
            },
        ),
        migrations.AddField(
            model_name="user",
            name="folded",
            field=FoldedField(
                blank=True, db_collation="C", default="", editable=False, of=("name", "email")
            ),
        ),
        migrations.RunPython(fold_rows("accounts", "User"), migrations.RunPython.noop),
    ]
