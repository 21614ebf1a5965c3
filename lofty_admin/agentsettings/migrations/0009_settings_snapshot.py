from django.db import migrations


class Migration(migrations.Migration):
    """Rename the model only: the table keeps its name, so no data is copied."""

    dependencies = [("agentsettings", "0008_draft")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameModel("LastKnown", "SettingsSnapshot"),
                migrations.AlterModelTable("SettingsSnapshot", "agentsettings_lastknown"),
            ],
        ),
    ]
