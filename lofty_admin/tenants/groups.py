"""Add, rename, and delete groups. A tenant's groups are changed with the tenant (services.py)."""

from django.db import transaction
from django.utils.translation import gettext as _

from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.tenants.errors import ChangeNotAllowed
from lofty_admin.tenants.models import Group


def add_group(*, slug: str, name: str) -> Group:
    """Add a group. Raises ValidationError for an invalid or taken short name."""
    group = Group(slug=slug, name=name.strip())
    group.full_clean()
    with transaction.atomic():
        group.save(force_insert=True)
        record(Kind.GROUP_ADDED, subject=group.name, outcome=Outcome.DONE, after=_described(group))
    return group


def rename_group(group: Group, *, slug: str, name: str) -> bool:
    """Change name and short name. Returns False, and records nothing, when neither changes."""
    with transaction.atomic():
        row = _locked(group)
        before = _described(row)
        row.slug, row.name = slug, name.strip()
        row.full_clean()
        if _described(row) == before:
            return False
        row.save(update_fields=["slug", "name", "folded"])
        record(
            Kind.GROUP_CHANGED,
            subject=row.name,
            outcome=Outcome.DONE,
            before=before,
            after=_described(row),
        )
    return True


def delete_group(group: Group) -> None:
    """Delete the group. Raises ChangeNotAllowed while it has tenants or is the scope of grants."""
    with transaction.atomic():
        row = _locked(group)
        if row.tenants.exists():
            words = _("%(name)s still has tenants. Remove them first.")
            raise ChangeNotAllowed(words % {"name": row.name})
        if row.grants.exists():
            words = _("Users have roles through %(name)s. Remove these roles first.")
            raise ChangeNotAllowed(words % {"name": row.name})
        before = _described(row)
        row.delete()
        record(Kind.GROUP_DELETED, subject=row.name, outcome=Outcome.DONE, before=before)


def _locked(group: Group) -> Group:
    row = Group.objects.select_for_update().filter(pk=group.pk).first()
    if row is None:
        raise ChangeNotAllowed(_("Another user has already deleted this group."))
    return row


def _described(group: Group) -> dict[str, JSON]:
    return {"id": str(group.id), "slug": group.slug, "name": group.name}
