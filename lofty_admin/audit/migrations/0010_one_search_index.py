"""Replace five indexes of the search by one, while the log is in use.

A migration that was interrupted can be run again: it starts over with the new index, which takes
about half a minute for a million events, and searches use the old ones until it is there.
"""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations

from lofty_admin.core.database import set_session_limits

# A long index is no runaway page, and it waits for every transaction that is open.
PATIENT = "SET statement_timeout = 0; SET lock_timeout = 0"
# An index that was left half made is invalid, and in the way.
CLEAR = "DROP INDEX CONCURRENTLY IF EXISTS audit_index_search"
REPLACED = ("terms", "words", "kind", "outcome", "actor")


def limits_again(apps, editor):
    set_session_limits(editor.connection)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("audit", "0009_makers"),
    ]

    operations = [
        migrations.RunSQL(PATIENT, migrations.RunSQL.noop),
        migrations.RunSQL(CLEAR, migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name="auditindex",
            index=GinIndex(fields=["terms", "words"], name="audit_index_search", fastupdate=False),
        ),
        *(RemoveIndexConcurrently("auditindex", f"audit_index_{name}") for name in REPLACED),
        migrations.RunPython(limits_again, migrations.RunPython.noop),
    ]
