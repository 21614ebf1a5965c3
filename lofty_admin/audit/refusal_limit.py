"""Keep clients from filling the log with refusals.

A source that caused MAX_PER_SOURCE events of one kind within a minute gets 429 for the rest of it,
and so do all sources once MAX_IN_ALL were recorded. Nothing is lost: refusals without an event of
their own are counted in `RefusalCount`, by all processes together, and one event for each minute
and kind records how many there were, from which sources, and about which subjects.
"""

from collections.abc import Sequence
from contextvars import Context
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_noop

from lofty_admin.audit.log.canonical import JSON
from lofty_admin.audit.log.context import Actor, current_actor, current_ip, is_in_request
from lofty_admin.audit.log.kinds import Kind, Outcome
from lofty_admin.audit.models import RefusalCount
from lofty_admin.core import clocks

LIMITED = frozenset({Kind.ACCESS_REFUSED, Kind.SIGN_IN_FAILED, Kind.PROOF_FAILED})
MAX_PER_SOURCE = 20  # events of one kind a minute
MAX_IN_ALL = 200
MAX_SOURCES = 20  # named in a summary
MAX_SUBJECTS = 20  # different ones kept for a source
SUBJECT_CHARS = 200
EVERYONE = "everyone"
SUMMING_UP = Actor("job", "audit.refusals", gettext_noop("Limit on denied requests"))

# One statement, so that simultaneous requests are all counted.
_COUNT = """
INSERT INTO audit_refusalcount AS c
    (source, kind, minute, count, recorded, ip, who, subjects, last_subject, first_at, last_at)
VALUES (%(source)s, %(kind)s, %(minute)s, 1, 0, %(ip)s, %(who)s, ARRAY[%(subject)s]::varchar[],
    %(subject)s, %(now)s, %(now)s)
ON CONFLICT (source, kind, minute) DO UPDATE SET
    count = c.count + 1,
    last_at = excluded.last_at,
    last_subject = excluded.last_subject,
    subjects = CASE
        WHEN cardinality(c.subjects) >= %(most)s OR %(subject)s = ANY (c.subjects) THEN c.subjects
        ELSE c.subjects || excluded.subjects
    END
RETURNING count
"""


class TooManyRefusals(Exception):
    """The refusal is counted, not recorded; the response is 429. seconds: until the next minute."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__("too many denied requests")


def count_refusal(kind: Kind, subject: str) -> None:
    """Count a refusal before it is recorded. Raises TooManyRefusals if it must not be."""
    if kind not in LIMITED or not is_in_request():
        return
    now = timezone.now()
    minute = now.replace(second=0, microsecond=0)
    number = _counted(_source(), kind, subject, now)
    if number == 1:
        Context().run(sum_up)  # of the minutes before, outside of any request's actor
    if number <= MAX_PER_SOURCE and _counted(EVERYONE, kind, "", now) <= MAX_IN_ALL:
        RefusalCount.objects.filter(source=_source(), kind=kind, minute=minute).update(
            recorded=F("recorded") + 1
        )
        return
    raise TooManyRefusals(60 - now.second)


def sum_up(now: datetime | None = None) -> int:
    """Record one event per kind and minute with counted refusals; return the number of events."""
    minute = (now or timezone.now()).replace(second=0, microsecond=0)
    is_over = clocks.happened_long_ago("minute", minute, timedelta(minutes=1))
    if not RefusalCount.objects.filter(is_over).exists():
        return 0
    written = 0
    with transaction.atomic():
        over = RefusalCount.objects.select_for_update(skip_locked=True).filter(is_over)
        rows = list(over.exclude(source=EVERYONE).order_by("minute", "kind", "-count"))
        RefusalCount.objects.filter(pk__in=[row.pk for row in rows]).delete()
        RefusalCount.objects.filter(is_over, source=EVERYONE).delete()
        for key in dict.fromkeys((row.minute, row.kind) for row in rows):
            of_key = [r for r in rows if (r.minute, r.kind) == key and r.count > r.recorded]
            written += _record(*key, of_key)
    return written


def _record(minute: datetime, kind: str, rows: Sequence[RefusalCount]) -> int:
    from lofty_admin.audit.log.record import record  # record imports this module

    if not rows:
        return 0
    missing = sum(row.count - row.recorded for row in rows)
    sources: list[JSON] = [_described(row) for row in rows[:MAX_SOURCES]]
    record(
        Kind.REFUSALS_COUNTED,
        subject=f"{missing} more of {kind} at {minute:%H:%M} UTC",
        detail={
            "kind": kind,
            "minute": minute.isoformat(),
            "not_recorded": missing,
            "sources": sources,
            "more_sources": max(0, len(rows) - MAX_SOURCES),
        },
        outcome=Outcome.REFUSED,
        actor=SUMMING_UP,
    )
    return 1


def _described(row: RefusalCount) -> JSON:
    return {
        "who": row.who,
        "ip": row.ip,
        "source": row.source,
        "all": row.count,
        "not_recorded": row.count - row.recorded,
        "first": row.subjects[0],
        "last": row.last_subject,
        "different": list(row.subjects),
        "first_at": row.first_at.isoformat(),
        "last_at": row.last_at.isoformat(),
    }


def _counted(source: str, kind: Kind, subject: str, now: datetime) -> int:
    values: dict[str, str | int | datetime] = {
        "source": source,
        "kind": kind.value,
        "minute": now.replace(second=0, microsecond=0),
        "ip": current_ip(),
        "who": current_actor().name[:SUBJECT_CHARS].replace("\x00", ""),
        "subject": _storable(subject),
        "most": MAX_SUBJECTS,
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, values)
        (number,) = cursor.fetchone()
    return int(number)


def _storable(text: str) -> str:
    """Drop NUL and lone surrogates, which PostgreSQL refuses and an address may hold."""
    clean = text.replace("\x00", "\\u0000").encode("utf-8", "backslashreplace").decode()
    return clean[:SUBJECT_CHARS]


def _source() -> str:
    """Return the signed-in user, else the network a client can choose its address in."""
    actor = current_actor()
    if actor.id:
        return f"person:{actor.id}"
    ip = current_ip()
    if ip and isinstance(ip_address(ip), IPv6Address):
        return f"network:{ip_network(f'{ip}/64', strict=False)}"
    return f"ip:{ip}"
