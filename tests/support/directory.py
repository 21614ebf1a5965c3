"""Acme's directory: what Lofty lists, and what was synced."""

import json
import time
from collections.abc import Callable

from lofty_admin.directory.models import EntryKind, Sync
from lofty_admin.directory.names import search
from lofty_admin.directory.sync import advance, open_sync
from lofty_admin.tenants.models import Tenant
from tests.support.practice_customer import PracticeCustomer
from tools.practice_lofty.server import Sandbox

Connect = Callable[..., PracticeCustomer]


NO_END = float("inf")


def synced(tenant: Tenant) -> Sync:
    """A whole sync, here and now, or as far as it gets."""
    sync = open_sync(tenant)
    advance(sync.pk, seconds=NO_END)
    sync.refresh_from_db()
    return sync


def found(tenant: Tenant, text: str, kind: EntryKind = EntryKind.AGENT) -> list[str]:
    return [name.name for name in search(tenant, kind, text)]


def calls_made(customer: PracticeCustomer) -> int:
    """In the present minute."""
    return sum(token["rate_limit"] - token["rate_remaining"] for token in customer.look()["tokens"])


def set_members(practice: Sandbox, slug: str, rows: list[dict[str, object]]) -> None:
    """What Lofty lists from now on."""
    bodies = [(slug, place, row.get("groupId"), json.dumps(row)) for place, row in enumerate(rows)]
    with practice.store.transaction() as db:
        db.execute("DELETE FROM members WHERE slug = ?", (slug,))
        db.executemany("INSERT INTO members VALUES (?,?,?,?)", bodies)
        db.execute("UPDATE customers SET members = ? WHERE slug = ?", (len(rows), slug))


def get_members(practice: Sandbox, slug: str) -> list[dict[str, object]]:
    rows = practice.store.rows("SELECT body FROM members WHERE slug = ? ORDER BY position", slug)
    return [json.loads(row["body"]) for row in rows]


def remove_ponds_and_pipelines(practice: Sandbox, slug: str) -> None:
    with practice.store.transaction() as db:
        db.execute("UPDATE customers SET ponds = '[]', pipelines = '[]' WHERE slug = ?", (slug,))


def wait_for(happened: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
