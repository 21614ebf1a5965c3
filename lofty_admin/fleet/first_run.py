"""First steps on the home page of a new console: from nothing to the first tenant's settings.

A step is done when its result exists, whoever did it and wherever.
"""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from lofty_admin.accounts.models import User
from lofty_admin.accounts.services import working_superusers
from lofty_admin.agentsettings.models import SettingsSnapshot
from lofty_admin.directory.names import freshness
from lofty_admin.tenants.credentials.config import oauth_app
from lofty_admin.tenants.models import Connection, Health, Tenant

MOST_NAMED = 5


@dataclass(frozen=True)
class Step:
    """One step: `url` is the page to do it on, "" while an earlier step is open.

    `words`: what to do there. `note`: its current state, in a sentence or two.
    """

    title: str
    words: str
    url: str
    is_done: bool
    note: str = ""


@dataclass(frozen=True)
class FirstRun:
    """The steps. `next_step` is the first open one; None when all are done: none are shown then."""

    steps: tuple[Step, ...]

    @property
    def next_step(self) -> Step | None:
        return next((step for step in self.steps if not step.is_done), None)


def first_run() -> FirstRun | None:
    """Return a superuser's first steps; None once there are two tenants or the first is set up."""
    tenants = list(Tenant.objects.all()[:2])
    if len(tenants) > 1 or any(tenant.is_archived for tenant in tenants):
        return None
    found = FirstRun(tuple(_steps(tenants[0]) if tenants else _from_nothing()))
    return found if found.next_step else None


def whom_to_ask() -> list[User]:
    """Return a few of the users who can give others access to tenants."""
    return list(working_superusers()[:MOST_NAMED])


def _from_nothing() -> list[Step]:
    return [
        Step(_("Add your first tenant"), _("Add tenant"), reverse("tenants:add"), False),
        Step(_access_title(), "", "", False),
        Step(_("Test the token"), "", "", False),
        Step(_("Sync the names of agents, offices, and ponds"), "", "", False),
        Step(_("Open settings"), "", "", False),
    ]


def _access_title() -> str:
    return _("Add a Lofty token, or connect with Lofty") if oauth_app() else _("Add a Lofty token")


def _steps(tenant: Tenant) -> list[Step]:
    connection = Connection.objects.filter(tenant=tenant, retired_at=None).first()
    works = connection is not None and connection.health.status == Health.WORKS
    access = reverse("tenants:connection", args=[tenant.slug])
    return [
        Step(
            _("Add your first tenant"),
            "",
            "",
            True,
            _("%(name)s was added.") % {"name": tenant.name},
        ),
        Step(
            _access_title(),
            _("Open its Connection page"),
            access,
            connection is not None,
            f"{connection}." if connection else _("The token is tested before it is saved."),
        ),
        Step(
            _("Test the token"),
            _("View the problem") if _fails(connection) else _("Test it now"),
            access if connection else "",
            works,
            _how_it_does(connection),
        ),
        _names(tenant, works=works),
        Step(
            _("Open settings"),
            _("Open settings"),
            reverse("agentsettings:settings", args=[tenant.slug]) if works else "",
            SettingsSnapshot.objects.filter(tenant=tenant).exists(),
        ),
    ]


def _fails(connection: Connection | None) -> bool:
    if connection is None:
        return False
    return connection.health.status not in (Health.WORKS, Health.UNKNOWN)


def _how_it_does(connection: Connection | None) -> str:
    if connection is None:
        return ""
    if _fails(connection):
        return connection.health.note or connection.health.get_status_display()
    if not connection.owner_name:
        return ""
    return _("The token belongs to %(name)s.") % {"name": connection.owner_name}


def _names(tenant: Tenant, *, works: bool) -> Step:
    known = freshness(tenant)
    note = _("Names are being synced.") if known.running else known.message
    return Step(
        _("Sync the names of agents, offices, and ponds"),
        _("View progress") if known.running else _("Sync names"),
        reverse("directory:names", args=[tenant.slug]) if works else "",
        known.synced_at is not None,
        "" if known.synced_at else note,
    )
