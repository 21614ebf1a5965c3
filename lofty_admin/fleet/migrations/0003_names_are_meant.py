from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("fleet", "0002_import_row_health"),
    ]

    operations = [
        migrations.AddField(
            model_name="importrow",
            name="name_is_meant",
            field=models.BooleanField(default=False),
        ),
    ]
