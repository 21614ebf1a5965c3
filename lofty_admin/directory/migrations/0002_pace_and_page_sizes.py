from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0001_initial"),
    ]

    operations = [
        migrations.AddField("sync", "pages", models.PositiveIntegerField(default=0)),
        migrations.AddField("sync", "seconds", models.FloatField(default=0)),
        migrations.AddField("sync", "page_sizes", models.JSONField(default=dict)),
    ]
