"""Connection health, derived from Lofty's responses; transitions are audited."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.lofty.errors import (
    SETTINGS_PATH,
    BudgetSpent,
    Forbidden,
    LoftyError,
    NoFreeSlot,
    NoSalesAgent,
    RateLimited,
    ScopeMissing,
    Unauthorised,
    WrongScheme,
)
from lofty_admin.lofty.exchange import Exchange
from lofty_admin.tenants.models import Connection, ConnectionHealth, Health, Tenant

# The first match counts: WrongScheme is a subclass of Unauthorised.
_BY_ERROR: tuple[tuple[type[LoftyError], Health], ...] = (
    (WrongScheme, Health.WRONG_SCHEME),
    (Unauthorised, Health.DEAD),
    (ScopeMissing, Health.SCOPE_MISSING),
    (Forbidden, Health.FORBIDDEN),
    (NoSalesAgent, Health.NO_AGENT),
    (RateLimited, Health.LIMITED),
    (BudgetSpent, Health.LIMITED),
)
_TOKEN_FAILS = frozenset(
    {
        Health.DEAD,
        Health.WRONG_SCHEME,
        Health.AUTHORISE_AGAIN,
        Health.NOT_RENEWED,
        Health.UNREADABLE,
    }
)
_TELLS_NOTHING = frozenset({Health.LIMITED, Health.LOFTY_DOWN})
_CHECKED_AGAIN = "It is checked again within the hour."
_GOOD = frozenset({Health.WORKS, Health.UNKNOWN})
# Any successful answer disproves these; the others need a probe, which tests more.
_LIFTED = _GOOD | _TELLS_NOTHING | {Health.DEAD, Health.WRONG_SCHEME, Health.UNREADABLE}
_LIFTED_BY_SETTINGS = _LIFTED | {Health.SCOPE_MISSING, Health.FORBIDDEN, Health.NO_AGENT}


def health_of(error: LoftyError) -> Health:
    """Return the health that a failed probe shows."""
    for kind, health in _BY_ERROR:
        if isinstance(error, kind):
            return health
    return Health.LOFTY_DOWN


def meaning_of(health: Health) -> str:
    """Return what a health means and what to do, in the words of Lofty's error; "" if it works."""
    for kind, found in _BY_ERROR:
        if found == health:
            return f"{kind.default_message} {kind.default_advice}"
    return ""


def record_error(tenant: Tenant, connection: Connection, error: LoftyError) -> None:
    """Record a failed probe. One that got no slot shows nothing about the connection."""
    if isinstance(error, NoFreeSlot):
        return
    found = health_of(error)
    advice = _CHECKED_AGAIN if found in _TELLS_NOTHING else error.advice
    record_health(tenant, connection, found, f"{error.message} {advice}", by_probe=True)


def record_refusal(tenant: Tenant, connection: Connection, refused: type[LoftyError]) -> None:
    """Record another call that Lofty refused because of the token."""
    for kind, health in _BY_ERROR:
        if issubclass(refused, kind):
            because = f"{refused.default_message} {refused.default_advice}"
            record_health(tenant, connection, health, because)
            return


def touch(connection: Connection) -> bool:
    """Store the time of the last success if nothing else has changed, which is usual.

    Takes a single statement, because a save waits for three of these. Returns False if nothing was
    written.
    """
    working = ConnectionHealth.objects.filter(
        pk=connection.pk, status=Health.WORKS, failing_since=None
    )
    return bool(working.update(last_good_at=timezone.now()))


def mark_healthy(tenant: Tenant, connection: Connection, exchange: Exchange) -> None:
    """Record another call that Lofty answered."""
    disproved = _LIFTED_BY_SETTINGS if exchange.path == SETTINGS_PATH else _LIFTED
    with transaction.atomic():
        row = _locked(connection)
        if row is None:
            return
        # The undecryptable secret may be the one that gets the next token.
        if row.connection.renews_itself:
            disproved -= {Health.UNREADABLE}
        if row.status in disproved:
            record_health(tenant, connection, Health.WORKS)
        elif row.status not in _TOKEN_FAILS:
            _update(row, {"last_good_at": timezone.now(), "failing_since": None})


def record_health(
    tenant: Tenant,
    connection: Connection,
    found: Health,
    because: str = "",
    *,
    by_probe: bool = False,
) -> None:
    """Store the health, and write an audit event if it differs from before.

    because: the reason in words, "" if it works. A retired connection is left alone.
    """
    now = timezone.now()
    with transaction.atomic():
        row = _locked(connection)
        if row is None:
            return
        changes = _changes(row, found, because[:300], now)
        _update(row, {**changes, "checked_at": now} if by_probe else changes)
        if found != row.status and not {found, Health(row.status)} <= _GOOD:
            _record(tenant, row, found, because)


def _locked(connection: Connection) -> ConnectionHealth | None:
    """Lock the connection and return its health; None if the connection was retired."""
    rows = Connection.objects.select_for_update(no_key=True)
    locked = rows.filter(pk=connection.pk, retired_at=None).first()
    if locked is None:
        return None
    # Read only now that no other process changes it. A connection put back by hand has none.
    health, _is_new = ConnectionHealth.objects.get_or_create(connection=locked)
    health.connection = locked
    return health


def _update(row: ConnectionHealth, changes: dict[str, Any]) -> None:
    ConnectionHealth.objects.filter(pk=row.pk).update(**changes)


def _changes(row: ConnectionHealth, found: Health, because: str, now: datetime) -> dict[str, Any]:
    since = row.since if found == row.status else None
    changes: dict[str, Any] = {"status": found, "note": because, "since": since or now}
    if found in _GOOD:
        return {**changes, "last_good_at": now, "failing_since": None}
    changes |= {"last_failure_at": now, "last_failure": because}
    if found in _TOKEN_FAILS:
        changes["failing_since"] = row.failing_since or now
    elif found not in _TELLS_NOTHING:  # Lofty recognizes the token: another problem caused this
        changes["failing_since"] = None
    return changes


def _record(tenant: Tenant, row: ConnectionHealth, found: Health, because: str) -> None:
    works = found in _GOOD
    record(
        Kind.CREDENTIAL_RECOVERED if works else Kind.CREDENTIAL_FAILED,
        tenant=tenant.ref,
        subject=str(row.connection),
        outcome=Outcome.DONE if works else Outcome.REFUSED,
        before={"health": row.status},
        after={"health": found.value},
        detail={"credential": str(row.pk), "because": because},
    )
