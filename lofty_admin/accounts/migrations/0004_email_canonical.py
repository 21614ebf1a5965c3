"""Keep addresses unique by one canonical form instead of the database's case rules."""

from collections import defaultdict

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.utils import timezone

import lofty_admin.accounts.models
from lofty_admin.accounts.identity import canonical_email

EXPLANATION = """\
These people have e-mail addresses that look alike. Each address must belong to one person:
{pairs}
Nothing was changed. Find out whose address it is, give the other one an address of their own, then
run migrate again:
  UPDATE accounts_user SET email = 'other@example.com' WHERE id = ...;
"""


class LookAlikeAddresses(Exception):
    """Two users' addresses have the same canonical form. Nothing was changed."""


def fill(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    User = apps.get_model("accounts", "User")
    by_form = defaultdict(list)
    for user in User.objects.order_by("pk"):
        by_form[canonical_email(user.email)].append(user)
    refuse_collisions([users for users in by_form.values() if len(users) > 1])
    for form, (user,) in by_form.items():
        User.objects.filter(pk=user.pk).update(email_canonical=form)


def close_used_invitations(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Close the links that users who signed in through single sign-on still had open."""
    Invitation = apps.get_model("accounts", "Invitation")
    came_in = Invitation.objects.filter(ended_at=None, user__last_login__isnull=False)
    came_in.update(ended_at=timezone.now(), ending="not_needed")


def refuse_collisions(collisions: list) -> None:
    """Stop the migration: only an operator can decide which of two users an address belongs to."""
    if not collisions:
        return
    pairs = "\n".join(
        "  " + " and ".join(f"{user.email!a} (id {user.pk})" for user in users)
        for users in collisions
    )
    raise LookAlikeAddresses(EXPLANATION.format(pairs=pairs))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_folded_names")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="email_canonical",
            field=lofty_admin.accounts.models.CanonicalEmailField(default="", editable=False),
            preserve_default=False,
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunPython(close_used_invitations, migrations.RunPython.noop),
        migrations.RemoveConstraint(model_name="user", name="one_person_per_email"),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                fields=["email_canonical"],
                name="one_person_per_email",
                violation_error_message="Somebody with this e-mail address is here already.",
            ),
        ),
    ]
