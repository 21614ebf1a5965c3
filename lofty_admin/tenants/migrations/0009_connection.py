"""Rename the model Credential to Connection. Its table keeps its name, which its secrets bind."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenants", "0008_folded_names")]

    operations = [
        migrations.AlterModelTable(name="credential", table="tenants_credential"),
        migrations.RenameModel("Credential", "Connection"),
        migrations.AlterField(
            model_name="connection",
            name="tenant",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="connections",
                to="tenants.tenant",
            ),
        ),
    ]
