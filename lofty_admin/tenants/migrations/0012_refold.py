"""Fold names again: more blanks count as spaces, as in core/text.py."""

from django.db import migrations

from lofty_admin.core.searching import fold_rows


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0011_split_connection"),
    ]

    operations = [
        migrations.RunPython(fold_rows("tenants", "Tenant", "Group"), migrations.RunPython.noop),
    ]
