"""Keep clients from filling the log with refusals.

A source that caused MAX_PER_SOURCE events of one kind within a minute gets 429 for the rest of it,
and so do all sources once MAX_IN_ALL were recorded. Nothing is lost: refusals without an event of
their own are counted in `RefusalCount`, by all processes together, and one event for each minute
and kind records how many there were, from which sources, and about which subjects.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from django.db import connection
from django.db.models import F, Q
from django.utils.translation import gettext_noop

from lofty_admin.audit.context import Actor, current_actor, current_ip, is_in_request
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.log.canonical import JSON
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


@dataclass(frozen=True)
class Summary:
    """What the event says about the refusals of one kind and minute that have none themselves."""

    subject: str
    detail: Mapping[str, JSON]


def is_limited(kind: Kind) -> bool:
    """Return whether an event of this kind, recorded now, counts against the limit."""
    return kind in LIMITED and is_in_request()


def count_refusal(kind: Kind, subject: str, now: datetime) -> int:
    """Count a refusal before it is recorded; return how many its source had in this minute."""
    return _counted(_source(), kind, subject, now)


def require_room(kind: Kind, number: int, now: datetime) -> None:
    """Note that the counted refusal gets its event. Raises TooManyRefusals if it must not."""
    if number > MAX_PER_SOURCE or _counted(EVERYONE, kind, "", now) > MAX_IN_ALL:
        raise TooManyRefusals(60 - now.second)
    minute = now.replace(second=0, microsecond=0)
    RefusalCount.objects.filter(source=_source(), kind=kind, minute=minute).update(
        recorded=F("recorded") + 1
    )


def has_counts(minute: datetime) -> bool:
    """Return whether refusals of minutes before this one were counted."""
    return RefusalCount.objects.filter(_is_over(minute)).exists()


def take_summaries(minute: datetime) -> list[Summary]:
    """Remove the counts of minutes before this one; return what to record, by minute and kind.

    The caller's transaction must record it too, so that no count is lost.
    """
    over = RefusalCount.objects.select_for_update(skip_locked=True).filter(_is_over(minute))
    rows = list(over.exclude(source=EVERYONE).order_by("minute", "kind", "-count"))
    RefusalCount.objects.filter(pk__in=[row.pk for row in rows]).delete()
    RefusalCount.objects.filter(_is_over(minute), source=EVERYONE).delete()
    unrecorded: dict[tuple[datetime, str], list[RefusalCount]] = {}
    for row in rows:
        if row.count > row.recorded:
            unrecorded.setdefault((row.minute, row.kind), []).append(row)
    return [_summary(*key, of_key) for key, of_key in unrecorded.items()]


def _is_over(minute: datetime) -> Q:
    return clocks.happened_long_ago("minute", minute, timedelta(minutes=1))


def _summary(minute: datetime, kind: str, rows: Sequence[RefusalCount]) -> Summary:
    missing = sum(row.count - row.recorded for row in rows)
    sources: list[JSON] = [_described(row) for row in rows[:MAX_SOURCES]]
    return Summary(
        subject=f"{missing} more of {kind} at {minute:%H:%M} UTC",
        detail={
            "kind": kind,
            "minute": minute.isoformat(),
            "not_recorded": missing,
            "sources": sources,
            "more_sources": max(0, len(rows) - MAX_SOURCES),
        },
    )


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
