"""Which tenants the home page lists."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.models import AuditEvent
from lofty_admin.tenants.models import Credential, CredentialState, Tenant

_STATES = {
    CredentialState.WORKS: Q(failing_since=None, last_good_at__isnull=False),
    CredentialState.FAILING: Q(failing_since__isnull=False),
    CredentialState.UNUSED: Q(failing_since=None, last_good_at=None),
}


def find(tenants: QuerySet[Tenant], *, text: str, status: str, token: str) -> QuerySet[Tenant]:
    """Those of `tenants` with `text` in name, short name or note, or in the Lofty user's name or
    e-mail address; `status` "", "archived" or "all"; `token` "" or a CredentialState."""
    if status != "all":
        tenants = tenants.filter(status=status or Tenant.Status.ACTIVE)
    if token:
        tenants = tenants.filter(_with_token(CredentialState(token)))
    for word in text.split():
        tenants = tenants.filter(_mentions(word))
    return tenants.prefetch_related("credentials")


def last_changes(tenants: Iterable[Tenant]) -> dict[UUID, AuditEvent]:
    """The newest outcome of a save for each of `tenants` that has one, by tenant id."""
    events = (
        AuditEvent.objects.filter(
            tenant_id__in=[tenant.id for tenant in tenants], kind=Kind.SETTINGS_OUTCOME
        )
        .order_by("tenant_id", "-seq")
        .distinct("tenant_id")
        .defer("body")
    )
    return {event.tenant_id: event for event in events if event.tenant_id}


def _with_token(state: CredentialState) -> Q:
    in_use = Credential.objects.filter(tenant=OuterRef("pk"), retired_at=None)
    if state is CredentialState.NONE:
        return ~Q(Exists(in_use))
    return Q(Exists(in_use.filter(_STATES[state])))


def _mentions(word: str) -> Q:
    owner = Credential.objects.filter(tenant=OuterRef("pk"), retired_at=None).filter(
        Q(lofty_user__name__icontains=word) | Q(lofty_user__email__icontains=word)
    )
    here = Q(name__icontains=word) | Q(slug__icontains=word) | Q(note__icontains=word)
    return here | Q(Exists(owner))
