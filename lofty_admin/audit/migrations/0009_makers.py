"""Index again the outcomes that name the user whose change they settle."""

from django.db import migrations

# `fill` adds the rows again from the records once all is migrated.
FORGET = """
DELETE FROM audit_auditindex USING audit_auditevent AS event
WHERE event.seq = audit_auditindex.seq AND event.kind = 'settings.outcome'
    AND event.body LIKE '%"made_by"%'
"""


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0008_refusals_and_pulses"),
    ]

    operations = [
        migrations.RunSQL(FORGET, migrations.RunSQL.noop),
    ]
