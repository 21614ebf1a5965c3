"""Credit a change to the user who made it, if a job or another user settled it."""

from collections.abc import Iterable

from lofty_admin.agentsettings.models import Operation
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.models import AuditEvent


def credited(events: Iterable[AuditEvent]) -> list[AuditEvent]:
    """Set `maker` on the events by which someone else settled a user's change. One query."""
    events = list(events)
    saves = [event for event in events if event.kind == Kind.SETTINGS_OUTCOME]
    outcomes = [(event.operation_id, event) for event in saves if event.operation_id]
    if not outcomes:
        return events
    rows = Operation.objects.filter(pk__in={pk for pk, _event in outcomes}).order_by()
    makers = {pk: who for pk, *who in rows.values_list("pk", "actor_id", "actor_name")}
    for operation_id, event in outcomes:
        maker_id, name = makers.get(operation_id, ("", ""))
        if maker_id and maker_id != event.actor_id:
            event.maker = name
    return events
