"""A practice Lofty of each test's own, spoken to over a real socket."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.practice_caller import Caller
from tools.practice_lofty.server import Sandbox


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path / "practice.sqlite3") as running:
        yield running


@pytest.fixture
def caller(sandbox: Sandbox) -> Caller:
    return Caller(sandbox.port)


@pytest.fixture
def acme(caller: Caller) -> dict[str, Any]:
    """One customer with a Sales Agent, an OAuth token and no limit to speak of."""
    return caller.customer(members=30, offices=4)


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """With the practice customers; shared, so no test may change them."""
    path = tmp_path_factory.mktemp("seeded") / "practice.sqlite3"
    with Sandbox(path, seeded=True) as running:
        yield running
