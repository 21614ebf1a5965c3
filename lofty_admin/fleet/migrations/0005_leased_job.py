"""Note which process has an import, as for the other leased jobs."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("fleet", "0004_wording")]

    operations = [
        migrations.AddField(model_name="import", name="runner", field=models.UUIDField(null=True)),
    ]
