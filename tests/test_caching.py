"""No page stays in a browser's cache, and signing out clears what is there."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from lofty_admin.accounts import sessions
from lofty_admin.accounts.models import User
from tests.support.pages import hidden_fields
from tests.support.routes import addresses
from tests.support.second_factor import later
from tests.support.users import PASSWORD, signed_in

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("method", ["get", "post", "head", "delete"])
def test_every_address__signed_in_or_not__answer_is_not_stored(
    superuser: User, viewer: User, method: str
) -> None:
    for path, _ in addresses():
        for client in (signed_in(superuser), signed_in(viewer), Client()):
            client.raise_request_exception = False
            answer = getattr(client, method)(path)
            assert answer.headers["Cache-Control"] == "no-store", f"{method} {path}"


def sign_out(client: Client, user: User) -> Any:
    return client.post(reverse("account_logout"))


def sign_out_everywhere(client: Client, user: User) -> Any:
    return client.post(reverse("accounts:sessions_end"), {"all": "1", "confirmed": "1"})


def change_password(client: Client, user: User) -> Any:
    url = reverse("account_change_password")
    sent = dict(hidden_fields(client.get(url).content.decode(), url))
    new = dict.fromkeys(["password1", "password2"], "a much newer battery staple")
    return client.post(url, {**sent, **new, "oldpassword": PASSWORD})


def come_back_too_late(client: Client, user: User) -> Any:
    with later(13 * 3600):
        return client.get("/")


WAYS_OUT = [sign_out, sign_out_everywhere, change_password, come_back_too_late]


@pytest.mark.parametrize("way_out", WAYS_OUT)
def test_signed_out__in_any_way__browser_must_clear_its_pages(viewer: User, way_out: Any) -> None:
    client = signed_in(viewer)
    assert way_out(client, viewer)["Clear-Site-Data"] == '"cache"'
    assert client.get("/").status_code == 302


def test_signed_in__ordinary_page__clears_nothing(viewer: User) -> None:
    client = signed_in(viewer)
    for path in ("/", "/accounts/security/", "/nowhere/"):
        assert "Clear-Site-Data" not in client.get(path).headers
    assert sessions.in_words("nothing") == ""
