"""The cast of three, on real PostgreSQL and a practice Lofty behind a real socket.

`owner` manages the tenant Acme, `viewer` may only look at it, `outsider` manages another tenant.
"""

import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings
from django.db import connections
from django.test import override_settings
from django.utils import translation
from pytest_django import Settings

from lofty_admin.accounts.models import User
from lofty_admin.tenants.credentials.call_limits import BREAKER
from lofty_admin.tenants.models import Membership, Role, Tenant
from tests.support.database_template import template
from tests.support.users import Browsers, make_user
from tools.practice_lofty.server import Sandbox

# The audit log refuses TRUNCATE, with which TransactionTestCase empties the database.
pytest_plugins = ["tests.support.database_flush", "tests.support.event_rules"]
# The machine is busy with other tests: how long an example takes says nothing.
hypothesis.settings.register_profile(
    "test", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile(
    "check", hypothesis.settings.get_profile("test"), max_examples=25
)
hypothesis.settings.load_profile("test")
BROWSER_TESTS = Path(__file__).parent / "browser"
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_setup"}


def pytest_configure() -> None:
    """End as after Ctrl-C on every signal that ends a program, so that fixtures stop what they
    started. `make test` starts one run in the background, for which a shell ignores Ctrl-C."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark tests by what they need. `make test` and `make check` choose by these marks.

    A test that starts real processes has a Deployment, or says so itself.
    """
    if BROWSER_TESTS in item.path.parents:
        return
    starts_console = hasattr(getattr(item, "module", None), "Deployment")
    if starts_console or item.get_closest_marker("faults"):
        item.add_marker("processes")
    elif not item.get_closest_marker("processes") and not _uses_database(item):
        item.add_marker("unit")
    if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
        item.add_marker("property")


def _uses_database(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(item.get_closest_marker("django_db") or fixtures & DATABASE_FIXTURES)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with what takes longest, so that no worker is left with a long file at the end.

    The browser's files stay together: they share a console and a Chromium.
    """
    sizes = Counter(item.path for item in items)
    items.sort(
        key=lambda item: (BROWSER_TESTS not in item.path.parents, -sizes[item.path], item.path)
    )


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """The tests' database is a copy of one that has all migrations."""
    connections.settings["default"]["TEST"]["TEMPLATE"] = template()


@pytest.fixture(autouse=True)
def in_english() -> None:
    """A test that asked for a page in another language leaves that language active."""
    translation.deactivate()


@pytest.fixture(autouse=True)
def calls_go_on() -> None:
    """Failures that one test provoked must not stop the calls of the next."""
    BREAKER.clear()


@pytest.fixture(scope="session", autouse=True)
def quick_and_plain() -> Iterator[None]:
    """No manifest: it exists only once static files have been collected. Passwords hash quickly."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with override_settings(
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        STORAGES={**settings.STORAGES, "staticfiles": plain},
        MIDDLEWARE=[name for name in settings.MIDDLEWARE if "whitenoise" not in name],
    ):
        yield


@pytest.fixture
def acme(db: None) -> Tenant:
    return Tenant.objects.create(slug="acme", name="Acme Realty")


@pytest.fixture
def globex(db: None) -> Tenant:
    return Tenant.objects.create(slug="globex", name="Globex Homes")


@pytest.fixture
def owner(acme: Tenant) -> User:
    user = make_user("owner@example.com", "Olivia Owner")
    Membership.objects.create(user=user, tenant=acme, role=Role.MANAGER)
    return user


@pytest.fixture
def editor(acme: Tenant) -> User:
    user = make_user("editor@example.com", "Eduardo Editor")
    Membership.objects.create(user=user, tenant=acme, role=Role.EDITOR)
    return user


@pytest.fixture
def viewer(acme: Tenant) -> User:
    user = make_user("viewer@example.com", "Victor Viewer")
    Membership.objects.create(user=user, tenant=acme, role=Role.VIEWER)
    return user


@pytest.fixture
def outsider(globex: Tenant) -> User:
    user = make_user("outsider@example.com", "Una Outsider")
    Membership.objects.create(user=user, tenant=globex, role=Role.MANAGER)
    return user


@pytest.fixture
def superuser(db: None) -> User:
    return make_user("root@example.com", "Rosa Root", superuser=True)


@pytest.fixture
def browsers(owner: User, viewer: User, outsider: User) -> Browsers:
    return Browsers(owner, viewer, outsider)


@pytest.fixture
def practice(tmp_path: Path, settings: Settings) -> Iterator[Sandbox]:
    """A practice Lofty of this test's own, to which the console's calls go."""
    with Sandbox(tmp_path / "practice.sqlite3") as sandbox:
        settings.ENVIRONMENT = replace(settings.ENVIRONMENT, lofty_base_url=sandbox.url)
        yield sandbox
