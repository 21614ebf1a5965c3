from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0004_refold"),
    ]

    operations = [
        migrations.AlterField(
            model_name="sync",
            name="state",
            field=models.CharField(
                choices=[
                    ("queued", "Queued"),
                    ("running", "Reading from Lofty"),
                    ("waiting", "Waiting to continue"),
                    ("done", "Done"),
                    ("failed", "Failed"),
                ],
                default="queued",
                max_length=10,
            ),
        ),
    ]
