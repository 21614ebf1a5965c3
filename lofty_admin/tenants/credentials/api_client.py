"""Call Lofty on behalf of a tenant, with its token and within its call budget."""

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.db import connection as database
from django.db.models import Exists, F, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone

from lofty_admin.core import clocks
from lofty_admin.core.vault import VaultError
from lofty_admin.lofty.client import ME_PATH, LoftyClient, Scheme
from lofty_admin.lofty.errors import (
    BY_CODE,
    SETTINGS_PATH,
    BudgetSpent,
    LoftyError,
    Unauthorised,
    refusal_of,
)
from lofty_admin.lofty.exchange import LONGEST_WAIT, Budget, Exchange
from lofty_admin.tenants.credentials import health
from lofty_admin.tenants.credentials.config import endpoint
from lofty_admin.tenants.credentials.secrets import open_newest
from lofty_admin.tenants.credentials.token_refresh import RefreshFailed, usable
from lofty_admin.tenants.models import (
    RENEWING,
    Connection,
    Health,
    RateLimit,
    Tenant,
    TokenRefresh,
)

logger = logging.getLogger(__name__)
YOUNG = timedelta(minutes=10)
# Calls reserved for interactive use: one to open the settings and three for a save.
RESERVE = 4
# At the end of a window there is nothing left to reserve: calls not used by then are lost.
LAST_MOMENTS = timedelta(seconds=6)
TO_BE_SURE = timedelta(seconds=1)  # Lofty's windows end at whole seconds


class ConnectionUnavailable(Exception):
    """The tenant has no usable token. The text may be shown to a user."""


class NoToken(ConnectionUnavailable):
    """The tenant never had a token, or it was removed: the next step is to add one."""


@dataclass(frozen=True)
class CallsLeft:
    """The call budget of a tenant's token, from the X-RateLimit headers of the newest answer.

    `limit` is calls per window. `remaining` and `resets_at` (UTC) are None when they are unknown or
    the window is over. `claimed`: a save needs what is left.
    """

    limit: int | None
    remaining: int | None
    resets_at: datetime | None
    claimed: bool = False


def client_for(
    tenant: Tenant, *, connection: Connection | None = None, can_wait: bool = False
) -> LoftyClient:
    """Return a client with the tenant's token, or with that of `connection`.

    If it `can_wait`, it leaves the reserve to interactive use: it calls `require_spare_call` before
    every exchange, retries included.

    Every exchange is recorded on the connection's row: budget, last success, last failure. An
    access token that is about to expire is refreshed first, which calls Lofty, so this must not run
    inside a transaction. Raises ConnectionUnavailable when there is no token or it does not
    decrypt; nothing is sent then.
    """
    return client_and_connection(tenant, connection=connection, can_wait=can_wait)[0]


def client_and_connection(
    tenant: Tenant, *, connection: Connection | None = None, can_wait: bool = False
) -> tuple[LoftyClient, Connection]:
    """Return a client like `client_for`, and the connection as it was when its token was decrypted.

    A save checks that this connection is still the one in use before it sends.
    """
    used = _in_use(tenant, connection)
    token = _opened(tenant, used)
    client = LoftyClient(
        endpoint(tenant.pk),
        Scheme(used.scheme),
        token,
        before_exchange=(lambda: require_spare_call(tenant)) if can_wait else None,
        on_exchange=lambda exchange: record_exchange(tenant, used, exchange),
    )
    return client, used


def _in_use(tenant: Tenant, connection: Connection | None) -> Connection:
    """Return the current row from the database: other processes refresh and replace it."""
    rows = Connection.objects.filter(tenant=tenant, retired_at=None)
    rows = rows.select_related("token_refresh")
    used = rows.filter(pk=connection.pk).first() if connection else rows.first()
    if used is None:
        raise NoToken(f"{tenant.name} has no Lofty token yet.")
    try:
        return usable(used)
    except RefreshFailed as error:
        reason = str(error)
    raise ConnectionUnavailable(f"{tenant.name}: {reason}")


def calls_left(tenant: Tenant) -> CallsLeft:
    """Return the remaining calls, read from the database: other processes spend the same budget."""
    row = _rate_limits(tenant).first() or RateLimit()
    resets_at = row.resets_at
    if resets_at is None or not clocks.is_held(resets_at, timezone.now(), LONGEST_WAIT):
        return CallsLeft(row.limit, None, None)
    return CallsLeft(row.limit, row.remaining, resets_at, row.claimed_until == resets_at)


def _rate_limits(tenant: Tenant) -> QuerySet[RateLimit]:
    """Return the rate limit of the connection in use, if there is one."""
    return RateLimit.objects.filter(connection__tenant=tenant, connection__retired_at=None)


def require_calls(tenant: Tenant, needed: int) -> None:
    """Raise BudgetSpent, which has the time to wait for, unless `needed` calls are surely left."""
    left = calls_left(tenant)
    if left.remaining is not None and left.resets_at and left.remaining < needed:
        raise BudgetSpent(until=left.resets_at)


def require_spare_call(tenant: Tenant) -> None:
    """Raise BudgetSpent, which has the time to wait for, if only the reserve is left.

    Background work calls this before each exchange. At the end of a window the reserve may be used
    too, unless a save reserved its calls.
    """
    left = calls_left(tenant)
    if left.remaining is None or left.resets_at is None or left.remaining > RESERVE:
        return
    last_moments = left.resets_at - LAST_MOMENTS
    if left.claimed or left.remaining == 0:
        raise BudgetSpent(until=left.resets_at)
    if timezone.now() < last_moments:
        raise BudgetSpent(until=last_moments)


def reserve_calls(tenant: Tenant, needed: int) -> None:
    """Reserve calls for a save: like `require_calls`, and keep background work from using them.

    The reservation lasts until `release_calls` or the end of this window. In the last seconds of a
    window background work may already be using the calls, so this waits for the next window.
    """
    left = calls_left(tenant)
    if left.remaining is not None and left.resets_at and left.remaining <= needed:
        wait = left.resets_at - timezone.now() + TO_BE_SURE
        if wait <= LAST_MOMENTS + TO_BE_SURE:
            time.sleep(max(0.0, wait.total_seconds()))
        require_calls(tenant, needed)
    _rate_limits(tenant).update(claimed_until=F("resets_at"))


def release_calls(tenant: Tenant) -> None:
    """End a save's reservation: background work may use the rest of the window. Raises nothing."""
    try:
        claimed = RateLimit.objects.filter(connection__tenant=tenant)
        claimed.exclude(claimed_until=None).update(claimed_until=None)
    except DatabaseError:
        logger.warning("What a save of tenant %s left is claimed to the window's end", tenant.slug)


def record_exchange(tenant: Tenant, connection: Connection, exchange: Exchange) -> None:
    """Store what an exchange shows about the connection: calls left, and whether it works.

    May raise django.db.Error; LoftyClient logs that and continues, because a save must not fail on
    it.
    """
    if not database.in_atomic_block:
        # The database connection may have dropped during the call to Lofty: open a new one.
        database.close_if_unusable_or_obsolete()
    meaning, budget = _meaning(exchange), _columns(exchange.budget)
    with transaction.atomic():
        if budget:
            RateLimit.objects.filter(pk=connection.pk).update(**budget)
        if meaning is None and exchange.status == 200 and health.touch(connection):
            return
        _note_health(tenant, connection, exchange, meaning)


def _opened(tenant: Tenant, connection: Connection) -> str:
    try:
        return open_newest(connection, "sealed")
    except VaultError as error:
        reason = str(error)
    health.record_health(tenant, connection, Health.UNREADABLE, reason)
    raise ConnectionUnavailable(f"The Lofty token of {tenant.name} can't be used. {reason}")


def _columns(budget: Budget | None) -> dict[str, Any]:
    """Return the budget in an answer as columns of the row; empty if the answer has none."""
    if budget is None:
        return {}
    # Answers of concurrent calls may arrive out of order: within one window, keep the lowest value.
    remaining = RawSQL(
        "CASE WHEN resets_at = %s THEN LEAST(remaining, %s) ELSE %s END",
        [budget.reset_at, budget.remaining, budget.remaining],
    )
    return {
        "limit": budget.limit,
        "remaining": remaining,
        "resets_at": budget.reset_at,
    }


def _meaning(exchange: Exchange) -> type[LoftyError] | None:
    """Return the error that the code or status means; None also where they mean nothing."""
    return refusal_of(exchange) or BY_CODE.get(exchange.code or "")


def _note_health(
    tenant: Tenant, connection: Connection, exchange: Exchange, meaning: type[LoftyError] | None
) -> None:
    if meaning and exchange.path == ME_PATH:
        return  # Lofty may remove that one operation: a token that opens the settings is fine
    if meaning and issubclass(meaning, Unauthorised):
        _renew_next_time(connection)
        health.record_refusal(tenant, connection, meaning)
    elif meaning and exchange.path == SETTINGS_PATH:
        health.record_refusal(tenant, connection, meaning)
    elif exchange.status == 200:
        health.mark_healthy(tenant, connection, exchange)


def _renew_next_time(connection: Connection) -> None:
    """Make the next call refresh a refused access token, unless the token is fresh."""
    long_ago = clocks.happened_long_ago("refreshed_at", timezone.now(), YOUNG)
    old = TokenRefresh.objects.filter(Q(refreshed_at=None) | long_ago, pk=connection.pk)
    rows = Connection.objects.filter(Exists(old), pk=connection.pk, kind__in=RENEWING)
    rows.update(access_expires_at=timezone.now())
