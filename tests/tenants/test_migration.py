"""A database of the version before connections were split: it migrates, opens, and verifies."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.apps.registry import Apps
from django.db import connection as database
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from lofty_admin.accounts.models import User
from lofty_admin.agentsettings.models import Draft
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import TenantRef, record
from lofty_admin.audit.log.secrets import secret_fingerprint
from lofty_admin.core import vault
from lofty_admin.history.models import Export, ExportState
from lofty_admin.tenants.credentials.secrets import open_newest
from lofty_admin.tenants.models import Connection
from tests.support.audit_log import run
from tests.support.lofty_users import TOKEN
from tests.support.users import make_user

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = [
    ("tenants", "0008_folded_names"),
    ("history", "0003_export_revoked"),
    ("fleet", "0003_names_are_meant"),
    ("directory", "0004_refold"),
]
NOW = timezone.now()
HEALTH: dict[str, Any] = {
    "status": "scope_missing",
    "note": "The permission is missing.",
    "since": NOW - timedelta(hours=3),
    "checked_at": NOW - timedelta(hours=1),
    "found_agent_id": 77,
    "last_good_at": NOW - timedelta(days=1),
    "failing_since": None,
    "last_failure_at": NOW - timedelta(hours=1),
    "last_failure": "The permission is missing.",
}
REFRESH: dict[str, Any] = {
    "refreshed_at": NOW - timedelta(hours=2),
    "fence": 5,
    "lease_until": NOW,
    "not_before": NOW + timedelta(minutes=1),
    "failures": 3,
    "problem": "Lofty was down.",
    "authorise_again_since": None,
}
LIMIT: dict[str, Any] = {"limit": 10, "remaining": 7, "resets_at": NOW, "claimed_until": NOW}
NAMES_BEFORE = {
    "status": "health",
    "note": "health_note",
    "since": "health_since",
    "refreshed_at": "renewed_at",
    **{name: f"renewal_{name}" for name in ("fence", "lease_until", "not_before")},
    **{name: f"renewal_{name}" for name in ("failures", "problem")},
    **{name: f"budget_{name}" for name in ("limit", "remaining", "claimed_until")},
    "resets_at": "budget_reset_at",
}


@pytest.fixture
def earlier() -> Iterator[Apps]:
    """The models of the version before, with its tables; the newest tables at the end."""
    MigrationExecutor(database).migrate(BEFORE)
    try:
        yield MigrationExecutor(database).loader.project_state(BEFORE).apps
    finally:
        to_newest()


def to_newest() -> None:
    executor = MigrationExecutor(database)
    executor.migrate(executor.loader.graph.leaf_nodes())


def store(earlier: Apps) -> Any:
    """A tenant with a token as that version stored and recorded it."""
    tenant = earlier.get_model("tenants", "Tenant").objects.create(slug="acme", name="Acme")
    parts = {
        NAMES_BEFORE.get(name, name): value for name, value in (HEALTH | REFRESH | LIMIT).items()
    }
    row = earlier.get_model("tenants", "Credential")(
        tenant=tenant, kind="connection", scheme="oauth", version=4, **parts
    )
    row.fingerprint = secret_fingerprint(TOKEN)
    for column in ("sealed", "sealed_refresh"):
        place = {"table": "tenants_credential", "column": column, "owner": row.id}
        setattr(row, column, vault.seal(f"{TOKEN} {column}", version=4, **place))
    row.save()
    record(
        Kind.CREDENTIAL_RENEWED,
        tenant=TenantRef(id=tenant.id, slug=tenant.slug, name=tenant.name),
        outcome=Outcome.DONE,
        before={"id": str(row.id), "version": 3, "fingerprint": row.fingerprint},
        after={"id": str(row.id), "version": 4, "fingerprint": row.fingerprint},
    )
    return tenant


def store_exports(earlier: Apps, user: User) -> None:
    """An export for each way to end, and one that runs."""
    exports = earlier.get_model("history", "Export").objects
    ended = {"user_id": user.pk, "format": "csv", "up_to": 9, "ended_at": NOW}
    for outcome in ("done", "broken_off", "revoked"):
        exports.create(outcome=outcome, **ended)
    exports.create(**{**ended, "ended_at": None})


# One test, because each way back and forth through the migrations takes seconds.
def test_migration__data_of_the_version_before__kept_opens_and_verifies(earlier: Apps) -> None:
    tenant, user = store(earlier), make_user("olivia@example.com", "Olivia Owner")
    Draft.objects.create(tenant_id=tenant.id, owner=user, base={}, read_at=NOW, wanted={"a": 1})
    store_exports(earlier, user)
    to_newest()
    connection = Connection.objects.get()
    for column in ("sealed", "sealed_refresh"):
        assert open_newest(connection, column) == f"{TOKEN} {column}"
    assert values_of(connection.health) == HEALTH
    assert values_of(connection.token_refresh) == REFRESH
    assert values_of(connection.rate_limit) == LIMIT
    assert str(Draft.objects.get().tenant) == "Acme"
    assert list(Export.objects.order_by("pk").values_list("state", "finished_at")) == [
        (ExportState.DONE, NOW),
        (ExportState.BROKEN_OFF, NOW),
        (ExportState.REVOKED, NOW),
        (ExportState.RUNNING, None),
    ]
    code, told = run("audit_verify")
    assert (code, "consistent" in told) == (2, True), told  # 2: there is no anchor to compare with


def values_of(part: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(part).items() if name in HEALTH | REFRESH | LIMIT}
