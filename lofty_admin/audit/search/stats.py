"""The newest changes of settings, and the number of changes detected in Lofty itself.

One small index (`audit_index_outcomes`), which holds only these events in the order of time,
answers both: the cost depends on the number of changes in the requested days, not on the log.
"""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from lofty_admin.audit.kinds import CHANGES, Kind
from lofty_admin.audit.models import AuditEvent, AuditIndex

_Tenants = QuerySet[Any] | None


def seen_in_lofty(tenants: _Tenants, since: datetime) -> int:
    """Count the changes made in Lofty itself that the console detected since then.

    tenants: a query of their ids, or None for all.
    """
    return _changes(tenants, since).filter(kind=Kind.SETTINGS_SEEN_CHANGED).count()


def newest(tenants: _Tenants, since: datetime, most: int) -> list[AuditEvent]:
    """Return the newest changes, newest first, without bodies; each with its last event only."""
    # By time, as in the index: by number, a log without any would be read to its start. A change
    # that was Unknown first has two events, so twice as many are read.
    seqs = _changes(tenants, since).order_by("-at").values("seq")[: 2 * most]
    events = AuditEvent.objects.filter(seq__in=seqs).order_by("-seq").defer("body")
    last = {event.operation_id or event.pk: event for event in reversed(events)}
    return sorted(last.values(), key=lambda event: -event.seq)[:most]


def _changes(tenants: _Tenants, since: datetime) -> QuerySet[AuditIndex]:
    found = AuditIndex.objects.filter(kind__in=CHANGES, at__gte=since)
    return found if tenants is None else found.filter(tenant_id__in=tenants)
