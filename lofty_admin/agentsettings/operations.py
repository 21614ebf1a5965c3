"""The row of a save: its lease, its state, and the record of its outcome."""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from lofty_admin.agentsettings.changes import Values
from lofty_admin.agentsettings.display.naming import names_of
from lofty_admin.agentsettings.models import NEXT, Operation, State
from lofty_admin.agentsettings.outcomes import Result, labels
from lofty_admin.agentsettings.snapshots import store_snapshot
from lofty_admin.audit.context import current_actor
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.core.queue import defer_once
from lofty_admin.lofty.exchange import Exchange
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import Settings
from lofty_admin.tenants.models import Tenant

logger = logging.getLogger(__name__)

STEP_SLACK = timedelta(seconds=15)
LOOK_AGAIN = "agentsettings.look_again"  # the task in tasks.py  # the task in tasks.py


class SendRefused(Exception):
    """Sending was attempted without a committed intent, or too late, or inside a transaction."""


def in_flight(tenant: Tenant) -> Operation | None:
    """Return the tenant's change with an open outcome: until it is settled, none can be applied."""
    found = Operation.objects.filter(tenant=tenant, settled_at=None)
    return found.defer("base", "before", "wanted", "after").first()


def lease() -> timedelta:
    """Return how long one step of a save may take: one call at its time limit, with some margin.

    The lease is renewed before each step, so that a save whose process was killed is settled soon.
    """
    return longest_call() + STEP_SLACK


def longest_call() -> timedelta:
    seconds: float = settings.ENVIRONMENT.lofty_deadline
    return timedelta(seconds=seconds)


def extend_lease(operation: Operation) -> None:
    """Make sure the lease outlasts the next call. Raises SendRefused if it has expired."""
    now = timezone.now()
    if operation.lease_until - now >= longest_call() + STEP_SLACK / 3:
        return
    ends = now + lease()
    held = Operation.objects.filter(
        pk=operation.pk, fence=operation.fence, settled_at=None, lease_until__gt=now
    )
    if not held.update(lease_until=ends):
        raise SendRefused("the lease is over")
    operation.lease_until = ends


def move(operation: Operation, state: State, **fields: object) -> None:
    """Change the state if this process still holds the operation. Raises SendRefused otherwise."""
    allowed = [before for before, following in NEXT.items() if state in following]
    moved = Operation.objects.filter(
        pk=operation.pk, fence=operation.fence, settled_at=None, state__in=allowed
    ).update(state=state, **fields)
    if not moved:
        raise SendRefused("another process holds this operation")
    for name, value in {"state": state, **fields}.items():
        setattr(operation, name, value)


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
            move(operation, result.state, **fields)
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


def subject_of(operation: Operation) -> str:
    """Return the labels of the settings concerned."""
    return labels(operation.changed)
