"""What refuses a change of a tenant, and the row that a change begins with."""

from collections.abc import Iterable

from django.utils.translation import gettext as _

from lofty_admin.tenants.models import Tenant


class ChangeNotAllowed(Exception):
    """A change that is not allowed as things are. Nothing was changed; the text may be shown, and
    is in the language of the page that asked: what the record needs to say is said there."""


class ConfirmationRequired(ChangeNotAllowed):
    """A change that is allowed, but only if it is meant. `questions` says what is odd about it."""

    def __init__(self, questions: Iterable[str]) -> None:
        self.questions = tuple(questions)
        super().__init__(" ".join(self.questions))


def archived(tenant: Tenant) -> str:
    """Why nothing of a tenant can be changed."""
    words = _("%(name)s is archived and cannot be changed. Restore it first.")
    return words % {"name": tenant.name}


def locked(tenant: Tenant) -> Tenant:
    """The row, for a change that nobody else makes meanwhile. Raises NotDone if it is archived."""
    row = Tenant.objects.select_for_update().get(pk=tenant.pk)
    if row.is_archived:
        raise ChangeNotAllowed(archived(row))
    return row
