"""Deleting rows removes nothing from the history."""

from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models
from django.db.models import ProtectedError

from lofty_admin.audit.models import AuditCheckpoint, AuditEvent, AuditHead
from lofty_admin.audit.proof.checkpoints import make
from lofty_admin.audit.proof.verify import Verification
from tests.support.audit_log import sign_here
from tests.support.event_drives import COMMANDS, PAGES, Scene

KEPT: tuple[type[models.Model], ...] = (AuditEvent, AuditHead, AuditCheckpoint)
HISTORY = (
    *(
        "tenants:edit",
        "tenants:connection_test",
        "tenants:connection_replace",
        "tenants:members",
        "tenants:member_role",
    ),
    *("directory:refresh", "directory:name_source", "agentsettings:apply"),
)


def kept_rows() -> list[dict[str, Any]]:
    return [row for model in KEPT for row in model._default_manager.order_by("pk").values()]


def our_models() -> list[type[models.Model]]:
    """Everything a person or program could delete: all but the log itself."""
    found = apps.get_models()
    return [m for m in found if m.__module__.startswith("lofty_admin.") and m not in KEPT]


def delete_all() -> None:
    """Row after row; what others still hold on to waits for its turn."""
    waiting = our_models()
    while waiting:
        left = [model for model in waiting if not delete_rows(model)]
        assert len(left) < len(waiting), f"cannot be deleted: {left}"
        waiting = left


def delete_rows(model: type[models.Model]) -> bool:
    for row in model._default_manager.all():
        try:
            row.delete()
        except ProtectedError:
            return False
    return True


@pytest.mark.django_db(transaction=True)
def test_events__everything_with_history_deleted__byte_identical(scene: Scene) -> None:
    for name in HISTORY:
        for drive, _ in PAGES[name]:
            drive(scene)
    COMMANDS["person deactivate"][0](scene)
    sign_here(scene.settings)
    make()
    before = kept_rows()
    assert {row.get("tenant_slug") for row in before} >= {"acme", ""}
    filled = {model for model in our_models() if model._default_manager.exists()}
    delete_all()
    assert len(filled) > 7
    assert not any(model._default_manager.exists() for model in our_models())
    assert kept_rows() == before
    assert list(Verification().findings()) == []


def test_audit_tables__foreign_keys__none_in_either_direction(db: None) -> None:
    tables = [model._meta.db_table for model in apps.get_app_config("audit").get_models()]
    assert len(tables) >= len(KEPT)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'f' AND"
            " (conrelid = ANY(%(tables)s::regclass[]) OR confrelid = ANY(%(tables)s::regclass[]))",
            {"tables": tables},
        )
        assert cursor.fetchall() == []


def test_audit_models__relations__none_in_either_direction() -> None:
    for model in apps.get_app_config("audit").get_models():
        assert [field for field in model._meta.get_fields() if field.is_relation] == []
