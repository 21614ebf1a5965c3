"""Add who made a change, Lofty's reply, and when it was read; unknown can end as rejected.

A refusal that could not be read back is unknown first. The pairs are those of `models.NEXT`.
"""

from django.db import migrations, models

MOVES = """
CREATE OR REPLACE FUNCTION agentsettings_operation_moves() RETURNS trigger
LANGUAGE plpgsql AS $body$
BEGIN
    IF NEW.state = OLD.state OR OLD.state || ' ' || NEW.state IN (
        'prepared sent', 'prepared not_sent',
        'sent unknown', 'sent verified', 'sent not_applied', 'sent rejected', 'sent not_sent',
        'unknown verified', 'unknown not_applied', {more}
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'an operation has no way from % to %', OLD.state, NEW.state
        USING ERRCODE = 'check_violation';
END
$body$;
"""


class Migration(migrations.Migration):
    dependencies = [("agentsettings", "0006_folded_names")]

    operations = [
        migrations.AddField(
            "operation", "actor_id", models.CharField(blank=True, default="", max_length=64)
        ),
        migrations.AddField("operation", "after_read_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "operation",
            "reply",
            models.CharField(
                blank=True,
                choices=[
                    ("", "no answer"),
                    ("accepted", "accepted"),
                    ("rejected", "rejected"),
                ],
                default="",
                max_length=8,
            ),
        ),
        migrations.AddIndex("operation", models.Index("settled_at", name="operation_settled")),
        migrations.RunSQL(
            MOVES.replace("{more}", "'unknown rejected'"),
            MOVES.replace(", {more}", ""),
        ),
    ]
