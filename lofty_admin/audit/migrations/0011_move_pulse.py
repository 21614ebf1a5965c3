from django.db import migrations


class Migration(migrations.Migration):
    """Pulse is a model of the console's core now; its table keeps its name and its rows."""

    dependencies = [("audit", "0010_one_search_index")]
    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel("Pulse")]),
    ]
