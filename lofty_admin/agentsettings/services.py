"""Carry out a save, from the reviewed plan to its recorded outcome.

Only this module sends settings. The steps are those of docs/architecture.md: acquire the tenant's
slot, read Lofty again, commit the intent, PUT once, read back, record. No transaction is open while
Lofty is called.

operations.py has the row of a save, outcomes.py what the answers and readings mean.
"""

import logging
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction
from django.db import connection as database
from django.db.models import Exists
from django.utils import timezone
from django.utils.translation import gettext_noop

from lofty_admin.accounts.models import User
from lofty_admin.agentsettings.display.naming import names_of
from lofty_admin.agentsettings.fields import BY_NAME
from lofty_admin.agentsettings.models import Operation, Reply, State
from lofty_admin.agentsettings.operations import (
    SendRefused,
    answer_of,
    extend_lease,
    lease,
    move,
    record_outcome,
    record_result,
    subject_of,
)
from lofty_admin.agentsettings.outcomes import (
    Result,
    advice_after,
    not_read_back,
    refusal,
    send_failed,
    unread,
    verify_result,
)
from lofty_admin.agentsettings.plans import Plan
from lofty_admin.audit.context import current_actor, current_request_id, person
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import AuditEvent
from lofty_admin.audit.proof.restore_guard import refuse_if_behind
from lofty_admin.lofty.client import LoftyClient
from lofty_admin.lofty.errors import LoftyError, Rejected
from lofty_admin.lofty.exchange import Exchange
from lofty_admin.lofty.schema import Settings, payload
from lofty_admin.tenants.access.permissions import role_of
from lofty_admin.tenants.credentials.api_client import (
    ConnectionUnavailable,
    client_and_connection,
    release_calls,
    reserve_calls,
)
from lofty_admin.tenants.credentials.call_limits import priority_for_save
from lofty_admin.tenants.models import Connection, Role, Tenant

logger = logging.getLogger(__name__)

CALLS_OF_A_SAVE = 3  # GET, PUT, GET


class AuditWriteFailed(Exception):
    """The audit record of a save could not be written, so nothing was sent."""


class NothingToSend(Exception):
    """The plan changes nothing, so nothing was sent or recorded."""


class ChangeNotAllowed(Exception):
    """The change must not be sent: a role or the token was revoked while it waited."""

    def __init__(self, message: str, advice: str) -> None:
        self.advice = advice
        super().__init__(message)


@priority_for_save()
def apply(tenant: Tenant, plan: Plan, reason: str, *, user: User | None = None) -> Operation:
    """Carry out a reviewed plan at most once, and return its operation, settled or in flight.

    user: who makes the change, if not the signed-in user (a job that acts for one). Their
    permission is checked again right before sending.

    Calling this again with the same plan (a double click, a reload) returns the existing operation.
    Everything that can go wrong is in the operation's state and explanation, except for three
    errors after which nothing was sent: NothingToSend, AuditWriteFailed, when the database refuses
    the record, and ReadOnly.
    """
    refuse_if_behind()
    if not plan.changes:
        raise NothingToSend(plan.operation_id)
    operation = _draft(tenant, plan, reason, user)
    try:
        is_ours = _acquire_slot(operation)
        client = _prepare(tenant, plan, operation) if is_ours else None
    except DatabaseError as error:
        logger.exception("A save of tenant %s could not be recorded", tenant.slug)
        raise AuditWriteFailed from error
    if client is not None:
        _carry_out(client, operation)
    if is_ours:
        release_calls(tenant)
    return Operation.objects.select_related("tenant").get(pk=operation.pk)


# --- 1 One change in flight per tenant ------------------------------------------------------------
def _draft(tenant: Tenant, plan: Plan, reason: str, user: User | None = None) -> Operation:
    maker = person(user) if user is not None else current_actor()
    return Operation(
        id=plan.operation_id,
        tenant=tenant,
        base=plan.snapshot.settings.raw,
        wanted=payload(plan.snapshot.settings, plan.wanted),
        changed=sorted(plan.wanted, key=list(BY_NAME).index),
        reason=reason,
        actor_id=maker.id if maker.kind == "person" else "",
        actor_name=maker.name,
        request_id=current_request_id(),
        lease_until=timezone.now() + lease(),
    )


def _acquire_slot(operation: Operation) -> bool:
    """Acquire the tenant's single slot for changes in flight; return whether that succeeded."""
    try:
        with transaction.atomic(durable=True):
            operation.save(force_insert=True)
    except IntegrityError:
        if not Operation.objects.filter(pk=operation.pk).exists():
            _record_busy(operation)
        return False
    return True


def _record_busy(operation: Operation) -> None:
    operation.state = State.NOT_SENT
    operation.settled_at = timezone.now()
    operation.explanation = gettext_noop(
        "Another change to this tenant isn't confirmed yet. Only one change can be made at a time."
    )
    operation.advice = gettext_noop(
        "Open it from the settings page. Once it is resolved, review your change again."
    )
    # The same plan may arrive twice at once: then the other request has inserted it.
    with suppress(IntegrityError), transaction.atomic(durable=True):
        operation.save(force_insert=True)
        record_outcome(operation, Kind.SETTINGS_REFUSED)


def _prepare(tenant: Tenant, plan: Plan, operation: Operation) -> LoftyClient | None:
    """Read Lofty and commit the intent. Return the client to send with, or None to send nothing."""
    try:
        reserve_calls(tenant, CALLS_OF_A_SAVE)
        client, connection = client_and_connection(tenant)
        extend_lease(operation)  # refreshing the token may have taken a while
        live = client.get_settings()
        if refused := refusal(operation, live):
            _not_sent(operation, refused)
            return None
        _commit_intent(operation, live, plan, connection)
    except (LoftyError, ConnectionUnavailable) as error:
        _not_sent(operation, unread(error))
    except ChangeNotAllowed as error:
        _not_sent(operation, Result(State.NOT_SENT, f"{error} Nothing was sent.", error.advice))
    except SendRefused:
        logger.warning("Operation %s was taken over before its intent was recorded", operation.pk)
    except DatabaseError:
        _give_up_place(operation)
        raise
    else:
        return client
    return None


def _carry_out(client: LoftyClient, operation: Operation) -> None:
    """Send, read back, and record the outcome.

    After any failure here, something may have been sent: it is left to reconcile, not reported as
    unsent.
    """
    try:
        record_result(operation, _send_and_read_back(client, operation))
    except SendRefused:
        logger.warning("Operation %s was taken over before its outcome was known", operation.pk)
    except DatabaseError:
        logger.exception("The outcome of operation %s could not be recorded", operation.pk)


# --- 2 What Lofty has now -------------------------------------------------------------------------


def _not_sent(operation: Operation, result: Result) -> None:
    operation.moved = result.after is not None and result.after.id == operation.base["id"]
    record_result(operation, result, Kind.SETTINGS_REFUSED)


# --- 3 The intent ---------------------------------------------------------------------------------
def _commit_intent(
    operation: Operation, live: Settings, plan: Plan, connection: Connection
) -> None:
    """Record what is about to be sent.

    Raises DatabaseError, SendRefused (the lease has expired), and ChangeNotAllowed; then nothing
    may be sent.
    """
    operation.before = live.raw
    operation.wanted = payload(live, plan.wanted)
    now = timezone.now()
    if operation.lease_until <= now:
        raise SendRefused("the lease is over")
    with transaction.atomic(durable=True):
        move(
            operation,
            State.SENT,
            before=live.raw,
            wanted=operation.wanted,
            sent_at=now,
            lease_until=now + lease(),
        )
        record(
            Kind.SETTINGS_INTENT,
            tenant=operation.tenant.ref,
            subject=subject_of(operation),
            operation_id=operation.id,
            reason=operation.reason,
            before=live.raw,
            after=operation.wanted,
            detail={"changed": operation.changed, "names": names_of(operation)},
        )
        # From here to the commit this transaction holds the head of the audit log, and every
        # revocation is recorded in its own transaction. So a revocation was either recorded before
        # and is seen here, or it is recorded after this intent. No row lock could guarantee that
        # for every kind of revocation.
        _require_allowed(operation, connection)


def _require_allowed(operation: Operation, connection: Connection) -> None:
    """Raise ChangeNotAllowed unless the user may still make this change with this token."""
    user = _maker(operation)
    if user is None:
        raise ChangeNotAllowed(
            "This change has no user with permission to make it.",
            gettext_noop("Sign in and make the change from the settings page."),
        )
    if not user.is_active:
        raise ChangeNotAllowed(f"{user} was deactivated while this change was waiting.", "")
    tenant = Tenant.objects.get(pk=operation.tenant_id)
    if tenant.is_archived:
        raise ChangeNotAllowed(
            "The tenant was archived while this change was waiting.",
            gettext_noop("Restore the tenant before changing its settings."),
        )
    role = role_of(user, tenant)
    if role is None or role < Role.EDITOR:
        raise ChangeNotAllowed(
            f"{user} no longer has the editor role for this tenant.",
            gettext_noop("Ask a manager of this tenant for the editor role."),
        )
    in_use = Connection.objects.filter(tenant=tenant, retired_at=None)
    if (connection.pk, connection.version) != in_use.values_list("pk", "version").first():
        raise ChangeNotAllowed(
            "The tenant's token was removed, replaced, or renewed while this change was waiting.",
            gettext_noop("Review the change again. It will be sent with the current token."),
        )


def _maker(operation: Operation) -> User | None:
    """Return the user who makes the change, with current data."""
    if not operation.actor_id.isdecimal():
        return None
    return User.objects.filter(pk=int(operation.actor_id)).first()


def _give_up_place(operation: Operation) -> None:
    """Free the slot, best effort: the reconcile job does the same once the lease has expired."""
    try:
        Operation.objects.filter(pk=operation.pk, state=State.PREPARED).update(
            lease_until=timezone.now()
        )
    except DatabaseError:
        logger.warning("Operation %s keeps its slot until its lease ends", operation.pk)


# --- 4 The only place that sends ------------------------------------------------------------------
def send(client: LoftyClient, operation: Operation) -> Exchange:
    """PUT the operation's body, once. Raises SendRefused unless its intent is committed.

    Raises LoftyError as LoftyClient.put_settings does.
    """
    if database.in_atomic_block:
        raise SendRefused("inside a transaction")
    # The rest of the lease must suffice for the call, or another process may settle it meanwhile.
    ends = timezone.now() + timedelta(seconds=settings.ENVIRONMENT.lofty_deadline)
    intent = AuditEvent.objects.filter(operation_id=operation.pk, kind=Kind.SETTINGS_INTENT)
    held = Operation.objects.filter(
        Exists(intent), pk=operation.pk, state=State.SENT, fence=operation.fence
    )
    if not held.filter(lease_until__gt=ends).exists():
        raise SendRefused("no committed intent, or no longer its holder")
    return client.put_settings(operation.wanted)


# --- 5 Read back ----------------------------------------------------------------------------------
def _send_and_read_back(client: LoftyClient, operation: Operation) -> Result:
    refused: Rejected | None = None
    try:
        exchange: Exchange | None = send(client, operation)
    except Rejected as error:
        refused, exchange = error, error.exchange
    except LoftyError as error:
        return send_failed(error)
    operation.reply = Reply.REJECTED if refused else Reply.ACCEPTED
    operation.answer = answer_of(exchange) if exchange else None
    extend_lease(operation)
    try:
        after = client.get_settings()
    except LoftyError as error:
        return replace(not_read_back(refused, error), exchange=exchange)
    result = replace(verify_result(operation, after), exchange=exchange)
    if refused is not None and result.state is State.REJECTED:
        message = f"{refused.message} {result.explanation}"
        return replace(result, explanation=message, advice=advice_after(refused))
    return result
