"""Store, remove, and test a tenant's token. A change and its audit record commit together.

A pasted token is verified at Lofty (token_verification.py) before the transaction that stores it.
"""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from lofty_admin.audit.log.context import current_actor
from lofty_admin.audit.log.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.lofty.errors import LoftyError
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.tenants.credentials import health, health_probe
from lofty_admin.tenants.credentials.api_client import (
    CredentialUnavailable,
    client_for,
    require_calls,
)
from lofty_admin.tenants.credentials.sealing import seal_into
from lofty_admin.tenants.credentials.token_refresh import marks_of
from lofty_admin.tenants.credentials.token_verification import (
    CheckedToken,
    ask_about,
    is_owner_known,
    owner_of,
)
from lofty_admin.tenants.errors import ChangeNotAllowed, locked
from lofty_admin.tenants.models import Credential, Health, Tenant

CALLS_OF_A_TEST = 2  # its owner, and the settings


def set_credential(tenant: Tenant, checked: CheckedToken, *, meant: bool = False) -> Credential:
    """Replace the token in use, if any, and erase the old one.

    Raises ChangeNotAllowed for an archived tenant, and ConfirmationRequired when `questions_about`
    returns any and the change is not confirmed by `meant`.
    """
    with transaction.atomic():
        row = locked(tenant)
        if not meant:
            ask_about(row, checked)
        old = _retire(row)
        new = store_credential(row, checked)
        kind = Kind.CREDENTIAL_REPLACED if old else Kind.CREDENTIAL_ADDED
        record_credential(kind, row, before=old, after=new)
    return new


def remove_credential(tenant: Tenant) -> None:
    """Erase the token in use. Raises ChangeNotAllowed when there is none."""
    with transaction.atomic():
        row = locked(tenant)
        old = _retire(row)
        if old is None:
            raise ChangeNotAllowed(_("%(name)s has no token to remove.") % {"name": row.name})
        record_credential(Kind.CREDENTIAL_REMOVED, row, before=old)


def test_credential(tenant: Tenant) -> Credential:
    """Test the stored token at Lofty: fetch its owner and Sales Agent, and record the result.

    Raises LoftyError when it does not work, CredentialUnavailable when there is no token to test,
    and its subclass WrongAgent when it opens another Sales Agent than the tenant's.
    """
    credential = Credential.objects.filter(tenant=tenant, retired_at=None).first()
    if credential is None:
        raise CredentialUnavailable(f"{tenant.name} has no Lofty token yet.")
    require_calls(tenant, CALLS_OF_A_TEST)
    try:
        client = client_for(tenant, credential=credential)
        agent_id = client.get_settings().id
        _keep_owner(credential, owner_of(client))
        health_probe.settle(credential, agent_id)
    except LoftyError as error:
        health.record_error(tenant, credential, error)
        _record_test(tenant, credential, Outcome.REFUSED, error.message)
        raise
    except CredentialUnavailable as error:
        health_probe.checked(credential)
        _record_test(tenant, credential, Outcome.REFUSED, str(error))
        raise
    _record_test(tenant, credential, Outcome.DONE, "Lofty accepts it.")
    credential.refresh_from_db()
    return credential


def _keep_owner(credential: Credential, owner: dict[str, JSON]) -> None:
    """Store the token's owner; keep known fields that Lofty does not return this time."""
    if is_owner_known(owner) or not is_owner_known(credential.lofty_user):
        credential.lofty_user = owner
        credential.save(update_fields=["lofty_user", "owner_folded"])


def store_credential(tenant: Tenant, checked: CheckedToken) -> Credential:
    credential = _unsealed(tenant, checked)
    secrets = {
        "sealed": checked.token,
        "sealed_refresh": checked.refresh_token,
        "sealed_key": checked.customer_key,
    }
    for column, secret in secrets.items():
        seal_into(credential, column, secret)
    credential.save(force_insert=True)
    if checked.sales_agent_id is not None:
        tenant.sales_agent_id = checked.sales_agent_id
        tenant.save(update_fields=["sales_agent_id"])
    return credential


def _unsealed(tenant: Tenant, checked: CheckedToken) -> Credential:
    newest = tenant.credentials.order_by("-version").first()
    last_four, fingerprint = marks_of(checked.shown)
    asked_at = None if checked.health == Health.UNKNOWN else timezone.now()
    credential = Credential(
        tenant=tenant,
        kind=checked.kind,
        scheme=checked.scheme.value,
        version=newest.version + 1 if newest else 1,
        last_four=last_four,
        fingerprint=fingerprint,
        lofty_user=checked.lofty_user,
        added_by=current_actor().name[:300],
        expires_at=checked.expires_at,
        access_expires_at=checked.access_expires_at,
        health=checked.health,
        health_note=health.meaning_of(checked.health)[:300],
        health_since=asked_at,
        checked_at=asked_at,
        last_good_at=asked_at if checked.health == Health.WORKS else None,
    )
    if checked.budget:
        credential.budget_limit = checked.budget.limit
        credential.budget_remaining = checked.budget.remaining
        credential.budget_reset_at = checked.budget.reset_at
    return credential


def _retire(tenant: Tenant) -> Credential | None:
    old = tenant.credential
    if old is not None:
        old.retired_at = timezone.now()
        old.sealed = old.sealed_refresh = old.sealed_key = b""
        old.save(update_fields=["retired_at", "sealed", "sealed_refresh", "sealed_key"])
    return old


def record_credential(
    kind: Kind, tenant: Tenant, *, before: Credential | None = None, after: Credential | None = None
) -> None:
    record(
        kind,
        tenant=tenant.ref,
        subject=str(after or before),
        outcome=Outcome.DONE,
        before=_credential_described(before),
        after=_credential_described(after),
    )


def _credential_described(credential: Credential | None) -> dict[str, JSON] | None:
    if credential is None:
        return None
    return {
        "id": str(credential.id),
        "version": credential.version,
        "kind": credential.kind,
        "scheme": credential.scheme,
        "last_four": credential.last_four,
        "fingerprint": credential.fingerprint,
        "lofty_user": credential.lofty_user,
        "sales_agent_id": credential.tenant.sales_agent_id,
    }


def _record_test(tenant: Tenant, credential: Credential, outcome: Outcome, what: str) -> None:
    record(
        Kind.CREDENTIAL_TESTED,
        tenant=tenant.ref,
        subject=str(credential),
        outcome=outcome,
        detail={"credential": str(credential.id), "result": what},
    )
