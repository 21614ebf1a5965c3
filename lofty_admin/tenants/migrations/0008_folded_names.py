"""Fill in the folded names, used for searching and sorting, of existing rows."""

from django.db import migrations

from lofty_admin.core.searching import FoldedField, fold_rows


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0007_pins_and_visits"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="grant",
            options={"ordering": ["tenant__folded", "group__folded", "pk"]},
        ),
        migrations.AlterModelOptions(
            name="group",
            options={"ordering": ["folded", "slug"], "verbose_name": "tenant group"},
        ),
        migrations.AlterModelOptions(
            name="membership",
            options={"ordering": ["-role", "user__folded"]},
        ),
        migrations.AlterModelOptions(
            name="tenant",
            options={"ordering": ["folded", "slug"]},
        ),
        migrations.AddField(
            model_name="credential",
            name="owner_folded",
            field=FoldedField(
                blank=True,
                db_collation="C",
                default="",
                editable=False,
                of=("lofty_user__name", "lofty_user__email"),
            ),
        ),
        migrations.AddField(
            model_name="group",
            name="folded",
            field=FoldedField(
                blank=True, db_collation="C", default="", editable=False, of=("name",)
            ),
        ),
        migrations.AddField(
            model_name="tenant",
            name="folded",
            field=FoldedField(
                blank=True, db_collation="C", default="", editable=False, of=("name",)
            ),
        ),
        migrations.AddField(
            model_name="tenant",
            name="note_folded",
            field=FoldedField(
                blank=True, db_collation="C", default="", editable=False, of=("note",)
            ),
        ),
        migrations.RunPython(
            fold_rows("tenants", "Tenant", "Group", "Credential"), migrations.RunPython.noop
        ),
    ]
