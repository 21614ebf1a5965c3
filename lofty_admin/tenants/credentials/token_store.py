"""Store, remove, and test a tenant's token. A change and its audit record commit together.

A pasted token is verified at Lofty (token_verification.py) before the transaction that stores it.
"""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from lofty_admin.audit.context import current_actor
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.lofty.errors import LoftyError
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.tenants.credentials import health, health_probe
from lofty_admin.tenants.credentials.api_client import (
    ConnectionUnavailable,
    client_for,
    require_calls,
)
from lofty_admin.tenants.credentials.secrets import seal_into
from lofty_admin.tenants.credentials.token_refresh import marks_of
from lofty_admin.tenants.credentials.token_verification import (
    CheckedToken,
    ask_about,
    is_owner_known,
    owner_of,
)
from lofty_admin.tenants.errors import ChangeNotAllowed, locked
from lofty_admin.tenants.models import (
    Connection,
    ConnectionHealth,
    Health,
    RateLimit,
    Tenant,
    TokenRefresh,
)

CALLS_OF_A_TEST = 2  # its owner, and the settings


def set_connection(tenant: Tenant, checked: CheckedToken, *, meant: bool = False) -> Connection:
    """Replace the token in use, if any, and erase the old one.

    Raises ChangeNotAllowed for an archived tenant, and ConfirmationRequired when `questions_about`
    returns any and the change is not confirmed by `meant`.
    """
    with transaction.atomic():
        row = locked(tenant)
        if not meant:
            ask_about(row, checked)
        old = _retire(row)
        new = store_connection(row, checked)
        kind = Kind.CREDENTIAL_REPLACED if old else Kind.CREDENTIAL_ADDED
        record_connection(kind, row, before=old, after=new)
    return new


def remove_connection(tenant: Tenant) -> None:
    """Erase the token in use. Raises ChangeNotAllowed when there is none."""
    with transaction.atomic():
        row = locked(tenant)
        old = _retire(row)
        if old is None:
            raise ChangeNotAllowed(_("%(name)s has no token to remove.") % {"name": row.name})
        record_connection(Kind.CREDENTIAL_REMOVED, row, before=old)


def test_connection(tenant: Tenant) -> Connection:
    """Test the stored token at Lofty: fetch its owner and Sales Agent, and record the result.

    Raises LoftyError when it does not work, ConnectionUnavailable when there is no token to test,
    and its subclass WrongAgent when it opens another Sales Agent than the tenant's.
    """
    connection = Connection.objects.filter(tenant=tenant, retired_at=None).first()
    if connection is None:
        raise ConnectionUnavailable(f"{tenant.name} has no Lofty token yet.")
    require_calls(tenant, CALLS_OF_A_TEST)
    try:
        client = client_for(tenant, connection=connection)
        agent_id = client.get_settings().id
        _keep_owner(connection, owner_of(client))
        health_probe.settle(connection, agent_id)
    except LoftyError as error:
        health.record_error(tenant, connection, error)
        _record_test(tenant, connection, Outcome.REFUSED, error.message)
        raise
    except ConnectionUnavailable as error:
        health_probe.checked(connection)
        _record_test(tenant, connection, Outcome.REFUSED, str(error))
        raise
    _record_test(tenant, connection, Outcome.DONE, "Lofty accepts it.")
    connection.refresh_from_db()
    return connection


def _keep_owner(connection: Connection, owner: dict[str, JSON]) -> None:
    """Store the token's owner; keep known fields that Lofty does not return this time."""
    if is_owner_known(owner) or not is_owner_known(connection.lofty_user):
        connection.lofty_user = owner
        connection.save(update_fields=["lofty_user", "owner_folded"])


def store_connection(tenant: Tenant, checked: CheckedToken) -> Connection:
    connection = _unsealed(tenant, checked)
    secrets = {
        "sealed": checked.token,
        "sealed_refresh": checked.refresh_token,
        "sealed_key": checked.customer_key,
    }
    for column, secret in secrets.items():
        seal_into(connection, column, secret)
    connection.save(force_insert=True)
    _create_parts(connection, checked)
    if checked.sales_agent_id is not None:
        tenant.sales_agent_id = checked.sales_agent_id
        tenant.save(update_fields=["sales_agent_id"])
    return connection


def _unsealed(tenant: Tenant, checked: CheckedToken) -> Connection:
    newest = tenant.connections.order_by("-version").first()
    last_four, fingerprint = marks_of(checked.shown)
    return Connection(
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
    )


def _create_parts(connection: Connection, checked: CheckedToken) -> None:
    asked_at = None if checked.health == Health.UNKNOWN else timezone.now()
    ConnectionHealth.objects.create(
        connection=connection,
        status=checked.health,
        note=health.meaning_of(checked.health)[:300],
        since=asked_at,
        checked_at=asked_at,
        last_good_at=asked_at if checked.health == Health.WORKS else None,
    )
    TokenRefresh.objects.create(connection=connection)
    budget = checked.budget
    RateLimit.objects.create(
        connection=connection,
        limit=budget.limit if budget else None,
        remaining=budget.remaining if budget else None,
        resets_at=budget.reset_at if budget else None,
    )


def _retire(tenant: Tenant) -> Connection | None:
    old = tenant.connection
    if old is not None:
        old.retired_at = timezone.now()
        old.sealed = old.sealed_refresh = old.sealed_key = b""
        old.save(update_fields=["retired_at", "sealed", "sealed_refresh", "sealed_key"])
    return old


def record_connection(
    kind: Kind, tenant: Tenant, *, before: Connection | None = None, after: Connection | None = None
) -> None:
    record(
        kind,
        tenant=tenant.ref,
        subject=str(after or before),
        outcome=Outcome.DONE,
        before=_connection_described(before),
        after=_connection_described(after),
    )


def _connection_described(connection: Connection | None) -> dict[str, JSON] | None:
    if connection is None:
        return None
    return {
        "id": str(connection.id),
        "version": connection.version,
        "kind": connection.kind,
        "scheme": connection.scheme,
        "last_four": connection.last_four,
        "fingerprint": connection.fingerprint,
        "lofty_user": connection.lofty_user,
        "sales_agent_id": connection.tenant.sales_agent_id,
    }


def _record_test(tenant: Tenant, connection: Connection, outcome: Outcome, what: str) -> None:
    record(
        Kind.CREDENTIAL_TESTED,
        tenant=tenant.ref,
        subject=str(connection),
        outcome=outcome,
        detail={"credential": str(connection.id), "result": what},
    )
