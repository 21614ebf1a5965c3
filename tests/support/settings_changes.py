"""Change a tenant's settings by the services, without pages."""

from typing import Any

from lofty_admin.accounts.models import User
from lofty_admin.agentsettings import services
from lofty_admin.agentsettings.models import Operation, State
from lofty_admin.agentsettings.plans import Plan
from lofty_admin.agentsettings.snapshots import read_live
from lofty_admin.lofty.client import Scheme
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.tenants.credentials.token_store import set_connection
from lofty_admin.tenants.credentials.token_verification import unchecked_token
from lofty_admin.tenants.models import Membership, Role, Tenant
from tests.support.practice_customer import PracticeCustomer


def connect(tenant: Tenant, token: str) -> None:
    set_connection(tenant, unchecked_token(Scheme.OAUTH, token), meant=True)


def plan_for(tenant: Tenant, **wanted: JSON) -> Plan:
    """A plan against what Lofty has now."""
    snapshot = read_live(tenant)
    return Plan.new(snapshot, {**snapshot.settings.raw, **wanted})


def apply(tenant: Tenant, plan: Plan, reason: str) -> Operation:
    """Apply it for an editor of the tenant, as a job does for a user."""
    return services.apply(tenant, plan, reason, user=editor_of(tenant))


def editor_of(tenant: Tenant) -> User:
    """Emil, who may edit this tenant."""
    user, _new = User.objects.get_or_create(email="emil@example.com", name="Emil Editor")
    role = {"role": Role.EDITOR}
    Membership.objects.get_or_create(user=user, tenant=tenant, defaults=role)
    return user


def unknown(tenant: Tenant, lofty: PracticeCustomer, fault: str, **parameters: Any) -> Operation:
    plan = plan_for(tenant, assistantName="Bella", activeDays=[])
    lofty.misbehave(fault, **parameters)
    operation = apply(tenant, plan, "")
    assert operation.state == State.UNKNOWN
    return operation
