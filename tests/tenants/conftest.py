"""A practice Lofty that the console talks to, with three of its users."""

import dataclasses
import logging
from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.test import Client
from pytest_django import Settings

from lofty_admin.accounts.models import User
from lofty_admin.lofty.client import Scheme
from lofty_admin.tenants.credentials import token_store, token_verification
from lofty_admin.tenants.models import Connection, Tenant
from tests.support.lofty_users import NEXT_TOKEN, OTHER_TOKEN, TOKEN, Lofty, register_console
from tests.support.oauth_pages import go, text
from tests.support.users import signed_in
from tools.practice_lofty.server import Sandbox


@pytest.fixture
def lofty(practice: Sandbox, settings: LazySettings) -> Lofty:
    settings.ENVIRONMENT = dataclasses.replace(settings.ENVIRONMENT, lofty_base_url=practice.url)
    lofty = Lofty(practice.url)
    acme = {"slug": "acme", "name": "Acme", "scheme": "api_key", "token": TOKEN, "rate_limit": 60}
    lofty.control("POST", "customers", acme)
    second = {"token": NEXT_TOKEN, "scheme": "api_key", "rate_limit": 60}
    lofty.change("acme", tokens=[second])
    globex = {"slug": "globex", "name": "Globex", "scheme": "oauth", "token": OTHER_TOKEN}
    lofty.control("POST", "customers", globex)
    return lofty


@pytest.fixture
def app(lofty: Lofty, settings: Settings) -> Lofty:
    return register_console(lofty, settings)


@pytest.fixture
def connection(acme: Tenant, lofty: Lofty) -> Connection:
    """Acme's API key, checked and stored."""
    return token_store.set_connection(acme, token_verification.check_token(Scheme.API_KEY, TOKEN))


@pytest.fixture
def debug_log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Everything any logger says, at DEBUG."""
    with caplog.at_level(logging.DEBUG):
        yield caplog


@pytest.fixture
def browser(owner: User, app: Lofty) -> Client:
    """The owner's, in which a connection of Acme has been begun."""
    client = signed_in(owner)
    assert "Go to Lofty" in text(go(client, "tenants:connect"))
    return client
