from django.db import migrations, models


class Migration(migrations.Migration):
    """Take Pulse over from the app of the log, which made its table."""

    initial = True
    dependencies = [("audit", "0011_move_pulse")]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="Pulse",
                    fields=[
                        (
                            "name",
                            models.CharField(max_length=40, primary_key=True, serialize=False),
                        ),
                        ("at", models.DateTimeField()),
                    ],
                    options={"db_table": "audit_pulse"},
                ),
            ]
        ),
    ]
