"""Reading the settings from Lofty, and remembering what was read."""

from django.utils import timezone

from lofty_admin.agentsettings.models import LastKnown
from lofty_admin.agentsettings.plans import Snapshot
from lofty_admin.lofty.schema import Settings
from lofty_admin.tenants.calls import client_for
from lofty_admin.tenants.models import Tenant


def read_live(tenant: Tenant) -> Snapshot:
    """One GET of the settings. Raises LoftyError, or NoCredential before anything is sent."""
    snapshot = Snapshot(client_for(tenant).get_settings(), timezone.now())
    remember(tenant, snapshot.settings)
    return snapshot


def remember(tenant: Tenant, settings: Settings) -> None:
    """Keep these as the settings last known, to be shown when Lofty cannot be read."""
    LastKnown.objects.update_or_create(
        tenant=tenant, defaults={"raw": settings.raw, "read_at": timezone.now()}
    )
