"""A long audit log, quickly: real bodies and a real chain, brought in by COPY.

Bodies come from a few hundred patterns that differ in tenant, person, outcome, settings and names;
ids, times and reasons are put into each. The log holds exactly what `record` would have
written: `audit_verify` finds nothing wrong with it.
"""

import datetime as dt
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Model

from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log import triggers
from lofty_admin.audit.log.canonical import canonical
from lofty_admin.audit.log.chain import COPIED, begin, copies, link_in
from lofty_admin.audit.models import (
    GENESIS,
    AuditChoice,
    AuditEvent,
    AuditHead,
    AuditIndex,
    AuditWord,
)
from lofty_admin.audit.search import index
from lofty_admin.core.database import set_session_limits
from lofty_admin.core.text import words as folded
from tests.support.documented_settings import EXAMPLE

ID, OPERATION = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
AT, REQUEST = "2001-01-01T00:00:00.000001+00:00", "0123456789abcdef0123456789abcdef"
REASON = "@@@reason@@@"
PIECE = 20_000
BEGAN = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
WHY = ("asked by phone", "ticket", "customer's mail", "quarterly review", "new office", "holiday")
FIRST = ("Anna", "Bruno", "Chloé", "Dmitri", "Esra", "Fatima", "Göran", "Hana", "Ivo", "Jürgen")
LAST = (
    "Smith",
    "Okafor",
    "García",
    "Nguyễn",
    "Kowalski",
    "Rossi",
    "Müller",
    "Sato",
    "Haddad",
    "Lee",
)
# Of a hundred events, as in a console that people use all day.
MIX = (
    (36, Kind.SETTINGS_INTENT, None),
    (30, Kind.SETTINGS_OUTCOME, Outcome.VERIFIED),
    (3, Kind.SETTINGS_OUTCOME, Outcome.NOT_APPLIED),
    (2, Kind.SETTINGS_OUTCOME, Outcome.REJECTED),
    (1, Kind.SETTINGS_OUTCOME, Outcome.UNKNOWN),
    (4, Kind.SETTINGS_SEEN_CHANGED, None),
    (8, Kind.DIRECTORY_SYNCED, Outcome.DONE),
    (6, Kind.CREDENTIAL_TESTED, Outcome.DONE),
    (8, Kind.SIGNED_IN, Outcome.DONE),
    (2, Kind.ACCESS_REFUSED, Outcome.REFUSED),
)
NO_TENANT = {Kind.SIGNED_IN}
ENTRY = ("seq", "at", "tenant_id", "kind", "outcome", "actor", "terms", "words")
RARE = "zanzibar"  # a word that one event in ten thousand has in its reason


@dataclass(frozen=True)
class Pattern:
    """The record of an event, with marks where every event has something of its own.

    columns, entry: the rest of its lines for COPY into AuditEvent and AuditIndex; known: its words,
    as AuditWord stores them.
    """

    kind: Kind
    outcome: str
    body: str
    columns: str
    entry: str
    known: list[tuple[str, str, str]]
    choices: list[tuple[str, str, str, str]]


def tenant_ids(tenants: int) -> list[UUID]:
    return [UUID(int=0x5A1E5 << 96 | number) for number in range(1, tenants + 1)]


def person(number: int) -> dict[str, str]:
    name = f"{FIRST[number % 10]} {LAST[number // 10 % 10]}"
    return {"kind": "person", "id": str(1000 + number), "name": name}


def build(events: int, tenants: int, people: int = 40, seed: int = 7) -> None:
    """Write the log into an empty database, in pieces: memory doesn't grow with the log.

    The guards are off meanwhile, and indexes are made afterwards.
    """
    chance = random.Random(seed)
    patterns = list(_patterns(tenants, people, chance))
    with _patient(), _without_indexes():
        last = _write(patterns, events, chance)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {AuditHead._meta.db_table} DISABLE TRIGGER USER")
        AuditHead.objects.update(seq=events, hash=last)
        triggers.install(connection)
    rows = dict.fromkeys(row for pattern in patterns for row in pattern.choices)
    AuditChoice.objects.bulk_create(
        (AuditChoice(scope=s, dimension=d, value=v, label=label) for s, d, v, label in rows),
        ignore_conflicts=True,
        batch_size=5000,
    )
    if not connection.in_atomic_block:
        with _patient(), connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
            cursor.execute("CHECKPOINT")  # or gigabytes are written during the measurement


@contextmanager
def _patient() -> Iterator[None]:
    """Let statements take as long as they need: an index of ten million rows takes minutes."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0; SET maintenance_work_mem = '512MB'")
        yield
        cursor.execute("RESET maintenance_work_mem")
        set_session_limits(connection)


@contextmanager
def _without_indexes() -> Iterator[None]:
    models = (AuditEvent, AuditIndex)
    with connection.schema_editor() as editor:
        for model in models:
            for index_of in model._meta.indexes:
                editor.remove_index(model, index_of)
            for constraint in model._meta.constraints:
                editor.remove_constraint(model, constraint)
    yield
    with connection.schema_editor() as editor:
        for model in models:
            for index_of in model._meta.indexes:
                editor.add_index(model, index_of)
            for constraint in model._meta.constraints:
                editor.add_constraint(model, constraint)


def _patterns(tenants: int, people: int, chance: random.Random) -> Iterator[Pattern]:
    for number, tenant_id in enumerate(tenant_ids(tenants)):
        for weight, kind, outcome in MIX:
            for _ in range(1 if weight < 10 else 3):
                who = person(min(int(chance.expovariate(0.15)), people - 1))
                tenant = None
                if kind not in NO_TENANT:
                    name = f"{LAST[number % 10]} Realty {number}"
                    tenant = {"id": str(tenant_id), "slug": f"tenant-{number}", "name": name}
                yield _pattern(_content(kind, outcome, tenant, who, chance))


def _content(
    kind: Kind,
    outcome: Outcome | None,
    tenant: dict[str, str] | None,
    who: dict[str, str],
    chance: random.Random,
) -> dict[str, object]:
    content: dict[str, object] = {
        "id": ID,
        "at": AT,
        "kind": kind.value,
        "outcome": outcome.value if outcome else None,
        "actor": who,
        "tenant": tenant,
        "subject": "Directory" if tenant else who["name"],
        "operation_id": None,
        "request_id": REQUEST,
        "ip": f"10.0.{chance.randrange(8)}.{chance.randrange(250)}",
        "reason": "",
        "before": None,
        "after": None,
        "detail": None,
    }
    return content | _save(kind, chance) if kind.value.startswith("settings.") else content


def _save(kind: Kind, chance: random.Random) -> dict[str, object]:
    names = ("assistantName", "activeDays", "agentIds", "textChannel", "startActiveHour")
    changed = sorted(chance.sample(names, chance.choice((1, 1, 2))))
    agents = [chance.randrange(10**14, 10**15) for _ in range(12)]
    before = {**EXAMPLE, "agentIds": agents}
    members = {str(agent): f"{chance.choice(FIRST)} {chance.choice(LAST)}" for agent in agents}
    new = {
        "assistantName": chance.choice(FIRST),
        "activeDays": sorted(chance.sample(range(7), 5)),
        "agentIds": agents[:-1],
        "textChannel": chance.random() < 0.5,
        "startActiveHour": chance.randrange(24),
    }
    wanted = {**before, **{name: new[name] for name in changed}}
    answer = {"method": "PUT", "path": "/v2.0/sales-agent/settings", "status": 200, "code": None}
    answer |= {"message": "Operation successful", "body": "", "duration_ms": 210}
    detail = {"changed": changed, "names": {"agentIds": members}, "explanation": "Read back."}
    if kind is not Kind.SETTINGS_SEEN_CHANGED:
        detail |= {"wanted": wanted, "answer": answer}
    return {
        "subject": ", ".join(changed),
        "operation_id": OPERATION,
        "reason": REASON,
        "before": before,
        "after": wanted,
        "detail": detail,
    }


def _pattern(content: dict[str, object]) -> Pattern:
    body = canonical(content).decode()
    event = AuditEvent(seq=1, body=body, **copies(json.loads(body)))
    words = sorted({*index.search_words(event)} - {"reason"})
    columns = {name: _text(getattr(event, name)) for name in COPIED}
    terms = "{" + ",".join(f'"{term}"' for term in index.terms(event)) + "}"
    entry = [AT, *(columns[name] for name in ENTRY[2:5]), index.actor_key(event), terms]
    return Pattern(
        Kind(event.kind),
        event.outcome,
        body,
        "\t".join(columns.values()),
        "\t".join([*entry, " ".join(f"'{word}'" for word in words)]),
        [(word, event.kind, event.outcome) for word in words],
        index.choices(event),
    )


def _text(value: object) -> str:
    if isinstance(value, dt.datetime):
        return AT
    return r"\N" if value is None else str(value)


def _write(patterns: list[Pattern], events: int, chance: random.Random) -> str:
    """Returns the hash of the last record."""
    ring, head = settings.ENVIRONMENT.audit_keys, AuditHead.objects.get()
    assert head.seq == 0, "the log must be empty"
    begun, last = begin(ring.keys[ring.current], head.log_id), GENESIS
    weights = list(accumulate(weight for weight, *_ in MIX))
    by_kind = [[p for p in patterns if _mix_of(p) == row[1:]] for row in MIX]
    step = dt.timedelta(days=1000) / events
    known = {row for pattern in patterns for row in pattern.known}
    for start in range(1, events + 1, PIECE):
        rows, entries = [], []
        for seq in range(start, min(start + PIECE, events + 1)):
            pattern = chance.choice(chance.choices(by_kind, cum_weights=weights)[0])
            own = _own(seq, BEGAN + step * seq, chance)
            body, columns = _put(pattern.body, own), _put(pattern.columns, own)
            hashed = link_in(begun, seq, last, body)
            escaped = body.replace("\\", r"\\")
            rows.append(f"{seq}\t{last}\t{hashed}\t{ring.current}\t{escaped}\t{columns}\n")
            words = folded(own[REASON]) if REASON in pattern.columns else []
            known.update((word, pattern.kind.value, pattern.outcome) for word in words)
            reason = "".join(f" '{word}'" for word in words)
            entries.append(f"{seq}\t{_put(pattern.entry, own)}{reason}\n")
            last = hashed
        _copy(AuditEvent, ("seq", "previous_hash", "hash", "key_id", "body", *COPIED), rows)
        _copy(AuditIndex, ENTRY, entries)
    _copy(AuditWord, ("word", "kind", "outcome"), ("\t".join(row) + "\n" for row in known))
    return last


def _mix_of(pattern: Pattern) -> tuple[Kind, Outcome | None]:
    return pattern.kind, Outcome(pattern.outcome) if pattern.outcome else None


def _own(seq: int, at: dt.datetime, chance: random.Random) -> dict[str, str]:
    why = f"{chance.choice(WHY)} {chance.randrange(10_000)}"
    return {
        ID: str(UUID(int=0xA << 124 | seq)),
        OPERATION: str(UUID(int=0xB << 124 | seq)),
        AT: at.isoformat(timespec="microseconds"),
        REQUEST: f"{seq:032x}",
        REASON: f"{why} {RARE}" if seq % 10_000 == 0 else why,
    }


def _put(text: str, own: dict[str, str]) -> str:
    for mark, value in own.items():
        text = text.replace(mark, value)
    return text


def _copy(model: type[Model], names: Sequence[str], lines: Iterable[str]) -> None:
    statement = f"COPY {model._meta.db_table} ({', '.join(names)}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write("".join(lines))
