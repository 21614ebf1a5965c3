"""What the tests of the audit log share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from pytest_django import Settings

from lofty_admin.accounts.models import User
from lofty_admin.tenants.models import Tenant
from tests.support.documented_settings import EXAMPLE
from tests.support.event_drives import Scene
from tests.support.practice_customer import PracticeCustomer
from tests.support.settings_changes import connect
from tests.support.single_sign_on import provider
from tests.support.users import PASSWORD
from tools.practice_lofty.server import Sandbox

__all__ = ["other_session", "provider", "scene"]


@pytest.fixture
def other_session(transactional_db: None) -> Iterator[BaseDatabaseWrapper]:
    """A second session in the same database, like another process has."""
    other = connection.copy()
    yield other
    other.close()


@pytest.fixture
def scene(
    practice: Sandbox,
    settings: Settings,
    tmp_path: Path,
    acme: Tenant,
    superuser: User,
    viewer: User,
    outsider: User,
) -> Scene:
    editable = {name: value for name, value in EXAMPLE.items() if name != "id"}
    lofty = PracticeCustomer.add(practice.url, "acme", settings=editable)
    connect(acme, lofty.token)
    cache.clear()  # tries at signing in that other tests have used up
    client = Client()
    assert client.login(email=superuser.email, password=PASSWORD)
    return Scene(client, acme, lofty, superuser, viewer, outsider, settings, tmp_path)
