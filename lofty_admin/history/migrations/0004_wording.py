from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("history", "0003_export_revoked"),
    ]

    operations = [
        migrations.AlterField(
            model_name="export",
            name="outcome",
            field=models.CharField(
                blank=True,
                choices=[
                    ("done", "Done"),
                    ("broken_off", "Interrupted"),
                    ("revoked", "Stopped: access was lost"),
                ],
                max_length=12,
            ),
        ),
    ]
