"""Errors for refused changes of a tenant, and the row lock that a change begins with."""

from collections.abc import Iterable

from django.utils.translation import gettext as _

from lofty_admin.tenants.models import Tenant


class ChangeNotAllowed(Exception):
    """A change that is not allowed in the current state. Nothing was changed.

    The text may be shown and is in the language of the requesting page; a caller that records it
    says there what the record needs.
    """


class ConfirmationRequired(ChangeNotAllowed):
    """An allowed change that needs confirmation. `questions` lists what is unexpected about it."""

    def __init__(self, questions: Iterable[str]) -> None:
        self.questions = tuple(questions)
        super().__init__(" ".join(self.questions))


def archived(tenant: Tenant) -> str:
    """Explain why nothing of an archived tenant can be changed."""
    words = _("%(name)s is archived and can't be changed. Restore it first.")
    return words % {"name": tenant.name}


def locked(tenant: Tenant) -> Tenant:
    """Lock the row and return it. Raises ChangeNotAllowed if the tenant is archived."""
    row = Tenant.objects.select_for_update().get(pk=tenant.pk)
    if row.is_archived:
        raise ChangeNotAllowed(archived(row))
    return row
