from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0002_pace_and_page_sizes"),
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="entry",
            name="belongs_to",
            field=models.BigIntegerField(null=True),
        ),
        migrations.RemoveIndex(model_name="entry", name="entry_search"),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(
                fields=["tenant", "kind", "folded"],
                include=("gone_since", "lofty_id"),
                name="entry_find",
            ),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(fields=["tenant", "kind", "belongs_to"], name="entry_belongs_to"),
        ),
    ]
