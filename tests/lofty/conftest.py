"""Fixtures: certificates, and a hostile server spoken to in plain text and over TLS."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from lofty_admin.lofty.endpoint import Endpoint
from tests.support.hostile_server import Behaviour, Certificates, HostileServer, Served, endpoint_of


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def serve(certificates: Certificates) -> Iterator[Served]:
    """serve(behaviour, tls=False, **limits) -> (server, endpoint); all end with the test."""
    with ExitStack() as stack:

        def start(
            behave: Behaviour, tls: bool = False, **limits: float
        ) -> tuple[HostileServer, Endpoint]:
            context = certificates.server if tls else None
            server = stack.enter_context(HostileServer(behave, context))
            return server, endpoint_of(server, certificates.ca_file if tls else None, **limits)

        yield start


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def tls(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)
