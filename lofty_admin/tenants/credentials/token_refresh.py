"""Refresh access tokens of connections and of API keys used by the OAuth app.

One process at a time refreshes a connection: it claims it with a lease and a fence, releases
the database, asks Lofty, and stores the result under the next version. Lofty may have consumed the
refresh token although no answer arrived or the process died. So the same refresh token is retried,
with growing pauses, until Lofty rejects it; then a user has to authorize again, and nothing more is
tried.

    idle -> claimed (lease) -> refreshed | retry (not before) | authorize again
                 |
                 +-> lease expired: the process died; the next process claims it

A good answer is stored even if another process has the lease by then, as long as no newer answer is
stored.
"""

import logging
import time
from datetime import datetime, timedelta
from itertools import count

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db import connection as database
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.audit.log.secrets import secret_fingerprint
from lofty_admin.core import clocks
from lofty_admin.core.vault import VaultError
from lofty_admin.lofty.errors import GrantRefused, LoftyError, RateLimited
from lofty_admin.lofty.oauth import Tokens, read_expiry
from lofty_admin.tenants.credentials import health
from lofty_admin.tenants.credentials.config import oauth_client
from lofty_admin.tenants.credentials.secrets import open_newest, seal_into
from lofty_admin.tenants.models import (
    RENEW_BEFORE,
    RENEWING,
    Connection,
    ConnectionHealth,
    ConnectionKind,
    Health,
    Tenant,
    TokenRefresh,
)

REFRESH_LIFE = timedelta(days=180)  # according to Lofty's documentation
LONGEST_PAUSE = timedelta(hours=1)
ENOUGH_FOR_A_SAVE = timedelta(minutes=2)
LEASE_SLACK = timedelta(seconds=15)
_MENDED = (Health.AUTHORISE_AGAIN, Health.NOT_RENEWED, Health.DEAD, Health.UNREADABLE)
POLL = 0.1  # seconds
STORE_TRIES = 4
SHORTEST_FOR_FOUR = 16  # of a shorter secret, four characters would reveal too much
_CUT_OFF = "The previous renewal was interrupted, so a new token from Lofty may have been lost."
logger = logging.getLogger(__name__)


class RefreshFailed(Exception):
    """The access token has expired and could not be refreshed. The text may be shown."""


def due(now: datetime) -> QuerySet[Connection]:
    """Return the connections whose access token expires soon and that may be tried now."""
    return Connection.objects.filter(
        _is_free(now, "token_refresh__"),
        kind__in=RENEWING,
        retired_at=None,
        access_expires_at__lte=now + RENEW_BEFORE,
        tenant__status=Tenant.Status.ACTIVE,
    )


def usable(connection: Connection) -> Connection:
    """Return the connection with a fresh access token, refreshed here or by another process.

    Must not be called inside a request's transaction. Raises RefreshFailed.
    """
    if not _ends_too_soon(connection):
        return connection
    give_up = time.monotonic() + _lease().total_seconds()
    while True:
        connection = renew(connection)
        if not _ends_too_soon(connection) or not _is_past(connection):
            return connection
        if not _is_claimed(connection) or time.monotonic() > give_up:
            raise RefreshFailed(_why(connection))
        time.sleep(POLL)


def renew(connection: Connection) -> Connection:
    """Try once to refresh, if no other process does and a try is due. Return the row afterwards."""
    held = _claim(connection)
    if held is not None:
        try:
            tokens = _ask(held)
        except (LoftyError, VaultError) as error:
            _not_renewed(held, error)
        else:
            _keep(held, tokens)
    return Connection.objects.select_related("tenant", "token_refresh").get(pk=connection.pk)


def _ends_too_soon(connection: Connection) -> bool:
    if not connection.renews_itself:
        return False
    began = connection.token_refresh.refreshed_at or connection.added_at
    ends = connection.access_expires_at
    # A token that lives for only a minute never has two minutes left.
    span = min(ENOUGH_FOR_A_SAVE, (ends - began) / 4) if ends else ENOUGH_FOR_A_SAVE
    return connection.ends_within(span, timezone.now())


def _is_past(connection: Connection) -> bool:
    return connection.ends_within(timedelta(0), timezone.now())


def _is_claimed(connection: Connection) -> bool:
    until = connection.token_refresh.lease_until
    return until is not None and clocks.is_held(until, timezone.now(), _lease())


def _why(connection: Connection) -> str:
    message = connection.token_refresh.problem
    message = message or "Another process is renewing it. Try again in a moment."
    return f"The token has expired and could not be renewed. {message}"


# --- The claim ------------------------------------------------------------------------------------
def _lease() -> timedelta:
    seconds: float = settings.ENVIRONMENT.lofty_deadline
    return timedelta(seconds=seconds) + LEASE_SLACK


def _is_free(now: datetime, path: str = "") -> Q:
    """Return the condition of a TokenRefresh, at `path`, that no process has and that is due."""
    lease, pause = f"{path}lease_until", f"{path}not_before"
    unclaimed = Q(**{lease: None}) | clocks.is_over(lease, now, _lease())
    allowed = Q(**{pause: None}) | clocks.is_over(pause, now, LONGEST_PAUSE)
    return unclaimed & allowed & Q(**{f"{path}authorise_again_since": None})


def _claim(connection: Connection) -> Connection | None:
    """Claim the connection and return it, or None.

    Matches the version that was read: a newer version needs no refresh.
    """
    now = timezone.now()
    with transaction.atomic():
        held = _locked(connection)
        if held is None:
            return None
        free = TokenRefresh.objects.filter(_is_free(now), pk=held.pk)
        cut_off = free.filter(lease_until__isnull=False).exists()
        if not free.update(lease_until=now + _lease(), fence=F("fence") + 1):
            return None
        # Read before the lock is released: the fence must be that of this claim.
        held.token_refresh.problem = _CUT_OFF if cut_off else held.token_refresh.problem
    return held


def _locked(connection: Connection) -> Connection | None:
    """Lock the connection and return it, unless it was replaced or refreshed since it was read."""
    rows = Connection.objects.select_for_update(no_key=True, of=("self",)).select_related("tenant")
    same = rows.filter(pk=connection.pk, version=connection.version, kind__in=RENEWING)
    return same.filter(retired_at=None).first()


def _ask(held: Connection) -> Tokens:
    if held.kind == ConnectionKind.CLIENT_CREDENTIALS:
        return oauth_client().client_credentials(open_newest(held, "sealed_key"))
    if not held.sealed_refresh:
        raise GrantRefused("Lofty sent no refresh token for this connection.")
    return oauth_client().refresh(open_newest(held, "sealed_refresh"))


# --- The outcome ----------------------------------------------------------------------------------
def _keep(held: Connection, tokens: Tokens) -> None:
    """Store the new tokens. A lost database connection must not lose them."""
    for attempt in count(1):
        try:
            _store(held, tokens)
        except (OperationalError, InterfaceError):
            logger.exception("New tokens of connection %s are not stored yet", held.pk)
            if attempt == STORE_TRIES or database.in_atomic_block:
                raise
        else:
            return
        database.close()
        time.sleep(2**attempt / 8)


def _store(held: Connection, tokens: Tokens) -> None:
    with transaction.atomic():
        tenant = Tenant.objects.select_for_update(no_key=True).get(pk=held.tenant_id)
        row = _locked(held)
        if row is None:
            logger.warning("Connection %s was replaced or renewed in the meantime", held.pk)
            return
        _renewed(row, tokens, _secrets(held, tokens))
        row.save()
        _mark_refreshed(row)
        record(
            Kind.CREDENTIAL_RENEWED,
            tenant=tenant.ref,
            subject=str(row),
            outcome=Outcome.DONE,
            before={"id": str(held.id), "version": held.version, "fingerprint": held.fingerprint},
            after={"id": str(row.id), "version": row.version, "fingerprint": row.fingerprint},
        )


def _secrets(held: Connection, tokens: Tokens) -> dict[str, str]:
    """Return all secrets of the row for its next version; Lofty may keep the refresh token."""
    if held.kind == ConnectionKind.CLIENT_CREDENTIALS:
        return {"sealed": tokens.access_token, "sealed_key": open_newest(held, "sealed_key")}
    refresh = tokens.refresh_token or open_newest(held, "sealed_refresh")
    return {"sealed": tokens.access_token, "sealed_refresh": refresh}


def _renewed(row: Connection, tokens: Tokens, secrets: dict[str, str]) -> None:
    newest = row.tenant.connections.order_by("-version").values_list("version", flat=True)
    row.version = (newest.first() or 0) + 1
    for column, secret in secrets.items():
        seal_into(row, column, secret)
    if row.kind == ConnectionKind.CONNECTION:
        row.last_four, row.fingerprint = marks_of(tokens.access_token)
    if tokens.refresh_token:
        row.expires_at = timezone.now() + REFRESH_LIFE
    row.access_expires_at = access_end(tokens)


def _mark_refreshed(row: Connection) -> None:
    now = timezone.now()
    TokenRefresh.objects.filter(pk=row.pk).update(
        refreshed_at=now,
        lease_until=None,
        not_before=None,
        failures=0,
        problem="",
        authorise_again_since=None,
    )
    mended = ConnectionHealth.objects.filter(pk=row.pk, status__in=_MENDED)
    mended.update(status=Health.UNKNOWN, note="", since=now, failing_since=None)


def marks_of(secret: str) -> tuple[str, str]:
    """Return a secret's last four characters, if it is long, and its fingerprint, for display."""
    return (secret[-4:] if len(secret) >= SHORTEST_FOR_FOUR else "", secret_fingerprint(secret))


def access_end(tokens: Tokens) -> datetime | None:
    """Return when the access token expires, if Lofty or the token itself reports it."""
    if tokens.expires_in is not None and 0 < tokens.expires_in <= REFRESH_LIFE.total_seconds():
        return timezone.now() + timedelta(seconds=tokens.expires_in)
    return read_expiry(tokens.access_token)


def _not_renewed(held: Connection, error: LoftyError | VaultError) -> None:
    """Release the claim, if this process still has it, and record whether and when to retry."""
    final = isinstance(error, GrantRefused)
    message = error.message if isinstance(error, LoftyError) else str(error)
    message = " ".join(filter(None, [held.token_refresh.problem if final else "", message]))[:300]
    now = timezone.now()
    ours = TokenRefresh.objects.filter(pk=held.pk, fence=held.token_refresh.fence)
    with transaction.atomic():
        released = _locked(held) and ours.update(
            lease_until=None,
            not_before=_not_before(held, error, now),
            failures=F("failures") + 1,
            problem=message,
            authorise_again_since=now if final else None,
        )
        if released and (found := _finding(held, error)):
            health.record_health(held.tenant, held, found, f"{message} {_ADVICE[found]}")


def _not_before(held: Connection, error: LoftyError | VaultError, now: datetime) -> datetime:
    if isinstance(error, RateLimited):
        return error.until
    doubled = timedelta(seconds=30) * (1 << min(held.token_refresh.failures, 10))
    return now + min(LONGEST_PAUSE, doubled)


def _finding(held: Connection, error: LoftyError | VaultError) -> Health | None:
    """Return the health to record; None while the current token still works."""
    if isinstance(error, VaultError):
        return Health.UNREADABLE
    if isinstance(error, GrantRefused):
        return Health.AUTHORISE_AGAIN
    return Health.NOT_RENEWED if _is_past(held) else None


_ADVICE = {
    Health.UNREADABLE: "Connect with Lofty again, and tell the people who run this console.",
    Health.AUTHORISE_AGAIN: "Connect this tenant with Lofty again.",
    Health.NOT_RENEWED: "The console tries again by itself.",
}
