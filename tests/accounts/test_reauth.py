"""Sensitive views ask for a recent sign-in or re-authentication."""

from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from lofty_admin.accounts.models import User
from lofty_admin.audit.models import AuditEvent
from tests.support.second_factor import code_at, give_app, give_code, later
from tests.support.sign_in import WRONG, sign_in
from tests.support.users import PASSWORD

LATER = 16 * 60  # a quarter of an hour is the default
APP = "mfa_activate_totp"


@pytest.fixture(autouse=True)
def fresh_throttle(db: None) -> None:
    cache.clear()


def opened(user: User) -> Client:
    client = Client()
    sign_in(client, user.email)
    return client


def test_reauth__just_signed_in__not_asked(viewer: User) -> None:
    assert opened(viewer).get(reverse(APP)).status_code == 200


def test_reauth__signed_in_a_while_ago__asked_and_returned_to_the_page(viewer: User) -> None:
    client = opened(viewer)
    with later(LATER):
        answer = client.get(reverse(APP))
        asked = urlsplit(answer.headers["Location"])
        assert asked.path == reverse("account_reauthenticate")
        assert parse_qs(asked.query) == {"next": [reverse(APP)]}
        answer = client.post(asked.path, {"password": PASSWORD, "next": reverse(APP)})
        assert answer.headers["Location"] == reverse(APP)
        assert client.get(reverse(APP)).status_code == 200


def test_reauth__older_reauth__asked_again(viewer: User) -> None:
    client = opened(viewer)
    with later(LATER):
        client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
        assert client.get(reverse(APP)).status_code == 200
    with later(2 * LATER):
        assert client.get(reverse(APP)).status_code == 302


def test_reauth__wrong_password__still_asked_and_recorded(viewer: User) -> None:
    client = opened(viewer)
    with later(LATER):
        client.post(reverse("account_reauthenticate"), {"password": WRONG})
        assert client.get(reverse(APP)).status_code == 302
    event = AuditEvent.objects.get(kind="session.proof_failed")
    assert (event.actor_id, event.subject) == (str(viewer.pk), viewer.email)
    assert WRONG not in event.body


def test_reauth__user_with_an_app__password_is_not_enough(viewer: User) -> None:
    give_app(viewer)
    client = opened(viewer)
    give_code(client, code_at())
    url = reverse("mfa_add_webauthn")
    with later(LATER):
        asked = client.get(url).headers["Location"]
        assert asked.startswith(reverse("mfa_reauthenticate"))
        answer = client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
        assert answer.headers["Location"].startswith(reverse("mfa_reauthenticate"))
        assert client.get(url).status_code == 302
        client.post(reverse("mfa_reauthenticate"), {"code": code_at()})
        assert client.get(url).status_code == 200


def test_reauth__wrong_code__still_asked_and_recorded(viewer: User) -> None:
    give_app(viewer)
    client = opened(viewer)
    give_code(client, code_at())
    with later(LATER):
        client.post(reverse("mfa_reauthenticate"), {"code": "123456"})
        assert client.get(reverse("mfa_add_webauthn")).status_code == 302
    event = AuditEvent.objects.get(kind="session.proof_failed")
    assert event.actor_id == str(viewer.pk)


def test_reauth__code_used_to_sign_in__is_refused(viewer: User) -> None:
    give_app(viewer)
    client, code = opened(viewer), code_at()
    give_code(client, code)
    assert client.post(reverse("mfa_reauthenticate"), {"code": code}).status_code == 200


def test_reauth__many_wrong_passwords__throttled(viewer: User) -> None:
    client = opened(viewer)
    with later(LATER):
        for _ in range(6):
            client.post(reverse("account_reauthenticate"), {"password": WRONG})
        client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
        assert client.get(reverse(APP)).status_code == 302


def test_reauth__next_on_another_site__leads_home(viewer: User) -> None:
    client = opened(viewer)
    data = {"password": PASSWORD, "next": "https://evil.test/"}
    assert client.post(reverse("account_reauthenticate"), data).headers["Location"] == "/"


def test_reauth__needed_for_a_post__not_done_not_kept_and_the_page_says_so(viewer: User) -> None:
    client = opened(viewer)
    with later(LATER):
        answer = client.post(reverse(APP), {"code": "31415926"})
        assert parse_qs(urlsplit(answer.headers["Location"]).query) == {"next": [reverse(APP)]}
        assert "31415926" not in repr(dict(client.session))
        html = client.get(answer.headers["Location"]).content.decode()
    assert "Nothing was changed yet" in html


def test_reauth__needed_for_a_post_to_a_row__returns_to_its_page(viewer: User) -> None:
    url = reverse("accounts:step_remove", args=[give_app(viewer).pk])
    client = opened(viewer)
    give_code(client, code_at())
    with later(LATER):
        answer = client.post(url)
    assert parse_qs(urlsplit(answer.headers["Location"]).query) == {"next": [url]}
    assert Authenticator.objects.exists()


def test_reauth__needed_for_a_fragment__browser_opens_the_reauth_page(viewer: User) -> None:
    client = opened(viewer)
    with later(LATER):
        answer = client.get(reverse(APP), headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"].startswith(reverse("account_reauthenticate"))


def test_reauth__neither_password_nor_factor__asked_to_sign_in_again(viewer: User) -> None:
    viewer.set_unusable_password()
    viewer.save()
    client = Client()
    client.force_login(viewer)
    with later(LATER):
        asked = client.get(reverse(APP)).headers["Location"]
        assert asked.startswith(reverse("accounts:sign_in_again"))
        assert client.get(asked).status_code == 200
