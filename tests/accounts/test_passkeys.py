"""Unusable passkey data from a browser is refused and recorded, never an error page."""

import json

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from lofty_admin.accounts.models import User
from tests.support.passkey_device import RUBBISH
from tests.support.second_factor import give_app
from tests.support.sign_in import is_signed_in, kinds, sign_in
from tests.support.users import signed_in


@pytest.fixture(autouse=True)
def fresh_throttle(db: None) -> None:
    cache.clear()


@pytest.mark.parametrize("sent", RUBBISH)
def test_sign_in__garbage_for_a_passkey__refused(viewer: User, sent: str) -> None:
    client = Client()
    client.get(reverse("mfa_login_webauthn"), headers={"Accept": "application/json"})
    answer = client.post(reverse("mfa_login_webauthn"), {"credential": sent})
    assert answer.headers["Location"] == reverse("account_login")
    assert not is_signed_in(client)


@pytest.mark.parametrize("sent", RUBBISH)
def test_second_factor__garbage_for_a_passkey__refused(viewer: User, sent: str) -> None:
    give_app(viewer)
    client = Client()
    sign_in(client, viewer.email)
    client.get(reverse("mfa_authenticate"))
    assert client.post(reverse("mfa_authenticate"), {"credential": sent}).status_code == 200
    assert not is_signed_in(client)


@pytest.mark.parametrize("sent", RUBBISH)
def test_set_up__garbage_for_a_passkey__nothing_is_set_up(viewer: User, sent: str) -> None:
    client = signed_in(viewer)
    client.get(reverse("mfa_add_webauthn"))
    assert client.post(reverse("mfa_add_webauthn"), {"credential": sent}).status_code == 200
    assert not Authenticator.objects.exists()


def test_sign_in__passkey_that_does_not_work__recorded(viewer: User) -> None:
    client = Client()
    client.get(reverse("mfa_login_webauthn"), headers={"Accept": "application/json"})
    client.post(reverse("mfa_login_webauthn"), {"credential": RUBBISH[-1]})
    assert kinds() == ["session.sign_in_failed"]


def test_set_up__asks_the_device_to_know_its_person(viewer: User) -> None:
    html = signed_in(viewer).get(reverse("mfa_add_webauthn")).content.decode()
    options = json.loads(
        html.split('id="passkey-options" type="application/json">')[1].split("<")[0]
    )
    chosen = options["publicKey"]["authenticatorSelection"]
    assert (chosen["residentKey"], chosen["userVerification"]) == ("required", "required")


def test_sign_in__many_bad_tries_from_one_address__lock_out_no_one_there(db: None) -> None:
    """A passkey cannot be guessed, and others have the same address."""
    client = Client()
    answers = [client.post(reverse("mfa_login_webauthn"), {"credential": "{}"}) for _ in range(30)]
    assert {answer.status_code for answer in answers} == {302}
