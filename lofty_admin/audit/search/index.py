"""The search index of the log: what browsing filters by, built from the bodies of the events.

It follows the log: `record` adds to it in the transaction of the event, and `fill` adds what is
missing, after every `migrate` or by `manage.py audit_index`.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any

from django.db import connections, transaction
from django.db.models import Exists, OuterRef

from lofty_admin.audit.models import (
    AuditChoice,
    AuditEvent,
    AuditHead,
    AuditIndex,
    AuditWord,
    mapping,
)
from lofty_admin.core.text import words

LONGEST = 100  # characters of a word
MOST = 500_000  # bytes of all words together: PostgreSQL takes 1 MB in one tsvector
CHUNK = 500  # takes about half a second, during which recording waits

_ADD = f"""
WITH added AS (
    INSERT INTO {AuditIndex._meta.db_table}
        (seq, at, tenant_id, kind, outcome, actor, terms, words)
    VALUES (%s, %s, %s, %s, %s, %s, %s::text[], array_to_tsvector(%s::text[]))
    -- Left from a record that is no longer there: the index follows the log.
    ON CONFLICT (seq) DO UPDATE SET
        (at, tenant_id, kind, outcome, actor, terms, words) =
        (excluded.at, excluded.tenant_id, excluded.kind, excluded.outcome, excluded.actor,
         excluded.terms, excluded.words)
    RETURNING words, kind, outcome
), known AS (
    INSERT INTO {AuditWord._meta.db_table} (word, kind, outcome)
    SELECT unnest(tsvector_to_array(words)), kind, outcome FROM added
    ON CONFLICT DO NOTHING
)
INSERT INTO {AuditChoice._meta.db_table} AS old (scope, dimension, value, label)
SELECT scope::uuid, dimension, value, label
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]) AS t(scope, dimension, value, label)
ON CONFLICT (scope, dimension, value) DO UPDATE SET label = excluded.label
WHERE old.label <> excluded.label
"""  # noqa: S608 - table names of our own


def add(event: AuditEvent, using: str = "default") -> None:
    """Index one event. `record` calls it inside its transaction."""
    with connections[using].cursor() as cursor:
        cursor.execute(_ADD, statement_values(event))


def statement_values(event: AuditEvent) -> tuple[Any, ...]:
    """Return the columns of AuditIndex, then the choices as four lists of one length."""
    row = (
        event.seq,
        event.at,
        event.tenant_id,
        event.kind,
        event.outcome,
        actor_key(event),
        terms(event),
        list(search_words(event)),
    )
    return (*row, *map(list, zip(*choices(event), strict=True)))


def actor_key(event: AuditEvent) -> str:
    """Return an actor's key in the index: "person:7", "job:reconcile", `nobody:`."""
    return f"{event.actor_kind}:{event.actor_id}"


PAIRED = ("kind", "outcome", "setting")


def term(dimension: str, value: object) -> str:
    """Return one filter value in the form that an event's terms store."""
    return f"{dimension} {value}"


def terms(event: AuditEvent) -> list[str]:
    """Return every exact filter value of this event, and the `pairs` of them."""
    found = [(dimension, value) for dimension, value, _ in _dimensions(event)]
    return [term(*one) for one in found] + pairs(found)


def pairs(found: Sequence[tuple[str, str]]) -> list[str]:
    """Return terms for two values of different dimensions, both PAIRED.

    Each value alone matches very many events, and some never occur together.
    """
    paired = [one for one in found if one[0] in PAIRED]
    return [
        term(f"{first}+{second}", f"{one} {other}")
        for (first, one), (second, other) in combinations(paired, 2)
        if first != second
    ]


def choices(event: AuditEvent) -> list[tuple[str, str, str, str]]:
    """Return the filter choices in this event, as (scope, dimension, value, label).

    The tenant is not among them: every tenant has events, the first when it is added.
    """
    scopes = [AuditChoice.EVERYWHERE, *([event.tenant_id] if event.tenant_id else [])]
    offered = [one for one in _dimensions(event) if one[0] != "tenant"]
    return [(str(scope), *one) for scope in scopes for one in offered]


def narrowest(wanted: Sequence[tuple[str, str]]) -> list[str]:
    """Return the terms of events with all of these (dimension, value), and of hardly any others."""
    both = pairs(wanted)
    return both + [term(*one) for one in wanted if not both or one[0] not in PAIRED]


def _dimensions(event: AuditEvent) -> list[tuple[str, str, str]]:
    found = [
        ("actor", actor_key(event), event.actor_name or event.actor_id),
        *_makers(event),
        ("kind", event.kind, ""),
        ("outcome", event.outcome, ""),
        *(("setting", name, "") for name in dict.fromkeys(event.changed)),
        ("tenant", str(event.tenant_id or ""), event.tenant_name),
    ]
    return [one for one in found if one[1]]


def _makers(event: AuditEvent) -> list[tuple[str, str, str]]:
    """The user whose change it was, if a job or another user settled it."""
    made_by = mapping(event.detail.get("made_by"))
    user_id, name = made_by.get("id"), made_by.get("name")
    key = f"person:{user_id}"
    if not (isinstance(user_id, str) and user_id) or key == actor_key(event):
        return []
    return [("actor", key, name if isinstance(name, str) and name else user_id)]


def search_words(event: AuditEvent) -> Iterator[str]:
    """Return folded words of everything a user may remember of an event, up to half a megabyte."""
    left = MOST
    for word in dict.fromkeys(word[:LONGEST] for text in _texts(event) for word in words(text)):
        left -= len(word.encode()) + 8
        if left < 0:
            return
        yield word


def _texts(event: AuditEvent) -> Iterator[str]:
    yield from (event.reason, event.subject, event.actor_name)
    yield from (name for _dimension, _key, name in _makers(event))
    yield from (event.tenant_name, event.tenant_slug)
    yield from _strings([mapping(event.detail.get("answer")).get("message")])
    for name in event.changed:
        yield from _changed_texts(event, name)


def _changed_texts(event: AuditEvent, name: str) -> Iterator[str]:
    """Return a setting's texts before and after, or names added to and removed from a list."""
    after = event.detail.get("wanted") or event.content.get("after")
    sides = [mapping(side).get(name) for side in (event.content.get("before"), after)]
    yield from _strings(sides)
    members = [set(map(str, side)) if isinstance(side, list) else set() for side in sides]
    known = mapping(mapping(event.detail.get("names")).get(name))
    yield from _strings(known.get(member) for member in sorted(members[0] ^ members[1]))


def _strings(values: Iterable[object]) -> Iterator[str]:
    yield from (value for value in values if isinstance(value, str))


def fill(using: str = "default", *, from_start: bool = False) -> int:
    """Index the events that are not indexed yet, or all of them with `from_start`; return how many.

    It works in batches and may run while others write. A process of an older version that still
    writes leaves gaps anywhere, so this searches for gaps and not for an end.
    """
    done = last = 0
    while batch := _unindexed(using, last, from_start):
        with transaction.atomic(using), connections[using].cursor() as cursor:
            # One process writes at a time: two that add the same words in another order would
            # deadlock.
            AuditHead.objects.using(using).select_for_update().first()
            cursor.executemany(_ADD, [statement_values(event) for event in batch])
        done, last = done + len(batch), batch[-1].seq
    return done


def _unindexed(using: str, after: int, from_start: bool) -> list[AuditEvent]:
    events = AuditEvent.objects.using(using).filter(seq__gt=after).order_by("seq")
    if not from_start:
        events = events.filter(~Exists(AuditIndex.objects.filter(seq=OuterRef("seq"))))
    return list(events[:CHUNK])
