"""Append to the audit log. All code records events through this module."""

import json
from collections.abc import Mapping
from contextvars import Context
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from lofty_admin.audit.context import Actor, current_actor, current_ip, current_request_id
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log import refusal_limit
from lofty_admin.audit.log.canonical import JSON, canonical
from lofty_admin.audit.log.chain import copies, link
from lofty_admin.audit.log.secrets import hide_secrets
from lofty_admin.audit.models import HEAD_ID, AuditEvent, AuditHead
from lofty_admin.audit.search import index


@dataclass(frozen=True)
class TenantRef:
    """A tenant as text, as the event keeps it."""

    id: UUID
    slug: str
    name: str


def record(
    kind: Kind,
    *,
    tenant: TenantRef | None = None,
    subject: str = "",
    outcome: Outcome | None = None,
    operation_id: UUID | None = None,
    reason: str = "",
    before: JSON = None,
    after: JSON = None,
    detail: Mapping[str, JSON] | None = None,
    actor: Actor | None = None,
) -> AuditEvent:
    """Append one event and return it. Actor, request id and address come from the context.

    Call it last in a SHORT transaction: it locks the head of the log, and the lock stays until the
    caller's transaction ends, while every other writer waits. Never call Lofty, and take no other
    lock, after it in the same transaction. If that transaction rolls back there is no event and
    no gap.

    Content never makes it fail: see `canonical` for what is escaped and capped. Values under the
    names of secrets are replaced by fingerprints. Raises TooManyRefusals instead of recording the
    twenty-first refusal of a minute (refusal_limit.py), ValueError for an unknown kind or outcome,
    and django.db.Error when the database refuses; the caller's transaction cannot commit then, so
    what cannot be recorded is not done.
    """
    if refusal_limit.is_limited(Kind(kind)):
        _limit_refusal(Kind(kind), subject)
    content = {
        "id": uuid4(),
        "at": timezone.now(),
        "kind": Kind(kind).value,
        "outcome": Outcome(outcome).value if outcome else None,
        "actor": asdict(actor or current_actor()),
        "tenant": asdict(tenant) if tenant else None,
        "subject": subject,
        "operation_id": operation_id,
        "request_id": current_request_id() or uuid4().hex,
        "ip": current_ip(),
        "reason": reason,
        "before": hide_secrets(before),
        "after": hide_secrets(after),
        "detail": hide_secrets(detail),
    }
    return _append(canonical(content).decode())


def sum_up_refusals(now: datetime | None = None) -> int:
    """Record one event per kind and minute with counted refusals; return the number of events."""
    minute = (now or timezone.now()).replace(second=0, microsecond=0)
    if not refusal_limit.has_counts(minute):
        return 0
    with transaction.atomic():
        summaries = refusal_limit.take_summaries(minute)
        for summary in summaries:
            record(
                Kind.REFUSALS_COUNTED,
                subject=summary.subject,
                detail=summary.detail,
                outcome=Outcome.REFUSED,
                actor=refusal_limit.SUMMING_UP,
            )
    return len(summaries)


def _limit_refusal(kind: Kind, subject: str) -> None:
    now = timezone.now()
    number = refusal_limit.count_refusal(kind, subject, now)
    if number == 1:
        Context().run(sum_up_refusals)  # of the minutes before, outside of any request's actor
    refusal_limit.require_room(kind, number, now)


def _append(body: str) -> AuditEvent:
    content: dict[str, Any] = json.loads(body)
    ring = settings.ENVIRONMENT.audit_keys
    # Without a savepoint, an error here dooms the caller's transaction even if it is swallowed.
    with transaction.atomic(savepoint=False):
        head = AuditHead.objects.select_for_update().get(pk=HEAD_ID)
        seq = head.seq + 1
        event = AuditEvent(
            **copies(content),
            seq=seq,
            previous_hash=head.hash,
            hash=link(ring.keys[ring.current], head.log_id, seq, head.hash, body),
            key_id=ring.current,
            body=body,
        )
        event.save(force_insert=True)
        AuditHead.objects.filter(pk=HEAD_ID).update(seq=seq, hash=event.hash)
        index.add(event)
    return event
