"""Guard against a wrong tenant: remember which Sales Agent is a tenant's.

The first one that is read becomes the tenant's. From then on, the settings of another Sales Agent
are neither shown nor saved for this tenant until a manager confirms the change.
"""

from django.db import transaction

from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.tenants.credentials import health
from lofty_admin.tenants.credentials.api_client import ConnectionUnavailable, client_for
from lofty_admin.tenants.models import ConnectionHealth, Health, Tenant


class WrongAgent(ConnectionUnavailable):
    """The token in use opens another Sales Agent than the tenant's. The text may be shown."""

    effect = "This only reads from Lofty. Nothing was changed."
    advice = (
        "A manager must open the Connection page and add the right token, or confirm this "
        "Sales Agent for the tenant."
    )


def require_agent(tenant: Tenant, found: int, *, by_probe: bool = False) -> None:
    """Raise WrongAgent, and record it, unless `found` is the tenant's Sales Agent or its first."""
    known = known_agent(tenant, found)
    if known == found:
        return
    reason = wrong_agent(known, found)
    if connection := tenant.connections.filter(retired_at=None).first():
        ConnectionHealth.objects.filter(pk=connection.pk).update(found_agent_id=found)
        health.record_health(tenant, connection, Health.WRONG_AGENT, reason, by_probe=by_probe)
    raise WrongAgent(reason)


def known_agent(tenant: Tenant, found: int) -> int:
    """Return the id of the tenant's Sales Agent: `found` if none was known."""
    agents = Tenant.objects.filter(pk=tenant.pk).values_list("sales_agent_id", flat=True)
    known = agents.get()
    if known is None:
        agents.filter(sales_agent_id=None).update(sales_agent_id=found)
        known = agents.get()
    return found if known is None else known


def wrong_agent(known: int, found: int) -> str:
    """Return the message for the user."""
    return (
        f"The current token opens another Sales Agent ({found}) than this tenant's "
        f"({known}). It may belong to another user."
    )


def found_agent(tenant: Tenant) -> int:
    """Read the Sales Agent behind the token. Raises LoftyError and ConnectionUnavailable."""
    return client_for(tenant).get_settings().id


def accept_agent(tenant: Tenant, found: int) -> None:
    """Make `found`, which was just read, the tenant's Sales Agent, as confirmed by a manager."""
    with transaction.atomic():
        row = Tenant.objects.select_for_update().get(pk=tenant.pk)
        before, row.sales_agent_id = row.sales_agent_id, found
        row.save(update_fields=["sales_agent_id"])
        record(
            Kind.AGENT_CHANGED,
            tenant=row.ref,
            outcome=Outcome.DONE,
            before={"sales_agent_id": before},
            after={"sales_agent_id": found},
        )
    if connection := tenant.connections.filter(retired_at=None).first():
        health.record_health(tenant, connection, Health.WORKS, by_probe=True)
