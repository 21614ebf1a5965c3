"""Single sign-on against an identity provider on loopback."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from lofty_admin.accounts import sso
from lofty_admin.accounts.models import User
from lofty_admin.core.environment import SingleSignOn
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider


@pytest.fixture
def provider(db: None, settings: Settings, viewer: User) -> Iterator[IdentityProvider]:
    """Says that whoever signs in is the viewer, with a verified address and in the right group."""
    cache.clear()
    sso.forget_answers()
    with IdentityProvider() as running:
        settings.SINGLE_SIGN_ON = SingleSignOn(
            issuer=running.issuer,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            allowed_groups=frozenset({"console-users", "console-admins"}),
            groups_claim="groups",
        )
        running.claims = {
            "sub": "subject-1",
            "email": viewer.email,
            "email_verified": True,
            "groups": ["all-staff", "console-users"],
        }
        yield running


def start(client: Client, **query: str) -> str:
    """The provider's address to which the console sends the browser."""
    answer = client.get(reverse("accounts:sso_login"), query)
    assert answer.status_code == 302
    return answer.headers["Location"]


def come_back(client: Client, query: dict[str, str]) -> Any:
    return client.get(reverse("accounts:sso_callback"), query)


def sign_in_there(provider: IdentityProvider, client: Client | None = None) -> Client:
    client = client or Client()
    come_back(client, provider.authorise(start(client)))
    return client
