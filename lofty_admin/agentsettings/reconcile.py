"""Settle operations of unknown outcome by reading Lofty, never by sending again.

If Lofty has the requested values, the change arrived. If it does not, the PUT may still arrive or
become visible: it counts as not applied only when a second look, after a quiet time, shows the
same. Values that are neither the old ones nor those sent are left to a user, unless Lofty had
replied that it accepted the change. If Lofty had refused it, one look is enough.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_noop

from lofty_admin.agentsettings.models import LONGEST_LEASE, Operation, Reply, State, quiet_time
from lofty_admin.agentsettings.operations import look_again_later, record_result
from lofty_admin.agentsettings.outcomes import Result, labels, missing_in, verify_result
from lofty_admin.audit.proof.restore_guard import is_behind
from lofty_admin.core import clocks
from lofty_admin.lofty.errors import LoftyError, Unauthorised
from lofty_admin.lofty.schema import Settings, same
from lofty_admin.tenants.credentials.api_client import ConnectionUnavailable, client_for

logger = logging.getLogger(__name__)

OLD_AS_SEEN = gettext_noop(
    "Lofty has the old settings, not the requested ones. A user checked this and closed the change."
)
OTHERS_AS_SEEN = gettext_noop(
    "Lofty has other settings, not the requested ones. A user checked this and closed the change."
)
HOLD = timedelta(seconds=50)  # of a reconciliation: one GET at its time limit, with some margin
TICK = timedelta(minutes=1)  # how often the job runs


def due() -> list[Operation]:
    """Return the open operations that no process works on, least recently checked first."""
    return list(
        Operation.objects.select_related("tenant")
        .filter(clocks.is_over("lease_until", timezone.now(), LONGEST_LEASE), settled_at=None)
        .order_by(F("looked_at").asc(nulls_first=True))
    )


def reconcile_all() -> list[Operation]:
    """Check each operation that is due once; a failure does not keep the others waiting.

    Checks none while the console is read-only: Lofty may have changed since this database was
    current.
    """
    if is_behind("resolving open changes"):
        return []
    settled = []
    for operation in due():
        try:
            settled.append(reconcile_operation(operation))
        except Exception:
            logger.exception("Operation %s could not be reconciled", operation.pk)
    _look_when_leases_end()
    return settled


def _look_when_leases_end() -> None:
    """Schedule a check at the end of each lease, rather than at the next tick.

    A process that was killed leaves its lease behind.
    """
    now = timezone.now()
    for operation in Operation.objects.filter(
        settled_at=None, lease_until__gt=now, lease_until__lt=now + TICK
    ):
        look_again_later(operation)


def settle_by_id(operation_id: str) -> None:
    """Settle one operation, for its job. Does nothing while the console is read-only."""
    operation = Operation.objects.filter(pk=operation_id).first()
    if operation is not None and not is_behind("resolving an open change"):
        reconcile_operation(operation)


def reconcile_operation(operation: Operation) -> Operation:
    """Read Lofty once and settle the operation if that is conclusive. Return its current row.

    Does nothing to a settled operation, nor to one that another process is working on.
    """
    held = _take_over(operation)
    if held is None:
        return Operation.objects.select_related("tenant").get(pk=operation.pk)
    if held.state == State.PREPARED:
        record_result(
            held,
            Result(State.NOT_SENT, gettext_noop("The console stopped before anything was sent.")),
        )
    else:
        _look(held)
    return Operation.objects.select_related("tenant").get(pk=operation.pk)


def close_after_review(operation: Operation, seen: str | None = None) -> Operation:
    """Close an operation the console cannot settle by itself, as a user decided.

    seen: the `reading` the user decided on; by default the operation's. Lofty is read again, and if
    it now has something else, that is stored for the user to look at, and nothing is closed. Does
    nothing to an operation that needs no user.
    """
    seen = operation.reading if seen is None else seen
    held = _take_over(operation) if operation.needs_person else None
    if held is not None:
        _close_held(held, seen)
    return Operation.objects.select_related("tenant").get(pk=operation.pk)


def _close_held(held: Operation, seen: str) -> None:
    try:
        live = client_for(held.tenant).get_settings()
    except (LoftyError, ConnectionUnavailable):
        live = None
    if live is None or live.id != held.wanted["id"]:
        record_result(held, _closed_unread())
        return
    result = verify_result(held, live)
    if result.state is State.UNKNOWN:
        held.after = live.raw
        if held.reading != seen:
            message = gettext_noop(
                "The settings in Lofty changed since this page was opened. Check them again."
            )
            _note(held, message, live, needs_person=True)
            return
        old = _has_old_values(held, live)
        result = Result(State.NOT_APPLIED, OLD_AS_SEEN if old else OTHERS_AS_SEEN, after=live)
    record_result(held, result)


def _closed_unread() -> Result:
    return Result(
        State.UNKNOWN,
        gettext_noop(
            "A user closed this change without reading the Sales Agent. It isn't known "
            "whether it was made."
        ),
        given_up=True,
    )


def _take_over(operation: Operation) -> Operation | None:
    """Raise the fence, so that the process that held it before can no longer write its outcome."""
    now = timezone.now()
    with transaction.atomic(durable=True):
        taken = Operation.objects.filter(
            clocks.is_over("lease_until", now, LONGEST_LEASE), pk=operation.pk, settled_at=None
        ).update(fence=F("fence") + 1, lease_until=now + HOLD)
    if not taken:
        return None
    return Operation.objects.select_related("tenant").get(pk=operation.pk)


def _look(operation: Operation) -> None:
    try:
        live = client_for(operation.tenant).get_settings()
    except (LoftyError, ConnectionUnavailable) as error:
        shut_out = isinstance(error, ConnectionUnavailable | Unauthorised)
        message = f"The settings could not be read from Lofty. {error}"
        _note(operation, message, needs_person=shut_out)
        return
    result = verify_result(operation, live)
    if result.state is not State.UNKNOWN:
        record_result(operation, result)
    elif result.needs_person:
        _note(operation, result.explanation, needs_person=True)
    elif operation.reply == Reply.ACCEPTED or _has_old_values(operation, live):
        _still_missing(operation, live, result)
    else:
        message = gettext_noop(
            "Lofty has neither the old settings nor the requested ones. A user must decide."
        )
        _note(operation, message, live, needs_person=True)


def _has_old_values(operation: Operation, live: Settings) -> bool:
    return all(same(n, operation.before.get(n), live.get(n)) for n in operation.changed)


def _still_missing(operation: Operation, live: Settings, result: Result) -> None:
    now, first = timezone.now(), operation.seen_old_at
    if first is not None and clocks.is_ahead(first, now):
        first = None
    if first is not None and now - first >= quiet_time():
        record_result(operation, _not_applied(operation, live))
        return
    message = gettext_noop(
        "Lofty does not have the change yet. The console checks once again before it "
        "reports the change as not applied."
    )
    if operation.reply == Reply.ACCEPTED:
        message = result.explanation
    _note(operation, message, live, seen_old_at=first or now)


def _not_applied(operation: Operation, live: Settings) -> Result:
    message = gettext_noop(
        "Lofty had the old settings at two checks: the change was not applied, or it was "
        "changed back."
    )
    if operation.reply == Reply.ACCEPTED:
        missing = labels(missing_in(operation, live))
        message = f"Lofty accepted the request but did not change: {missing}. Checked twice."
    return Result(
        State.NOT_APPLIED,
        message,
        gettext_noop("If you still want the change, review it again."),
        after=live,
    )


def _note(
    operation: Operation, explanation: str, live: Settings | None = None, **fields: object
) -> None:
    """Store what was found, release the operation, and leave its outcome unknown."""
    now = timezone.now()
    fields = {
        "state": State.UNKNOWN,
        "explanation": explanation,
        "advice": "",
        "looked_at": now,
        "lease_until": now,
        "needs_person": False,
        **fields,
    }
    if live is not None:
        fields |= {"after": live.raw, "after_read_at": now}
    noted = Operation.objects.filter(
        pk=operation.pk,
        fence=operation.fence,
        settled_at=None,
        state__in=[State.SENT, State.UNKNOWN],
    )
    if noted.update(**fields):
        operation.refresh_from_db()
        look_again_later(operation)
