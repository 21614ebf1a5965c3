"""Calls to Lofty on behalf of a tenant: the one place where a stored token is opened."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Coalesce, Least
from django.utils import timezone

from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.record import record
from lofty_admin.lofty.client import LoftyClient, Scheme
from lofty_admin.lofty.endpoint import Endpoint
from lofty_admin.lofty.errors import BY_CODE, BY_STATUS, BudgetSpent, Unauthorised
from lofty_admin.lofty.exchange import Budget, Exchange
from lofty_admin.tenants import vault
from lofty_admin.tenants.models import Credential, Tenant


class NoCredential(Exception):
    """The tenant has no token that could be used. The text may be shown to a person."""


@dataclass(frozen=True)
class CallsLeft:
    """The call budget of a tenant's token, from the X-RateLimit headers of the newest answer.

    `limit` is calls per window. `remaining` and `resets_at` (UTC) are None when nothing is known or
    the window is over.
    """

    limit: int | None
    remaining: int | None
    resets_at: datetime | None


def client_for(tenant: Tenant, *, credential: Credential | None = None) -> LoftyClient:
    """A client with the tenant's token, or with that of `credential`.

    Every exchange is noted on the credential's row: budget, last success, last failure.
    Raises NoCredential when there is no token or it does not open; nothing is sent then.
    """
    used = credential or tenant.credential
    if used is None or used.tenant_id != tenant.id or used.retired_at is not None:
        raise NoCredential(f"{tenant.name} has no Lofty token yet.")
    token = _opened(tenant, used)
    return LoftyClient(
        endpoint(),
        Scheme(used.scheme),
        token,
        on_exchange=lambda exchange: note_exchange(tenant, used, exchange),
    )


def endpoint() -> Endpoint:
    """Where Lofty is, by this deployment's environment."""
    environment = settings.ENVIRONMENT
    return Endpoint(
        base_url=environment.lofty_base_url,
        allowed_hosts=environment.lofty_allowed_hosts,
        allow_loopback=environment.lofty_allow_loopback,
        deadline=environment.lofty_deadline,
    )


def calls_left(tenant: Tenant) -> CallsLeft:
    """Read afresh from the database: other processes spend the same budget."""
    row = Credential.objects.filter(tenant=tenant, retired_at=None).first()
    if row is None:
        return CallsLeft(None, None, None)
    if row.budget_reset_at is None or row.budget_reset_at <= timezone.now():
        return CallsLeft(row.budget_limit, None, None)
    return CallsLeft(row.budget_limit, row.budget_remaining, row.budget_reset_at)


def require_calls(tenant: Tenant, needed: int) -> None:
    """Raise BudgetSpent, which says until when, if fewer than `needed` calls are surely left."""
    left = calls_left(tenant)
    if left.remaining is not None and left.resets_at and left.remaining < needed:
        raise BudgetSpent(until=left.resets_at)


def note_exchange(tenant: Tenant, credential: Credential, exchange: Exchange) -> None:
    """Store what an exchange tells about the credential, in a short transaction of its own.

    May raise django.db.Error; LoftyClient logs that and goes on, as a save must not fail on it.
    """
    with transaction.atomic():
        _note_budget(credential, exchange.budget)
        _note_health(tenant, credential, exchange)


def _opened(tenant: Tenant, credential: Credential) -> str:
    try:
        return vault.open_sealed(
            credential.sealed,
            table=Credential._meta.db_table,
            column="sealed",
            owner=credential.id,
            version=credential.version,
        )
    except vault.VaultError as error:
        reason = str(error)
    _note_failure(tenant, credential, reason)
    raise NoCredential(f"The Lofty token of {tenant.name} cannot be used. {reason}")


def _note_budget(credential: Credential, budget: Budget | None) -> None:
    if budget is None:
        return
    # Answers of simultaneous calls may come out of order: in one window, believe the least.
    remaining = Case(
        When(budget_reset_at=budget.reset_at, then=Least(F("budget_remaining"), budget.remaining)),
        default=Value(budget.remaining),
    )
    Credential.objects.filter(pk=credential.pk).update(
        budget_limit=budget.limit,
        budget_remaining=remaining,
        budget_reset_at=budget.reset_at,
    )


def _note_health(tenant: Tenant, credential: Credential, exchange: Exchange) -> None:
    meaning = BY_CODE.get(exchange.code or "") or BY_STATUS.get(exchange.status or 0)
    if meaning and issubclass(meaning, Unauthorised):
        _note_failure(tenant, credential, f"{meaning.default_message} {meaning.default_advice}")
    elif exchange.status == 200:
        Credential.objects.filter(pk=credential.pk).update(
            last_good_at=timezone.now(), failing_since=None
        )


def _note_failure(tenant: Tenant, credential: Credential, reason: str) -> None:
    now = timezone.now()
    row = Credential.objects.filter(pk=credential.pk)
    started = row.filter(failing_since=None).exists()
    row.update(
        failing_since=Coalesce("failing_since", Value(now)),
        last_failure_at=now,
        last_failure=reason[:300],
    )
    if started:  # an entry when it begins, not one for every call
        record(
            Kind.CREDENTIAL_FAILED,
            tenant=tenant.ref,
            subject=str(credential),
            outcome=Outcome.REFUSED,
            detail={"credential": str(credential.id), "because": reason},
        )
