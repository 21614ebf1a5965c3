"""Carry out a save, from the reviewed plan to its recorded outcome.

Only this module sends settings. The steps are those of docs/architecture.md: acquire the tenant's
slot, read Lofty again, commit the intent, PUT once, read back, record. No transaction is open while
Lofty is called.

An outcome states only what a read-back showed. A refusal is read back too, because a proxy can
answer after Lofty applied the change; and one old value right after Lofty accepted a change proves
nothing, because Lofty does not promise when a change becomes visible: reconcile checks again.
"""

import json
import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction
from django.db import connection as database
from django.db.models import Exists
from django.utils import timezone
from django.utils.translation import gettext_noop, override

from lofty_admin.accounts.models import User
from lofty_admin.agentsettings.changes import Difference, Values, differences
from lofty_admin.agentsettings.fields import BY_NAME
from lofty_admin.agentsettings.models import NEXT, Operation, Reply, State
from lofty_admin.agentsettings.naming import names_of
from lofty_admin.agentsettings.plans import Plan
from lofty_admin.agentsettings.snapshots import store_snapshot
from lofty_admin.audit.context import current_actor, current_request_id, person
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import AuditEvent
from lofty_admin.audit.proof.restore_guard import refuse_if_behind
from lofty_admin.core.queue import defer_once
from lofty_admin.core.visible import shortened, visible
from lofty_admin.lofty.client import LoftyClient
from lofty_admin.lofty.errors import (
    BudgetSpent,
    LoftyError,
    NotSent,
    RateLimited,
    Rejected,
    Unauthorised,
)
from lofty_admin.lofty.exchange import Exchange
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import Settings, differing, payload, same
from lofty_admin.tenants.access.permissions import role_of
from lofty_admin.tenants.credentials.api_client import (
    ConnectionUnavailable,
    client_and_connection,
    release_calls,
    reserve_calls,
)
from lofty_admin.tenants.credentials.call_limits import priority_for_save
from lofty_admin.tenants.credentials.sales_agent import known_agent, wrong_agent
from lofty_admin.tenants.models import Connection, Role, Tenant

logger = logging.getLogger(__name__)

CALLS_OF_A_SAVE = 3  # GET, PUT, GET
STEP_SLACK = timedelta(seconds=15)
LOOK_AGAIN = "agentsettings.look_again"  # the task in tasks.py
MOST_SHOWN = 60  # characters of a value inside a sentence


class AuditWriteFailed(Exception):
    """The audit record of a save could not be written, so nothing was sent."""


class NothingToSend(Exception):
    """The plan changes nothing, so nothing was sent or recorded."""


class SendRefused(Exception):
    """Sending was attempted without a committed intent, or too late, or inside a transaction."""


class ChangeNotAllowed(Exception):
    """The change must not be sent: a role or the token was revoked while it waited."""

    def __init__(self, message: str, advice: str) -> None:
        self.advice = advice
        super().__init__(message)


@dataclass(frozen=True)
class Result:
    """The outcome of a save: its state, in words, with Lofty's answer and what Lofty has.

    given_up: permanently UNKNOWN, because a user closed it. is_unseen: the reading does not show
    the change (yet). needs_person: the console cannot settle it by itself.
    """

    state: State
    explanation: str
    advice: str = ""
    after: Settings | None = None
    exchange: Exchange | None = None
    reply: Reply = Reply.NONE
    given_up: bool = False
    is_unseen: bool = False
    needs_person: bool = False


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


def lease() -> timedelta:
    """Return how long one step of a save may take: one call at its time limit, with some margin.

    The lease is renewed before each step, so that a save whose process was killed is settled soon.
    """
    return _longest_call() + STEP_SLACK


def _longest_call() -> timedelta:
    seconds: float = settings.ENVIRONMENT.lofty_deadline
    return timedelta(seconds=seconds)


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
        _extend_lease(operation)  # refreshing the token may have taken a while
        live = client.get_settings()
        if refusal := _refusal(operation, live):
            _not_sent(operation, refusal)
            return None
        _commit_intent(operation, live, plan, connection)
    except (LoftyError, ConnectionUnavailable) as error:
        _not_sent(operation, _unread(error))
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


def _extend_lease(operation: Operation) -> None:
    """Make sure the lease outlasts the next call. Raises SendRefused if it has expired."""
    now = timezone.now()
    if operation.lease_until - now >= _longest_call() + STEP_SLACK / 3:
        return
    ends = now + lease()
    held = Operation.objects.filter(
        pk=operation.pk, fence=operation.fence, settled_at=None, lease_until__gt=now
    )
    if not held.update(lease_until=ends):
        raise SendRefused("the lease is over")
    operation.lease_until = ends


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
def _unread(error: LoftyError | ConnectionUnavailable) -> Result:
    if isinstance(error, ConnectionUnavailable):
        return Result(
            State.NOT_SENT, str(error), gettext_noop("Add a working token, then try again.")
        )
    if isinstance(error, BudgetSpent):
        return Result(State.NOT_SENT, f"{error.message} A save needs three.", error.advice)
    return Result(
        State.NOT_SENT,
        f"The settings could not be read from Lofty before sending. {error.message}",
        error.advice,
        exchange=error.exchange,
    )


def _refusal(operation: Operation, live: Settings) -> Result | None:
    base = Settings.parse(operation.base)
    if live.id != base.id:
        return Result(
            State.NOT_SENT,
            f"The token now opens another Sales Agent ({live.id}) than the one on the page"
            f" ({base.id}). Nothing was sent.",
            gettext_noop("Check the tenant's connection: it may belong to another user."),
            after=live,
        )
    known = known_agent(operation.tenant, live.id)
    if known != live.id:
        return Result(
            State.NOT_SENT,
            f"{wrong_agent(known, live.id)} Nothing was sent.",
            gettext_noop("Check the tenant's connection."),
        )
    if differing(base.raw, live.raw):
        return Result(
            State.NOT_SENT,
            gettext_noop(
                "The settings were changed in Lofty since you opened them. Nothing was sent."
            ),
            gettext_noop("Compare the two changes and choose."),
            after=live,
        )
    return None


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
        _move(
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
        return _send_failed(error)
    operation.reply = Reply.REJECTED if refused else Reply.ACCEPTED
    operation.answer = answer_of(exchange) if exchange else None
    _extend_lease(operation)
    try:
        after = client.get_settings()
    except LoftyError as error:
        return replace(_not_read_back(refused, error), exchange=exchange)
    result = replace(verify_result(operation, after), exchange=exchange)
    if refused is not None and result.state is State.REJECTED:
        message = f"{refused.message} {result.explanation}"
        return replace(result, explanation=message, advice=_advice_after(refused))
    return result


def _advice_after(refused: Rejected) -> str:
    if isinstance(refused, RateLimited):
        return f"Your change is kept here. {refused.advice}"
    return refused.advice


def _send_failed(error: LoftyError) -> Result:
    if isinstance(error, NotSent):
        return Result(State.NOT_SENT, error.message, error.advice, exchange=error.exchange)
    return Result(
        State.UNKNOWN,
        f"{error.message} The change may or may not have been made.",
        gettext_noop(
            "Don't send it again. Check what Lofty has; the console also checks by itself."
        ),
        exchange=error.exchange,
    )


def _not_read_back(refused: Rejected | None, unread: LoftyError) -> Result:
    again = gettext_noop("Check again in a moment. The console also checks by itself.")
    if refused is None:
        message = f"Lofty accepted the change, but reading it back failed. {unread.message}"
        return Result(State.UNKNOWN, message, again, reply=Reply.ACCEPTED)
    if isinstance(refused, Unauthorised) and isinstance(unread, Unauthorised):
        # A dead token refuses everything: waiting for a reading would only block the tenant.
        message = f"{refused.message} For the same reason the settings could not be read back."
        return Result(State.REJECTED, message, refused.advice, reply=Reply.REJECTED)
    if isinstance(refused, RateLimited) and isinstance(unread, RateLimited):
        # Lofty itself is limiting, which it does before it handles a call. A 429 that a proxy made
        # up after Lofty handled the change is followed by a reading that succeeds.
        message = f"{refused.message} The change was not made."
        return Result(State.REJECTED, message, _advice_after(refused), reply=Reply.REJECTED)
    message = f"Lofty rejected the change, but reading it back failed. {unread.message}"
    return Result(State.UNKNOWN, message, again, reply=Reply.REJECTED)


def verify_result(operation: Operation, after: Settings) -> Result:
    """Return what a reading shows about the change, given Lofty's reply to it.

    VERIFIED only if it is of the same Sales Agent and has every change. Otherwise REJECTED if Lofty
    refused the change, else UNKNOWN: what is not there yet may still become visible.
    """
    reply = Reply(operation.reply)
    if after.id != operation.wanted["id"]:
        return Result(
            State.UNKNOWN,
            f"Lofty returned another Sales Agent ({after.id}) than the one this "
            f"change was made for ({operation.wanted['id']}).",
            gettext_noop("A manager must check the tenant's connection."),
            reply=reply,
            needs_person=True,
        )
    also = _also_different(operation, after)
    missing = missing_in(operation, after)
    if not missing:
        return Result(State.VERIFIED, _verified(reply) + also, after=after, reply=reply)
    if reply is Reply.REJECTED:
        message = gettext_noop("Read back from Lofty: the change was not made.")
        return Result(State.REJECTED, message + also, after=after, reply=reply)
    return Result(
        State.UNKNOWN,
        "Lofty does not show the change yet in: " + labels(missing) + "." + also,
        gettext_noop("Don't send it again: the change may take a while to become visible."),
        after=after,
        reply=reply,
        is_unseen=True,
    )


def missing_in(operation: Operation, live: Settings) -> list[str]:
    """Return the changed settings that do not have the requested value."""
    intended = operation.intended.items()
    return [name for name, value in intended if not same(name, value, live.get(name))]


def _verified(reply: Reply) -> str:
    if reply is Reply.REJECTED:
        return gettext_noop(
            "Lofty answered with an error, but read back from Lofty, every change was made."
        )
    return gettext_noop("Read back from Lofty: every change was made.")


def _also_different(operation: Operation, after: Settings) -> str:
    """Describe what else the save or another user changed, with a leading " "; "" for nothing."""
    found = differences(operation.before, after.raw, without=operation.changed)
    if not found:
        return ""
    named = "; ".join(_in_english(difference) for difference in found)
    return f" Other differences since before this save: {named}."


def _in_english(difference: Difference) -> str:
    if difference.setting is not None:
        return labels([difference.name])
    name = shortened(visible(difference.name), MOST_SHOWN)
    if difference.is_gone:
        return f"{name} is gone (was {_short(difference.before)})"
    if difference.is_new:
        return f"{name} is new ({_short(difference.after)})"
    return f"{name} (was {_short(difference.before)}, now {_short(difference.after)})"


def _short(value: JSON) -> str:
    return shortened(json.dumps(value, ensure_ascii=True), MOST_SHOWN)


def labels(names: Iterable[str]) -> str:
    """Return the labels in English, because they are recorded."""
    with override(settings.LANGUAGE_CODE):
        return ", ".join(BY_NAME[name].label for name in names)


# --- 6 The record ---------------------------------------------------------------------------------
def record_result(operation: Operation, result: Result, kind: Kind = Kind.SETTINGS_OUTCOME) -> bool:
    """Record the outcome, and free the tenant's slot unless the outcome is unknown.

    Returns False when another process has taken over: then its outcome counts, not ours.
    """
    now = timezone.now()
    fields = {
        "explanation": result.explanation,
        "advice": result.advice,
        "after": result.after.raw if result.after else None,
        "after_read_at": now if result.after else None,
        "reply": result.reply or operation.reply,
        "moved": operation.moved,
        "needs_person": result.needs_person,
        "settled_at": None if result.state is State.UNKNOWN and not result.given_up else now,
        "seen_old_at": now if result.is_unseen else operation.seen_old_at,
        "lease_until": now,
    }
    if result.exchange is not None:
        fields["answer"] = answer_of(result.exchange)
    try:
        with transaction.atomic(durable=True):
            _move(operation, result.state, **fields)
            record_outcome(operation, kind)
    except SendRefused:
        logger.warning("Operation %s was taken over; its outcome was not recorded", operation.pk)
        return False
    look_again_later(operation)
    if result.after is not None and result.state is not State.UNKNOWN:
        _store_snapshot(operation, result.after, result.state)
    return True


def look_again_later(operation: Operation) -> None:
    """Schedule a check for the time the page names. Best effort: the minutely job checks too."""
    at = operation.looks_again_at
    if at is None or at <= timezone.now():
        return
    try:
        defer_once(LOOK_AGAIN, operation.pk, queue="default", at=at, operation_id=str(operation.pk))
    except DatabaseError:
        logger.warning(
            "No job could be scheduled for operation %s; the next one checks it", operation.pk
        )


def _store_snapshot(operation: Operation, after: Settings, state: State) -> None:
    """Store the reading as the snapshot. A failure must not fail a save that is recorded."""
    expected = _expected(operation, state)
    try:
        store_snapshot(operation.tenant, after, operation.created_at, expected=expected)
    except Exception:
        logger.exception(
            "The settings that operation %s read back could not be stored", operation.pk
        )


def _expected(operation: Operation, state: State) -> Values | None:
    """Return what Lofty should have if no one else changed anything; None if nothing was sent."""
    if operation.before is None:
        return None
    done = operation.intended if state is State.VERIFIED else {}
    return {**operation.before, **done}


def _move(operation: Operation, state: State, **fields: object) -> None:
    """Change the state if this process still holds the operation. Raises SendRefused otherwise."""
    allowed = [before for before, following in NEXT.items() if state in following]
    moved = Operation.objects.filter(
        pk=operation.pk, fence=operation.fence, settled_at=None, state__in=allowed
    ).update(state=state, **fields)
    if not moved:
        raise SendRefused("another process holds this operation")
    for name, value in {"state": state, **fields}.items():
        setattr(operation, name, value)


def answer_of(exchange: Exchange) -> dict[str, JSON]:
    """Return what is kept of an answer: status, code, message, start of the body, time in ms."""
    return {
        "method": exchange.method,
        "path": exchange.path,
        "status": exchange.status,
        "code": exchange.code,
        "message": exchange.lofty_message,
        "body": exchange.body_excerpt,
        "duration_ms": exchange.duration_ms,
    }


def record_outcome(operation: Operation, kind: Kind) -> None:
    """Record the operation's current state.

    `made_by`: the user who made the change, if another user or a job settles it.
    """
    detail: dict[str, JSON] = {
        "changed": operation.changed,
        "names": names_of(operation),
        "wanted": operation.wanted,
        "explanation": operation.explanation,
        "answer": operation.answer,
    }
    if operation.also_different:
        detail["also_different"] = [one.name for one in operation.also_different]
    if operation.actor_id and operation.actor_id != current_actor().id:
        detail["made_by"] = {"id": operation.actor_id, "name": operation.actor_name}
    record(
        kind,
        tenant=operation.tenant.ref,
        subject=subject_of(operation),
        outcome=Outcome(operation.state),
        operation_id=operation.id,
        reason=operation.reason,
        before=operation.before or operation.base,
        after=operation.after,
        detail=detail,
    )


def subject_of(operation: Operation) -> str:
    """Return the labels of the settings concerned."""
    return labels(operation.changed)
