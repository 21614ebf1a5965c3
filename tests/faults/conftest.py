"""One deployment for all tests of this folder; each module has tenants of its own."""

from collections.abc import Iterator

import pytest

from tests.support.deployment import Deployment
from tests.support.http_browser import Browser
from tests.support.practice_customer import PracticeCustomer

ROOT_EMAIL = "root@example.com"
SIGN_IN_AGAIN_AFTER = 300  # seconds


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The console runs; the worker does not."""
    folder = tmp_path_factory.mktemp("faults") / "deployment"
    # Rosa has seven saves waiting at once: enough threads that she may. A single test of many
    # rounds may take longer than a sign-in counts as proof by default.
    with Deployment(folder, REAUTHENTICATE_MINUTES="120", WEB_THREADS="48") as running:
        running.add_person(ROOT_EMAIL, name="Rosa Root", superuser=True)
        running.console.start()
        yield running


@pytest.fixture(scope="session")
def shared_browser(deployment: Deployment) -> Browser:
    """Rosa's, signed in."""
    return Browser(deployment.console.url).sign_in(ROOT_EMAIL)


@pytest.fixture(scope="module")
def module_browser(shared_browser: Browser) -> Browser:
    """The same one, signed in when the module begins, for fixtures of a module."""
    return shared_browser.sign_in(ROOT_EMAIL)


@pytest.fixture
def browser(shared_browser: Browser) -> Browser:
    """Rosa's, signed in lately: these tests take longer than a sign-in counts as proof."""
    if shared_browser.signed_in_for > SIGN_IN_AGAIN_AFTER:
        shared_browser.sign_in(ROOT_EMAIL)
    return shared_browser


@pytest.fixture(scope="module")
def customer(deployment: Deployment, request: pytest.FixtureRequest) -> PracticeCustomer:
    """Of the module's own tenant, which each test leaves without a change in flight."""
    name = request.module.__name__.rpartition(".test_")[2]
    return deployment.add_tenant(name.replace("_", "-"))
