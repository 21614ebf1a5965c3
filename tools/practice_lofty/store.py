"""Everything the practice Lofty knows, in one SQLite file.

One connection behind one lock: every step is short, and nothing waits while holding it.
A commit is on the disk when it returns (WAL, synchronous=FULL), so that a PUT which was
received is still known after a crash of either side.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from tools.practice_lofty import faults, rules
from tools.practice_lofty.faults import Fault
from tools.practice_lofty.messages import read_json

VERSION = 2
SCHEMA = """
CREATE TABLE customers (
    slug TEXT PRIMARY KEY, name TEXT NOT NULL, agent_id INTEGER NOT NULL, settings TEXT,
    options TEXT NOT NULL, me TEXT NOT NULL, org TEXT NOT NULL, ponds TEXT NOT NULL,
    pipelines TEXT NOT NULL, quota TEXT NOT NULL, members INTEGER NOT NULL
);
CREATE TABLE members (
    slug TEXT NOT NULL, position INTEGER NOT NULL, group_id INTEGER, body TEXT NOT NULL,
    PRIMARY KEY (slug, position)
) WITHOUT ROWID;
CREATE TABLE credentials (
    token TEXT PRIMARY KEY, slug TEXT NOT NULL, scheme TEXT NOT NULL, rate_limit INTEGER NOT NULL,
    scopes TEXT, expires_at REAL, revoked INTEGER NOT NULL, client_id TEXT, made REAL NOT NULL
);
CREATE INDEX credentials_by_slug ON credentials (slug);
CREATE TABLE puts (
    id INTEGER PRIMARY KEY, slug TEXT NOT NULL, received_at REAL NOT NULL, path TEXT NOT NULL,
    headers TEXT NOT NULL, body BLOB NOT NULL, status INTEGER, due_at REAL, applied_at REAL
);
CREATE INDEX puts_by_slug ON puts (slug, id);
CREATE INDEX puts_due ON puts (slug, due_at) WHERE applied_at IS NULL AND due_at IS NOT NULL;
CREATE TABLE faults (
    id INTEGER PRIMARY KEY AUTOINCREMENT, slug TEXT NOT NULL, kind TEXT NOT NULL,
    method TEXT NOT NULL, path TEXT NOT NULL, times INTEGER, parameters TEXT NOT NULL
);
CREATE INDEX faults_by_slug ON faults (slug, id);
CREATE TABLE apps (
    client_id TEXT PRIMARY KEY, client_secret TEXT NOT NULL, name TEXT NOT NULL,
    redirect_url TEXT NOT NULL, rate_limit INTEGER NOT NULL, expires_in INTEGER NOT NULL,
    scopes TEXT
);
CREATE TABLE grants (
    value TEXT PRIMARY KEY, kind TEXT NOT NULL, client_id TEXT NOT NULL, slug TEXT NOT NULL,
    expires_at REAL NOT NULL, used INTEGER NOT NULL DEFAULT 0
);
"""
SHOWN = """
CREATE TABLE shown (slug TEXT PRIMARY KEY, settings TEXT, until REAL NOT NULL);
"""
"""Old settings that reads still get, though a PUT has changed them. New in version 2."""
TABLES = ("customers", "members", "credentials", "puts", "faults", "apps", "grants", "shown")

Scheme = Literal["api_key", "oauth"]
Settings = dict[str, object]
Document = Literal["me", "org", "ponds", "pipelines", "quota"]


class WrongVersionError(Exception):
    """The file was made by another version of the practice Lofty."""


class UnknownCustomerError(LookupError):
    """No customer has this slug."""


class TakenError(ValueError):
    """The slug or the token is in use already."""


@dataclass(frozen=True)
class Options:
    """Where Lofty's behaviour is not known, or observed to differ from its documentation."""

    omitted: rules.Omitted = "keep"
    oversize: Literal["cap", "refuse"] = "cap"
    member_maximum: int = 25
    metadata_key: Literal["_metadata", "get_metadata"] = "_metadata"
    shuffle_lists: bool = False
    dead_answers_400: bool = False
    repeat_pages: bool = False
    """every page of members and pipelines is the first one again"""
    false_total: int = -1
    """what lists say their total is, -1 for the truth"""
    strict_put: bool = False
    """refuse properties in a PUT that the documentation does not name, rather than ignore them"""


@dataclass(frozen=True)
class Credential:
    token: str
    slug: str
    scheme: Scheme
    rate_limit: int
    """calls per minute"""
    scopes: tuple[str, ...] | None = None
    """operations it may use; None = all"""
    expires_at: float | None = None
    """epoch seconds"""
    revoked: bool = False
    client_id: str | None = None
    """the app it was made for, if any"""
    made: float = 0.0
    """epoch seconds; 0 for those a customer began with"""

    @property
    def rate_key(self) -> str:
        """Whose calls count together: Lofty limits the app, not the customer."""
        return f"app {self.client_id}" if self.client_id else self.token

    def is_dead(self, now: float) -> bool:
        return self.revoked or (self.expires_at is not None and self.expires_at <= now)


@dataclass(frozen=True)
class Customer:
    slug: str
    name: str
    agent_id: int
    settings: Settings | None
    options: Options
    me: Mapping[str, object]
    org: Mapping[str, object]
    ponds: list[dict[str, object]]
    pipelines: list[dict[str, object]]
    quota: Mapping[str, object]
    members: list[dict[str, object]] = field(default_factory=list)
    credentials: tuple[Credential, ...] = ()


@dataclass(frozen=True)
class Profile:
    """A customer without its directory: what most requests need."""

    slug: str
    name: str
    agent_id: int
    has_agent: bool
    options: Options
    members: int


class Store:
    def __init__(self, path: Path) -> None:
        """Open or make the file. Raises WrongVersionError, sqlite3.Error."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._prepare(path)

    def _prepare(self, path: Path) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            self._run_script(SCHEMA + SHOWN)
        elif version == 1:
            self._run_script(SHOWN)
        elif version != VERSION:
            self._db.close()
            raise WrongVersionError(
                f"{path} was made by another version of the practice Lofty. "
                "Nothing was changed. Delete the file or name another one."
            )

    def _run_script(self, sql: str) -> None:
        self._db.executescript(f"BEGIN; {sql} PRAGMA user_version={VERSION}; COMMIT;")

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Alone with the data until the block ends; kept only if it ends well."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> sqlite3.Row | None:
        rows = self.rows(sql, *values)
        return rows[0] if rows else None

    def clear(self) -> None:
        with self.transaction() as db:
            for table in TABLES:
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - names from the tuple above

    # Customers

    def add_customer(self, customer: Customer) -> None:
        """Raises TakenError, and then adds nothing."""
        try:
            with self.transaction() as db:
                db.execute(
                    "INSERT INTO customers VALUES (?,?,?,?,?,?,?,?,?,?,?)", _to_row(customer)
                )
                db.executemany("INSERT INTO members VALUES (?,?,?,?)", _to_member_rows(customer))
                for credential in customer.credentials:
                    insert_credential(db, credential)
        except sqlite3.IntegrityError:
            raise TakenError(f"The slug {customer.slug} or one of its tokens is in use.") from None

    def slugs(self) -> list[str]:
        return [row["slug"] for row in self.rows("SELECT slug FROM customers ORDER BY rowid")]

    def profile(self, slug: str) -> Profile:
        """Raises UnknownCustomerError."""
        row = self.row(
            "SELECT slug, name, agent_id, settings IS NOT NULL AS has_agent, options, members"
            " FROM customers WHERE slug = ?",
            slug,
        )
        if row is None:
            raise UnknownCustomerError(slug)
        return Profile(
            slug=row["slug"],
            name=row["name"],
            agent_id=row["agent_id"],
            has_agent=bool(row["has_agent"]),
            options=Options(**json.loads(row["options"])),
            members=row["members"],
        )

    def document(self, slug: str, name: Document) -> str:
        """JSON text, as it is to be sent."""
        row = self.row(
            f"SELECT {name} AS body FROM customers WHERE slug = ?",  # noqa: S608 - a Literal
            slug,
        )
        if row is None:
            raise UnknownCustomerError(slug)
        return str(row["body"])

    def read(self, slug: str, name: Literal["me", "quota"]) -> dict[str, object]:
        return dict(json.loads(self.document(slug, name)))

    def pipelines(self, slug: str) -> list[dict[str, object]]:
        return list(json.loads(self.document(slug, "pipelines")))

    def set_options(self, slug: str, options: Options) -> None:
        with self.transaction() as db:
            values = (json.dumps(vars(options)), slug)
            db.execute("UPDATE customers SET options = ? WHERE slug = ?", values)

    def members(
        self, slug: str, offset: int, limit: int, groups: Iterable[int] = ()
    ) -> tuple[int, list[str]]:
        """How many there are in these offices (in all, if none is named), and a page as JSON."""
        wanted = json.dumps(list(groups))
        if wanted == "[]":
            page = self.rows(
                "SELECT body FROM members WHERE slug = ? AND position >= ? AND position < ?"
                " ORDER BY position",
                *(slug, offset, offset + limit),
            )
            return self.profile(slug).members, [row["body"] for row in page]
        found = self.rows(
            "SELECT body FROM members WHERE slug = ?"
            " AND group_id IN (SELECT value FROM json_each(?)) ORDER BY position",
            *(slug, wanted),
        )
        return len(found), [row["body"] for row in found[offset : offset + limit]]

    # Settings

    def settings(self, slug: str) -> Settings | None:
        """What is in force now, with the PUTs that fell due; None without a Sales Agent."""
        self._apply_due(slug)
        row = self.row("SELECT settings FROM customers WHERE slug = ?", slug)
        if row is None:
            raise UnknownCustomerError(slug)
        return None if row["settings"] is None else json.loads(row["settings"])

    def shown_settings(self, slug: str) -> Settings | None:
        """Return what a GET shows: the settings in force, unless reads are frozen."""
        row = self.row("SELECT settings FROM shown WHERE slug = ? AND until > ?", slug, time.time())
        if row is None:
            return self.settings(slug)
        return None if row["settings"] is None else json.loads(row["settings"])

    def freeze_reads(self, slug: str, seconds: float) -> None:
        """Let GETs show for `seconds` what they show now, whatever is applied meanwhile."""
        with self.transaction() as db:
            settings = self.shown_settings(slug)
            body = None if settings is None else json.dumps(settings)
            values = (slug, body, time.time() + seconds)
            db.execute("INSERT OR REPLACE INTO shown VALUES (?,?,?)", values)

    def change_settings(
        self, slug: str, changes: Settings | None, removed: Iterable[str] = ()
    ) -> None:
        """Merge `changes` behind the console's back; None takes the Sales Agent away."""
        with self.transaction() as db:
            self._apply_due_in(db, slug)
            if changes is None:
                _write_settings(db, slug, None)
                return
            settings = self.settings(slug) or {"id": self.profile(slug).agent_id}
            dropped = set(removed)
            merged = {**settings, **changes}
            _write_settings(db, slug, {k: v for k, v in merged.items() if k not in dropped})

    # PUTs

    def record_put(self, slug: str, path: str, headers: Mapping[str, str], body: bytes) -> int:
        """Its number. On the disk when this returns."""
        with self.transaction() as db:
            cursor = db.execute(
                "INSERT INTO puts (slug, received_at, path, headers, body) VALUES (?,?,?,?,?)",
                (slug, time.time(), path, json.dumps(dict(headers)), body),
            )
            return int(cursor.lastrowid or 0)

    def apply_put(self, put_id: int, delay: float) -> None:
        """Let an accepted PUT take effect now, or `delay` seconds from now."""
        with self.transaction() as db:
            if delay > 0:
                values = (time.time() + delay, put_id)
                db.execute("UPDATE puts SET due_at = ? WHERE id = ?", values)
                return
            put = db.execute("SELECT * FROM puts WHERE id = ?", (put_id,)).fetchone()
            self._apply_due_in(db, put["slug"])
            _apply(db, put)

    def answered_put(self, put_id: int, status: int | None) -> None:
        """The status its client was sent; None if it was to get no answer."""
        with self.transaction() as db:
            db.execute("UPDATE puts SET status = ? WHERE id = ?", (status, put_id))

    def puts(self, slug: str, newest: int | None = None) -> list[dict[str, object]]:
        """Return the PUTs in the order received; only the `newest`, if given."""
        self._apply_due(slug)
        limit = -1 if newest is None else newest
        rows = self.rows("SELECT * FROM puts WHERE slug = ? ORDER BY id DESC LIMIT ?", slug, limit)
        return [_describe_put(row) for row in reversed(rows)]

    def count_puts(self, slug: str) -> int:
        row = self.row("SELECT count(*) AS n FROM puts WHERE slug = ?", slug)
        return int(row["n"]) if row else 0

    def _apply_due(self, slug: str) -> None:
        if self._due(slug):
            with self.transaction() as db:
                self._apply_due_in(db, slug)

    def _apply_due_in(self, db: sqlite3.Connection, slug: str) -> None:
        for put in self._due(slug):
            _apply(db, put)

    def _due(self, slug: str) -> list[sqlite3.Row]:
        return self.rows(
            "SELECT * FROM puts WHERE slug = ? AND applied_at IS NULL AND due_at <= ?"
            " ORDER BY due_at, id",
            *(slug, time.time()),
        )

    # Credentials

    def credential(self, token: str) -> Credential | None:
        row = self.row("SELECT * FROM credentials WHERE token = ?", token)
        return None if row is None else _to_credential(row)

    def credentials(self, slug: str) -> list[Credential]:
        rows = self.rows("SELECT * FROM credentials WHERE slug = ? ORDER BY made, token", slug)
        return [_to_credential(row) for row in rows]

    def save_credential(self, credential: Credential) -> None:
        """Add it, or replace the one with the same token."""
        with self.transaction() as db:
            db.execute("DELETE FROM credentials WHERE token = ?", (credential.token,))
            insert_credential(db, credential)

    def revoke_all(self, slug: str) -> None:
        """Every token and every grant of the customer."""
        with self.transaction() as db:
            db.execute("UPDATE credentials SET revoked = 1 WHERE slug = ?", (slug,))
            db.execute("UPDATE grants SET used = 1 WHERE slug = ?", (slug,))

    # Faults

    def add_fault(self, slug: str, fault: Fault) -> int:
        """Raises UnknownCustomerError."""
        self.profile(slug)
        with self.transaction() as db:
            cursor = db.execute(
                "INSERT INTO faults (slug, kind, method, path, times, parameters)"
                " VALUES (?,?,?,?,?,?)",
                (slug, fault.kind, fault.on, fault.path, fault.times, json.dumps(fault.parameters)),
            )
            return int(cursor.lastrowid or 0)

    def faults(self, slug: str) -> list[Fault]:
        return [
            _to_fault(row)
            for row in self.rows("SELECT * FROM faults WHERE slug = ? ORDER BY id", slug)
        ]

    def take_faults(self, slug: str, method: str, path: str) -> tuple[list[Fault], Fault | None]:
        """The faults that act on this request, used up by one: those that pass, one that ends."""
        if not self.faults(slug):
            return [], None
        with self.transaction() as db:
            passing, ending = faults.choose(self.faults(slug), method, path)
            for fault in (*passing, *([ending] if ending else [])):
                db.execute("UPDATE faults SET times = times - 1 WHERE id = ?", (fault.id,))
            db.execute("DELETE FROM faults WHERE slug = ? AND times <= 0", (slug,))
            return passing, ending

    def remove_faults(self, slug: str, fault_id: int | None = None) -> int:
        """One fault or all of the customer's; how many were removed."""
        with self.transaction() as db:
            cursor = db.execute(
                "DELETE FROM faults WHERE slug = ? AND id = coalesce(?, id)", (slug, fault_id)
            )
            return cursor.rowcount


def insert_credential(db: sqlite3.Connection, credential: Credential) -> None:
    db.execute(
        "INSERT INTO credentials VALUES (?,?,?,?,?,?,?,?,?)",
        (
            credential.token,
            credential.slug,
            credential.scheme,
            credential.rate_limit,
            None if credential.scopes is None else json.dumps(credential.scopes),
            credential.expires_at,
            credential.revoked,
            credential.client_id,
            credential.made,
        ),
    )


def in_utc(epoch: float | None) -> str | None:
    return None if epoch is None else datetime.fromtimestamp(epoch, UTC).isoformat()


def _to_row(customer: Customer) -> tuple[object, ...]:
    return (
        customer.slug,
        customer.name,
        customer.agent_id,
        None if customer.settings is None else json.dumps(customer.settings),
        json.dumps(vars(customer.options)),
        *(
            json.dumps(document, ensure_ascii=False)
            for document in (
                customer.me,
                customer.org,
                customer.ponds,
                customer.pipelines,
                customer.quota,
            )
        ),
        len(customer.members),
    )


def _to_member_rows(customer: Customer) -> Iterator[tuple[object, ...]]:
    for position, member in enumerate(customer.members):
        body = json.dumps(member, ensure_ascii=False)
        yield customer.slug, position, member.get("groupId"), body


def _to_credential(row: sqlite3.Row) -> Credential:
    return Credential(
        token=row["token"],
        slug=row["slug"],
        scheme=row["scheme"],
        rate_limit=row["rate_limit"],
        scopes=None if row["scopes"] is None else tuple(json.loads(row["scopes"])),
        expires_at=row["expires_at"],
        revoked=bool(row["revoked"]),
        client_id=row["client_id"],
        made=row["made"],
    )


def _to_fault(row: sqlite3.Row) -> Fault:
    return Fault(
        kind=row["kind"],
        on=row["method"],
        path=row["path"],
        times=row["times"],
        parameters=json.loads(row["parameters"]),
        id=row["id"],
    )


def _write_settings(db: sqlite3.Connection, slug: str, settings: Settings | None) -> None:
    body = None if settings is None else json.dumps(settings)
    db.execute("UPDATE customers SET settings = ? WHERE slug = ?", (body, slug))


def _apply(db: sqlite3.Connection, put: sqlite3.Row) -> None:
    """Lay the body of an accepted PUT over the settings; nothing if the agent is gone by now."""
    row = db.execute(
        "SELECT settings, options FROM customers WHERE slug = ?", (put["slug"],)
    ).fetchone()
    body = read_json(put["body"])
    if row["settings"] is not None and isinstance(body, dict):
        omitted = Options(**json.loads(row["options"])).omitted
        _write_settings(db, put["slug"], rules.merge(json.loads(row["settings"]), body, omitted))
    db.execute("UPDATE puts SET applied_at = ? WHERE id = ?", (time.time(), put["id"]))


def _describe_put(row: sqlite3.Row) -> dict[str, object]:
    """`body` is the JSON value received, null if it was none; `raw` always holds the text."""
    return {
        "id": row["id"],
        "received_at": in_utc(row["received_at"]),
        "path": row["path"],
        "headers": json.loads(row["headers"]),
        "body": _try_json(row["body"]),
        "raw": row["body"].decode("utf-8", "backslashreplace"),
        "status": row["status"],
        "applied": row["applied_at"] is not None,
        "applied_at": in_utc(row["applied_at"]),
        "due_at": in_utc(row["due_at"]),
    }


def _try_json(body: bytes) -> object:
    try:
        return read_json(body)
    except ValueError:
        return None
