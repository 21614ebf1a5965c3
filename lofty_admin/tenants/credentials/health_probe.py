"""Trying the stored credentials at Lofty, by the clock, by a command or by a person.

A probe reads the Sales Agent's settings: that one call tells whether the token works, as what, with
which rights, and for which Sales Agent. See `health` for the classes.
"""

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from lofty_admin.core import clocks
from lofty_admin.lofty.client import LoftyClient
from lofty_admin.lofty.errors import BudgetSpent, LoftyError
from lofty_admin.tenants.agents import require_agent
from lofty_admin.tenants.credentials import health
from lofty_admin.tenants.credentials.api_client import (
    CredentialUnavailable,
    client_for,
    require_spare_call,
)
from lofty_admin.tenants.models import Credential, Health, Tenant

EVERY = timedelta(hours=23)  # looked for once an hour: so once a day
AGAIN = timedelta(minutes=50)  # after a probe that told nothing


def in_use() -> QuerySet[Credential]:
    """The credentials in use of active tenants."""
    return Credential.objects.select_related("tenant").filter(
        retired_at=None, tenant__status=Tenant.Status.ACTIVE
    )


def due(now: datetime) -> QuerySet[Credential]:
    """Those whose daily probe has not been made, or told nothing of the credential."""
    old = Q(checked_at=None) | clocks.happened_long_ago("checked_at", now, EVERY)
    told_nothing = Q(health__in=[Health.LIMITED, Health.LOFTY_DOWN], checked_at__lte=now - AGAIN)
    return in_use().filter(old | told_nothing)


def probe(credential: Credential) -> Credential:
    """One probe, noted on the credential, which is returned as it is then.

    Raises BudgetSpent, without calling, if somebody may need what calls are left.
    """
    try:
        require_spare_call(credential.tenant)
        look(credential, client_for(credential.tenant, credential=credential))
    except BudgetSpent:
        raise
    except CredentialUnavailable:
        checked(credential)
    except LoftyError as error:
        health.record_error(credential.tenant, credential, error)
    return in_use().filter(pk=credential.pk).first() or credential


def look(credential: Credential, client: LoftyClient) -> None:
    """Read the settings and note that it works. Raises LoftyError and WrongAgent, of which only
    the second is noted."""
    settle(credential, client.get_settings().id)


def settle(credential: Credential, agent_id: int) -> None:
    """Note that it opens the settings of this Sales Agent. Raises WrongAgent, which is noted."""
    tenant = credential.tenant
    require_agent(tenant, agent_id, by_probe=True)
    health.record_health(tenant, credential, Health.WORKS, by_probe=True)


def checked(credential: Credential) -> None:
    """What is wrong stands on the credential already; it was looked at now."""
    Credential.objects.filter(pk=credential.pk, retired_at=None).update(checked_at=timezone.now())
