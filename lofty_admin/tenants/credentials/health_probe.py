"""Probe the stored connections at Lofty: daily, from a command, or when a user asks.

A probe reads the Sales Agent's settings. This one call shows whether the token works, with which
scheme and permissions, and for which Sales Agent. See `health` for the classes.
"""

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from lofty_admin.core import clocks
from lofty_admin.lofty.client import LoftyClient
from lofty_admin.lofty.errors import BudgetSpent, LoftyError
from lofty_admin.tenants.credentials import health
from lofty_admin.tenants.credentials.api_client import (
    ConnectionUnavailable,
    client_for,
    require_spare_call,
)
from lofty_admin.tenants.credentials.sales_agent import require_agent
from lofty_admin.tenants.models import Connection, ConnectionHealth, Health, Tenant

EVERY = timedelta(hours=23)  # checked once an hour, so this means once a day
AGAIN = timedelta(minutes=50)  # after a probe without a conclusion


def in_use() -> QuerySet[Connection]:
    """Return the connections in use of active tenants."""
    return Connection.objects.select_related("tenant", "health").filter(
        retired_at=None, tenant__status=Tenant.Status.ACTIVE
    )


def due(now: datetime) -> QuerySet[Connection]:
    """Return the connections in use whose daily probe is due or whose last one was inconclusive."""
    old = Q(health__checked_at=None) | clocks.happened_long_ago("health__checked_at", now, EVERY)
    inconclusive = Q(
        health__status__in=[Health.LIMITED, Health.LOFTY_DOWN],
        health__checked_at__lte=now - AGAIN,
    )
    return in_use().filter(old | inconclusive)


def probe(connection: Connection) -> Connection:
    """Probe the connection once, record its health, and return the row as it is afterwards.

    Raises BudgetSpent, without calling, if a user may need the calls that are left.
    """
    try:
        require_spare_call(connection.tenant)
        look(connection, client_for(connection.tenant, connection=connection))
    except BudgetSpent:
        raise
    except ConnectionUnavailable:
        checked(connection)
    except LoftyError as error:
        health.record_error(connection.tenant, connection, error)
    return in_use().filter(pk=connection.pk).first() or connection


def look(connection: Connection, client: LoftyClient) -> None:
    """Read the settings and record that the connection works.

    Raises LoftyError and WrongAgent; only the second is recorded here.
    """
    settle(connection, client.get_settings().id)


def settle(connection: Connection, agent_id: int) -> None:
    """Record that the connection opens this Sales Agent's settings.

    Raises WrongAgent after recording it.
    """
    tenant = connection.tenant
    require_agent(tenant, agent_id, by_probe=True)
    health.record_health(tenant, connection, Health.WORKS, by_probe=True)


def checked(connection: Connection) -> None:
    """Store the time of this check only: the row already has the problem."""
    ConnectionHealth.objects.filter(pk=connection.pk).update(checked_at=timezone.now())
