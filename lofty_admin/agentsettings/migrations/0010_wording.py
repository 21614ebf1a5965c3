from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agentsettings", "0009_settings_snapshot"),
    ]

    operations = [
        migrations.AlterField(
            model_name="operation",
            name="reply",
            field=models.CharField(
                blank=True,
                choices=[("", "no response"), ("accepted", "accepted"), ("rejected", "rejected")],
                default="",
                max_length=8,
            ),
        ),
    ]
