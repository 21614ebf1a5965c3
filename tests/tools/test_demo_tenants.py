"""Running `make demo` again keeps what users did in the demo."""

import json

import pytest

from lofty_admin.accounts.models import User
from lofty_admin.accounts.services import deactivate_person
from lofty_admin.audit.models import AuditEvent
from lofty_admin.tenants.models import Membership, Tenant
from lofty_admin.tenants.services import archive_tenant
from tests.support.users import PASSWORD
from tools.demo_tenants import add_users_and_tenants
from tools.practice_lofty.server import Sandbox

SIGN_INS = [
    ("admin@demo.example", "Ada Admin", "superuser"),
    ("manager@demo.example", "Mia Manager", "manager"),
    ("editor@demo.example", "Emil Editor", "editor"),
    ("viewer@demo.example", "Vera Viewer", "viewer"),
]


@pytest.fixture
def started(practice: Sandbox, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_SIGN_INS", json.dumps(SIGN_INS))
    monkeypatch.setenv("DEMO_PASSWORD", PASSWORD)
    add_users_and_tenants()
    assert Membership.objects.count() == 3 * Tenant.objects.count() > 3


def start_again() -> int:
    """How many events that wrote."""
    before = AuditEvent.objects.count()
    add_users_and_tenants()
    return AuditEvent.objects.count() - before


def test_again__writes_nothing(started: None) -> None:
    assert start_again() == 0


def test_archived_without_members__starts(started: None) -> None:
    tenant = Tenant.objects.order_by("slug")[0]
    Membership.objects.filter(tenant=tenant).delete()
    archive_tenant(tenant)
    assert start_again() == 0
    assert not Membership.objects.filter(tenant=tenant).exists()


def test_members_removed_or_own_tenant_added__none_are_given(started: None) -> None:
    tenant = Tenant.objects.order_by("slug")[1]
    Membership.objects.filter(tenant=tenant).delete()
    Tenant.objects.create(slug="mine", name="My own")
    assert start_again() == 0
    assert not Membership.objects.filter(tenant__slug__in=["mine", tenant.slug]).exists()


def test_short_name_changed__is_not_added_twice(started: None) -> None:
    count = Tenant.objects.count()
    Tenant.objects.filter(pk=Tenant.objects.order_by("slug")[0].pk).update(slug="renamed")
    assert start_again() == 0
    assert Tenant.objects.count() == count


def test_person_deactivated__stays_so(started: None) -> None:
    person = User.objects.get(email="editor@demo.example")
    deactivate_person(person)
    assert start_again() == 0
    person.refresh_from_db()
    assert not person.is_active
