"""Fold the names again: more letters match their plain form, and invisible ones are ignored."""

from itertools import islice

from django.db import migrations

from lofty_admin.core.text import fold

FOLDED_LENGTH = 600


def refold(apps, editor):
    entries = apps.get_model("directory", "Entry").objects.using(editor.connection.alias)
    # Plain ASCII folds the same as before.
    rows = entries.filter(folded__regex="[^[:ascii:]]").order_by().iterator(500)
    while batch := list(islice(rows, 500)):
        for row in batch:
            room = FOLDED_LENGTH - len(str(row.lofty_id)) - 1
            row.folded = f"{fold(f'{row.name} {row.detail}')[:room]} {row.lofty_id}"
        entries.bulk_update(batch, ["folded"])


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0003_offices_of_entries"),
    ]

    operations = [
        migrations.RunPython(refold, migrations.RunPython.noop),
    ]
