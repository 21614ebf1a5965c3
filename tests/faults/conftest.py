"""One deployment for all tests of this folder; each module has tenants of its own."""

import os
from collections.abc import Iterator

import pytest

from tests.deployment import Deployment
from tests.faults.browser import Browser
from tests.practice import PracticeCustomer

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "1"))
ROOT_EMAIL = "root@example.com"


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The console runs; the worker does not."""
    with Deployment(tmp_path_factory.mktemp("faults") / "deployment") as running:
        running.add_person(ROOT_EMAIL, name="Rosa Root", superuser=True)
        running.console.start()
        yield running


@pytest.fixture(scope="session")
def browser(deployment: Deployment) -> Browser:
    """Rosa's, signed in."""
    return Browser(deployment.console.url).sign_in(ROOT_EMAIL)


@pytest.fixture(scope="module")
def customer(deployment: Deployment, request: pytest.FixtureRequest) -> PracticeCustomer:
    """Of the module's own tenant, which each test leaves without a change in flight."""
    name = request.module.__name__.rpartition(".test_")[2]
    return deployment.add_tenant(name.replace("_", "-"))
