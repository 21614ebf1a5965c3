"""A save, from the reviewed plan to its recorded outcome. The only module that sends settings.

The steps are those of docs/architecture.md: take the tenant's place in flight, read Lofty again,
commit the intent, PUT once, read back, record. No transaction is open while Lofty is called.
"""

import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Exists
from django.utils import timezone
from django.utils.translation import gettext_noop, override

from lofty_admin.agentsettings.changes import Values
from lofty_admin.agentsettings.fields import BY_NAME
from lofty_admin.agentsettings.models import NEXT, Operation, State
from lofty_admin.agentsettings.naming import names_of
from lofty_admin.agentsettings.plans import Plan
from lofty_admin.agentsettings.reading import remember
from lofty_admin.audit.context import current_actor, current_request_id
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.models import AuditEvent
from lofty_admin.audit.record import record
from lofty_admin.audit.restored import refuse_if_behind
from lofty_admin.lofty.client import LoftyClient
from lofty_admin.lofty.errors import BudgetSpent, LoftyError, NotSent, Rejected
from lofty_admin.lofty.exchange import Exchange
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import Settings, differing, payload, same
from lofty_admin.tenants.agents import known_agent, wrong_agent
from lofty_admin.tenants.call_limits import priority_for_save
from lofty_admin.tenants.calls import NoCredential, claim_calls, client_for, release_calls
from lofty_admin.tenants.models import Tenant

logger = logging.getLogger(__name__)

CALLS_OF_A_SAVE = 3  # GET, PUT, GET
STEPS_SLACK = timedelta(seconds=30)


class NotRecorded(Exception):
    """The record of a save could not be written, so nothing was sent."""


class SendRefused(Exception):
    """Somebody tried to send without a committed intent, or too late, or inside a transaction."""


@dataclass(frozen=True)
class Result:
    """What came of a save: the state it ends in, in words, with Lofty's answer and what it has."""

    state: State
    explanation: str
    advice: str = ""
    after: Settings | None = None
    exchange: Exchange | None = None
    given_up: bool = False  # UNKNOWN for good: a person settled it


@priority_for_save()
def apply(tenant: Tenant, plan: Plan, reason: str) -> Operation:
    """Carry out a reviewed plan, at most once, and return its operation, settled or in flight.

    The same plan again (a double click, a reload) returns the operation there is. Everything that
    can go wrong is told by the operation's state and explanation, except NotRecorded, which is
    raised when the database refuses the record, and ReadOnly; nothing was sent then.
    """
    refuse_if_behind()
    operation = _draft(tenant, plan, reason)
    try:
        is_ours = _take_place(operation)
        client = _prepare(tenant, plan, operation) if is_ours else None
    except DatabaseError as error:
        logger.exception("A save of tenant %s could not be recorded", tenant.slug)
        raise NotRecorded from error
    if client is not None:
        _carry_out(client, operation)
    if is_ours:
        release_calls(tenant)
    return Operation.objects.select_related("tenant").get(pk=operation.pk)


def lease() -> timedelta:
    """How long a save may take: its three calls at their time limit, and something to spare."""
    seconds: float = settings.ENVIRONMENT.lofty_deadline
    return timedelta(seconds=CALLS_OF_A_SAVE * seconds) + STEPS_SLACK


# --- 1 One change in flight per tenant ------------------------------------------------------------
def _draft(tenant: Tenant, plan: Plan, reason: str) -> Operation:
    return Operation(
        id=plan.operation_id,
        tenant=tenant,
        base=plan.snapshot.settings.raw,
        wanted=payload(plan.snapshot.settings, plan.wanted),
        changed=sorted(plan.wanted, key=list(BY_NAME).index),
        reason=reason,
        actor_name=current_actor().name,
        request_id=current_request_id(),
        lease_until=timezone.now() + lease(),
    )


def _take_place(operation: Operation) -> bool:
    """Whether the tenant's one place in flight is ours now."""
    try:
        with transaction.atomic(durable=True):
            operation.save(force_insert=True)
    except IntegrityError:
        if not Operation.objects.filter(pk=operation.pk).exists():
            _close_busy(operation)
        return False
    return True


def _close_busy(operation: Operation) -> None:
    operation.state = State.NOT_SENT
    operation.settled_at = timezone.now()
    operation.explanation = gettext_noop(
        "Another change of this tenant is still in flight. Only one is made at a time."
    )
    operation.advice = gettext_noop(
        "The settings page leads to it. When it is settled, review your change again."
    )
    # The same plan may come twice at once: the other request has then written it down.
    with suppress(IntegrityError), transaction.atomic(durable=True):
        operation.save(force_insert=True)
        record_outcome(operation, Kind.SETTINGS_REFUSED)


def _prepare(tenant: Tenant, plan: Plan, operation: Operation) -> LoftyClient | None:
    """Read Lofty and commit the intent: the client to send with, or None if nothing may be sent."""
    try:
        claim_calls(tenant, CALLS_OF_A_SAVE)
        client = client_for(tenant)
        live = client.get_settings()
    except (LoftyError, NoCredential) as error:
        _not_sent(operation, _unread(error))
        return None
    if refusal := _refusal(operation, live):
        _not_sent(operation, refusal)
        return None
    try:
        _commit_intent(operation, live, plan)
    except SendRefused:
        logger.warning("Operation %s was taken over before its intent stood", operation.pk)
        return None
    except DatabaseError:
        _give_up_place(operation)
        raise
    return client


def _carry_out(client: LoftyClient, operation: Operation) -> None:
    """Send, read back, record.

    Whatever fails here, something may have been sent: it is left to reconcile, not told as unsent.
    """
    try:
        close(operation, _send_and_read_back(client, operation))
    except SendRefused:
        logger.warning("Operation %s was taken over before it was sent", operation.pk)
    except DatabaseError:
        logger.exception("The outcome of operation %s could not be recorded", operation.pk)


# --- 2 What Lofty has now -------------------------------------------------------------------------
def _unread(error: LoftyError | NoCredential) -> Result:
    if isinstance(error, NoCredential):
        return Result(
            State.NOT_SENT, str(error), gettext_noop("Store a working token, then try again.")
        )
    if isinstance(error, BudgetSpent):
        return Result(State.NOT_SENT, f"{error.message} A save needs three.", error.advice)
    return Result(
        State.NOT_SENT,
        f"Before sending, the settings are read from Lofty once more; that failed. {error.message}",
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
            gettext_noop("Check the tenant's credential: it may belong to somebody else."),
            after=live,
        )
    known = known_agent(operation.tenant, live.id)
    if known != live.id:
        return Result(
            State.NOT_SENT,
            f"{wrong_agent(known, live.id)} Nothing was sent.",
            gettext_noop("Check the tenant's credential."),
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
    close(operation, result, Kind.SETTINGS_REFUSED)


# --- 3 The intent ---------------------------------------------------------------------------------
def _commit_intent(operation: Operation, live: Settings, plan: Plan) -> None:
    """Write down what is about to be sent. Raises DatabaseError, and then nothing may be sent."""
    operation.before = live.raw
    operation.wanted = payload(live, plan.wanted)
    with transaction.atomic(durable=True):
        _move(
            operation, State.SENT, before=live.raw, wanted=operation.wanted, sent_at=timezone.now()
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


def _give_up_place(operation: Operation) -> None:
    """Best effort: the reconcile job does the same once the lease is over."""
    try:
        Operation.objects.filter(pk=operation.pk, state=State.PREPARED).update(
            lease_until=timezone.now()
        )
    except DatabaseError:
        logger.warning("Operation %s keeps its place until its lease ends", operation.pk)


# --- 4 The one door -------------------------------------------------------------------------------
def send(client: LoftyClient, operation: Operation) -> Exchange:
    """PUT the operation's body, once. Raises SendRefused unless its intent stands committed.

    LoftyError as LoftyClient.put_settings raises it.
    """
    if connection.in_atomic_block:
        raise SendRefused("inside a transaction")
    # What is left of the lease must do for the call, or another process may settle it meanwhile.
    ends = timezone.now() + timedelta(seconds=settings.ENVIRONMENT.lofty_deadline)
    intent = AuditEvent.objects.filter(operation_id=operation.pk, kind=Kind.SETTINGS_INTENT)
    held = Operation.objects.filter(
        Exists(intent), pk=operation.pk, state=State.SENT, fence=operation.fence
    )
    if not held.filter(lease_until__gt=ends).exists():
        raise SendRefused("no committed intent, or not its holder any more")
    return client.put_settings(operation.wanted)


# --- 5 Read back ----------------------------------------------------------------------------------
def _send_and_read_back(client: LoftyClient, operation: Operation) -> Result:
    try:
        exchange = send(client, operation)
    except LoftyError as error:
        return _send_failed(error)
    try:
        after = client.get_settings()
    except LoftyError as error:
        return Result(
            State.UNKNOWN,
            f"Lofty answered that it took the change, but reading it back failed. {error.message}",
            gettext_noop("Check again in a moment; the console also does so by itself."),
            exchange=exchange,
        )
    return judge(operation, after, exchange)


def _send_failed(error: LoftyError) -> Result:
    if isinstance(error, NotSent):
        return Result(State.NOT_SENT, error.message, error.advice, exchange=error.exchange)
    if isinstance(error, Rejected):
        return Result(State.REJECTED, error.message, error.advice, exchange=error.exchange)
    return Result(
        State.UNKNOWN,
        f"{error.message} The change may or may not have been made.",
        gettext_noop(
            "Do not send it again. Check what Lofty has; the console also does so by itself."
        ),
        exchange=error.exchange,
    )


def judge(operation: Operation, after: Settings, exchange: Exchange | None = None) -> Result:
    """Compare what Lofty has with what was meant: VERIFIED only if every change is there."""
    missed = [n for n, value in operation.intended.items() if not same(n, value, after.get(n))]
    if missed:
        return Result(
            State.NOT_APPLIED,
            "Lofty took the request, but still has something else in: " + _labels(missed) + ".",
            gettext_noop("Look at the settings in Lofty, then review your change again."),
            after=after,
            exchange=exchange,
        )
    others = set(differing(operation.before, after.raw)) - set(operation.changed)
    explanation = gettext_noop("Read back from Lofty: every change is there.")
    if others:
        explanation += (
            " Also different from before this save, though not changed by it: "
            + _labels(n for n in BY_NAME if n in others)
            + "."
        )
    return Result(State.VERIFIED, explanation, after=after, exchange=exchange)


def _labels(names: Iterable[str]) -> str:
    """In English: these are written down."""
    with override(settings.LANGUAGE_CODE):
        return ", ".join(BY_NAME[name].label for name in names)


# --- 6 The record ---------------------------------------------------------------------------------
def close(operation: Operation, result: Result, kind: Kind = Kind.SETTINGS_OUTCOME) -> bool:
    """Record what came of it, and free the tenant's place unless that is unknown.

    False when another process has taken over: then its word counts, not ours.
    """
    now = timezone.now()
    fields = {
        "explanation": result.explanation,
        "advice": result.advice,
        "after": result.after.raw if result.after else None,
        "moved": operation.moved,
        "needs_person": False,
        "settled_at": None if result.state is State.UNKNOWN and not result.given_up else now,
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
    if result.after is not None and result.state is not State.UNKNOWN:
        _remember(operation, result.after, result.state)
    return True


def _remember(operation: Operation, after: Settings, state: State) -> None:
    """What was read is noted beside the record; that must not fail a save that is recorded."""
    expected = _expected(operation, state)
    try:
        remember(operation.tenant, after, operation.created_at, expected=expected)
    except Exception:
        logger.exception("What operation %s read back could not be noted", operation.pk)


def _expected(operation: Operation, state: State) -> Values | None:
    """What Lofty should have now if nobody else changed anything; None if nothing was sent."""
    if operation.before is None:
        return None
    done = operation.intended if state is State.VERIFIED else {}
    return {**operation.before, **done}


def _move(operation: Operation, state: State, **fields: object) -> None:
    """Change the state if we still hold the operation; SendRefused otherwise."""
    allowed = [before for before, following in NEXT.items() if state in following]
    moved = Operation.objects.filter(
        pk=operation.pk, fence=operation.fence, settled_at=None, state__in=allowed
    ).update(state=state, **fields)
    if not moved:
        raise SendRefused("another process holds this operation")
    for name, value in {"state": state, **fields}.items():
        setattr(operation, name, value)


def answer_of(exchange: Exchange) -> dict[str, JSON]:
    """What is kept of Lofty's answer: status, code, message, start of the body, duration in ms."""
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
    """The audit event for where the operation stands now."""
    detail: dict[str, JSON] = {
        "changed": operation.changed,
        "names": names_of(operation),
        "wanted": operation.wanted,
        "explanation": operation.explanation,
        "answer": operation.answer,
    }
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
    """The settings concerned, by their labels."""
    return _labels(operation.changed)
