"""A long audit log, quickly: real bodies and a real chain, brought in by COPY.

Bodies come from a few hundred patterns that differ in tenant, person, outcome, settings and names;
ids, times and reasons are put into each. The log holds exactly what `record` would have
written: `audit_verify` finds nothing wrong with it.
"""

import datetime as dt
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Model

from lofty_admin.audit.log import triggers
from lofty_admin.audit.log.canonical import canonical
from lofty_admin.audit.log.chain import COPIED, begin, copies, link_in
from lofty_admin.audit.log.kinds import Kind, Outcome
from lofty_admin.audit.models import GENESIS, AuditChoice, AuditEvent, AuditHead, AuditIndex
from lofty_admin.audit.search import index
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
WORDS = """
INSERT INTO audit_auditword (word, kind, outcome)
SELECT DISTINCT unnest(tsvector_to_array(words)), kind, outcome FROM audit_auditindex
WHERE seq >= %s ON CONFLICT DO NOTHING
"""
RARE = "zanzibar"  # a word that one event in ten thousand has in its reason


@dataclass(frozen=True)
class Pattern:
    """The record of an event, with marks where every event has something of its own."""

    kind: Kind
    body: str
    columns: list[str | None]
    terms: list[str]
    words: str
    choices: list[tuple[str, str, str, str]]


def tenant_ids(tenants: int) -> list[UUID]:
    return [UUID(int=0x5A1E5 << 96 | number) for number in range(1, tenants + 1)]


def person(number: int) -> dict[str, str]:
    name = f"{FIRST[number % 10]} {LAST[number // 10 % 10]}"
    return {"kind": "person", "id": str(1000 + number), "name": name}


def build(events: int, tenants: int, people: int = 40, seed: int = 7) -> None:
    """Write the log into an empty database. The guards are off meanwhile, and stand afterwards."""
    chance = random.Random(seed)
    patterns = list(_patterns(tenants, people, chance))
    with connection.schema_editor() as editor:
        for one in AuditIndex._meta.indexes:
            editor.remove_index(AuditIndex, one)
    last = _write(patterns, events, chance)
    with connection.schema_editor() as editor:
        for one in AuditIndex._meta.indexes:
            editor.add_index(AuditIndex, one)
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
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
            cursor.execute("CHECKPOINT")  # or gigabytes are written during the measurement


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
    words = " ".join(f"'{word}'" for word in sorted({*index.search_words(event)} - {"reason"}))
    columns = [_text(getattr(event, name)) for name in COPIED]
    kind = Kind(event.kind)
    return Pattern(kind, body, columns, index.terms(event), words, index.choices(event))


def _text(value: object) -> str | None:
    if isinstance(value, dt.datetime):
        return AT
    return None if value is None else str(value)


def _write(patterns: list[Pattern], events: int, chance: random.Random) -> str:
    """Returns the hash of the last record."""
    ring, head = settings.ENVIRONMENT.audit_keys, AuditHead.objects.get()
    assert head.seq == 0, "the log must be empty"
    begun, last = begin(ring.keys[ring.current], head.log_id), GENESIS
    weights = [weight for weight, *_ in MIX]
    by_kind = {row: [p for p in patterns if _mix_of(p) == row[1:]] for row in MIX}
    step = dt.timedelta(days=1000) / events
    for start in range(1, events + 1, PIECE):
        rows, entries = [], []
        for seq in range(start, min(start + PIECE, events + 1)):
            pattern = chance.choice(by_kind[chance.choices(MIX, weights)[0]])
            own = _own(seq, BEGAN + step * seq, chance)
            body = _put(pattern.body, own)
            hashed = link_in(begun, seq, last, body)
            columns = [own.get(str(value), value) for value in pattern.columns]
            rows.append([seq, last, hashed, ring.current, body, *columns])
            entries.append(_entry(seq, pattern, own))
            last = hashed
        _copy(AuditEvent, ("seq", "previous_hash", "hash", "key_id", "body", *COPIED), rows)
        names = ("seq", "at", "tenant_id", "kind", "outcome", "actor", "terms", "words")
        _copy(AuditIndex, names, entries)
        with connection.cursor() as cursor:
            cursor.execute(WORDS, [start])
    return last


def _mix_of(pattern: Pattern) -> tuple[Kind, Outcome | None]:
    outcome = pattern.columns[COPIED.index("outcome")]
    return pattern.kind, Outcome(outcome) if outcome else None


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


def _entry(seq: int, pattern: Pattern, own: dict[str, str]) -> list[object]:
    columns = dict(zip(COPIED, pattern.columns, strict=True))
    actor = f"{columns['actor_kind']}:{columns['actor_id']}"
    reason = "".join(f" '{word}'" for word in folded(own[REASON])) if columns["reason"] else ""
    tenant, outcome = columns["tenant_id"], columns["outcome"]
    words = pattern.words + reason
    return [seq, own[AT], tenant, columns["kind"], outcome, actor, pattern.terms, words]


def _copy(model: type[Model], names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    statement = f"COPY {model._meta.db_table} ({', '.join(names)}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
