"""Give exports the columns of a leased job: one state, and the process that has it."""

from django.conf import settings
from django.db import migrations, models

STATE = """
UPDATE history_export SET state = 'running' WHERE state = '';
"""


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("history", "0004_wording"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="export", name="one_export_at_a_time"),
        migrations.RenameField(model_name="export", old_name="ended_at", new_name="finished_at"),
        migrations.RenameField(model_name="export", old_name="outcome", new_name="state"),
        migrations.RunSQL(STATE, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="export",
            name="state",
            field=models.CharField(
                choices=[
                    ("queued", "Queued"),
                    ("running", "Running"),
                    ("done", "Done"),
                    ("broken_off", "Interrupted"),
                    ("revoked", "Stopped: access was lost"),
                ],
                default="queued",
                max_length=10,
            ),
        ),
        migrations.AddField(model_name="export", name="runner", field=models.UUIDField(null=True)),
        migrations.AddField(
            model_name="export", name="resume_at", field=models.DateTimeField(null=True)
        ),
        migrations.AddConstraint(
            model_name="export",
            constraint=models.UniqueConstraint(
                condition=models.Q(("finished_at", None)),
                fields=("user",),
                name="one_export_at_a_time",
            ),
        ),
    ]
