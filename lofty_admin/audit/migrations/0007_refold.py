"""Index events again whose words have letters that are now found by their plain form."""

from django.db import migrations

from lofty_admin.core.text import words


def refold(apps, editor):
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT word FROM audit_auditword WHERE word ~ '[^[:ascii:]]'")
        old = [word for (word,) in cursor.fetchall() if words(word) != [word]]
        # `fill` adds the rows again from the records once all is migrated.
        for word in old:
            cursor.execute("DELETE FROM audit_auditindex WHERE words @@ %s::tsquery", [f"'{word}'"])


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0006_words"),
    ]

    operations = [
        migrations.RunPython(refold, migrations.RunPython.noop),
    ]
