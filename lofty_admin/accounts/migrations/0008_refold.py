"""Fold names again: more blanks count as spaces, as in core/text.py."""

from django.db import migrations

from lofty_admin.core.searching import fold_rows


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_wording"),
    ]

    operations = [
        migrations.RunPython(fold_rows("accounts", "User"), migrations.RunPython.noop),
    ]
