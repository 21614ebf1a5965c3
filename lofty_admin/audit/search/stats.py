"""The newest changes of settings, and how many were seen made in Lofty itself.

Answered from one small index (`audit_index_outcomes`), which holds nothing but these events in the
order of time: what it costs depends on how many there were in the days asked for, not on the log.
"""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from lofty_admin.audit.log.kinds import CHANGES, Kind
from lofty_admin.audit.models import AuditEvent, AuditIndex

_Tenants = QuerySet[Any] | None


def seen_in_lofty(tenants: _Tenants, since: datetime) -> int:
    """How many changes made in Lofty itself the console saw since then.

    tenants: a query of their ids, or None for all.
    """
    return _changes(tenants, since).filter(kind=Kind.SETTINGS_SEEN_CHANGED).count()


def newest(tenants: _Tenants, since: datetime, most: int) -> list[AuditEvent]:
    """The newest changes, newest first, without bodies."""
    # By time, as the index has them: by number, a log without any would be read to its begin.
    seqs = _changes(tenants, since).order_by("-at").values("seq")[:most]
    return list(AuditEvent.objects.filter(seq__in=seqs).order_by("-seq").defer("body"))


def _changes(tenants: _Tenants, since: datetime) -> QuerySet[AuditIndex]:
    found = AuditIndex.objects.filter(kind__in=CHANGES, at__gte=since)
    return found if tenants is None else found.filter(tenant_id__in=tenants)
