"""Settling operations whose outcome is not known, by reading Lofty and never by sending again.

If Lofty has what was meant, the change arrived. If it still has the old values, the PUT may yet
arrive late: it counts as not applied only when a second look, a quiet time later, says the same.
Anything in between is for a person.
"""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_noop

from lofty_admin.agentsettings.models import Operation, State
from lofty_admin.agentsettings.services import Result, close, judge
from lofty_admin.audit.restored import is_behind
from lofty_admin.lofty.errors import LoftyError, Unauthorised
from lofty_admin.lofty.schema import Settings, same
from lofty_admin.tenants.calls import NoCredential, client_for

logger = logging.getLogger(__name__)

OLD_AS_SEEN = gettext_noop(
    "Lofty has the old settings, not those that were sent. A person looked and settled it as it is."
)
OTHERS_AS_SEEN = gettext_noop(
    "Lofty has other settings, not those that were sent. A person looked and settled it as it is."
)
HOLD = timedelta(seconds=90)  # of a reconciliation: one GET at its time limit, and to spare


def due() -> list[Operation]:
    """The open operations nobody is working on, those looked at longest ago first."""
    return list(
        Operation.objects.select_related("tenant")
        .filter(settled_at=None, lease_until__lte=timezone.now())
        .order_by(F("looked_at").asc(nulls_first=True))
    )


def settle_all() -> list[Operation]:
    """One look at each operation that is due; one that fails does not keep the others waiting.

    None while the console is read-only: Lofty may have moved on since this database was current.
    """
    if is_behind("settling open changes"):
        return []
    settled = []
    for operation in due():
        try:
            settled.append(settle(operation))
        except Exception:
            logger.exception("Operation %s could not be reconciled", operation.pk)
    return settled


def settle(operation: Operation) -> Operation:
    """Look at Lofty once and settle the operation if that tells enough. Returns it as it is now.

    Does nothing to a settled operation, nor to one that another process is working on.
    """
    held = _take_over(operation)
    if held is None:
        return Operation.objects.select_related("tenant").get(pk=operation.pk)
    if held.state == State.PREPARED:
        close(
            held,
            Result(State.NOT_SENT, gettext_noop("The console stopped before anything was sent.")),
        )
    else:
        _look(held)
    return Operation.objects.select_related("tenant").get(pk=operation.pk)


def close_as_seen(operation: Operation) -> Operation:
    """A person has looked: settle an operation the console cannot settle by itself.

    Lofty is read once more, so that nothing is claimed that is not so. Does nothing to an operation
    that needs no person.
    """
    held = _take_over(operation) if operation.needs_person else None
    if held is not None:
        close(held, _as_seen(held))
    return Operation.objects.select_related("tenant").get(pk=operation.pk)


def _as_seen(operation: Operation) -> Result:
    try:
        live = client_for(operation.tenant).get_settings()
    except (LoftyError, NoCredential):
        live = None
    if live is None or live.id != operation.wanted["id"]:
        return Result(
            State.UNKNOWN,
            gettext_noop(
                "A person settled this without a reading of that Sales Agent. Whether the change"
                " was made is not known."
            ),
            given_up=True,
        )
    result = judge(operation, live)
    if result.state is State.VERIFIED:
        return result
    return Result(
        State.NOT_APPLIED,
        OLD_AS_SEEN if _has_old_values(operation, live) else OTHERS_AS_SEEN,
        after=live,
    )


def _take_over(operation: Operation) -> Operation | None:
    """Raise the fence, so that the process that held it before can no longer write its outcome."""
    now = timezone.now()
    with transaction.atomic(durable=True):
        taken = Operation.objects.filter(
            pk=operation.pk, settled_at=None, lease_until__lte=now
        ).update(fence=F("fence") + 1, lease_until=now + HOLD)
    if not taken:
        return None
    return Operation.objects.select_related("tenant").get(pk=operation.pk)


def _look(operation: Operation) -> None:
    try:
        live = client_for(operation.tenant).get_settings()
    except (LoftyError, NoCredential) as error:
        shut_out = isinstance(error, NoCredential | Unauthorised)
        _note(operation, f"Lofty could not be read to settle this. {error}", needs_person=shut_out)
        return
    if live.id != operation.wanted["id"]:
        _note(
            operation, gettext_noop("The token now opens another Sales Agent."), needs_person=True
        )
        return
    result = judge(operation, live)
    if result.state is State.VERIFIED:
        close(operation, result)
    elif _has_old_values(operation, live):
        _old_values_seen(operation, live)
    else:
        _note(
            operation,
            gettext_noop(
                "Lofty has neither the old settings nor those that were sent. A person must look."
            ),
            needs_person=True,
        )


def _has_old_values(operation: Operation, live: Settings) -> bool:
    return all(same(n, operation.before.get(n), live.get(n)) for n in operation.changed)


def _old_values_seen(operation: Operation, live: Settings) -> None:
    now = timezone.now()
    quiet = timedelta(seconds=settings.ENVIRONMENT.settle_quiet_seconds)
    if operation.seen_old_at is not None and now - operation.seen_old_at >= quiet:
        close(
            operation,
            Result(
                State.NOT_APPLIED,
                gettext_noop(
                    "Lofty has the old settings, looked at twice: the change did not arrive, or was"
                    " changed back."
                ),
                gettext_noop("Review the change again if it is still wanted."),
                after=live,
            ),
        )
        return
    _note(
        operation,
        "Lofty has the old settings. The change may yet arrive, so the console looks again, not"
        f" before {now + quiet:%H:%M:%S} UTC, and only then calls it not applied.",
        seen_old_at=operation.seen_old_at or now,
    )


def _note(operation: Operation, explanation: str, **fields: object) -> None:
    """Still unknown: write down what was seen, and let go."""
    now = timezone.now()
    fields = {
        "state": State.UNKNOWN,
        "explanation": explanation,
        "looked_at": now,
        "lease_until": now,
        "needs_person": False,
        **fields,
    }
    Operation.objects.filter(
        pk=operation.pk,
        fence=operation.fence,
        settled_at=None,
        state__in=[State.SENT, State.UNKNOWN],
    ).update(**fields)
