"""Signing in and out, and the events that records."""

import pytest
from django.contrib.auth import authenticate
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from lofty_admin.accounts.models import User
from lofty_admin.audit.models import AuditEvent
from tests.support.sign_in import WRONG, is_signed_in, kinds, sign_in
from tests.support.users import PASSWORD, signed_in


@pytest.fixture(autouse=True)
def fresh_throttle(db: None) -> None:
    cache.clear()


def test_sign_in__right_password__signed_in_and_recorded(viewer: User) -> None:
    client = Client()
    assert sign_in(client, viewer.email) == 302
    assert is_signed_in(client)
    event = AuditEvent.objects.get(kind="session.signed_in")
    assert (event.actor_id, event.subject) == (str(viewer.pk), viewer.email)
    assert event.ip == "192.0.2.1"


def test_sign_in__capital_letters_in_email__signed_in(viewer: User) -> None:
    client = Client()
    sign_in(client, viewer.email.upper())
    assert is_signed_in(client)


def test_sign_in__wrong_password__refused_and_recorded(viewer: User) -> None:
    client = Client()
    answer = client.post(reverse("account_login"), {"login": viewer.email, "password": WRONG})
    assert not is_signed_in(client)
    assert kinds() == ["session.sign_in_failed"]
    assert WRONG not in answer.content.decode() + AuditEvent.objects.get().body


def test_sign_in__unknown_user__same_answer_as_wrong_password(viewer: User) -> None:
    texts = []
    for email in (viewer.email, "stranger@example.com"):
        data = {"login": email, "password": WRONG}
        html = Client().post(reverse("account_login"), data).content.decode()
        texts.append(html.split("alert alert")[1].split("</div>")[0])
    assert texts[0] == texts[1]


def test_sign_in__deactivated__refused_and_recorded(viewer: User) -> None:
    User.objects.update(is_active=False)
    client = Client()
    answer = client.post(
        reverse("account_login"), {"login": viewer.email, "password": PASSWORD}, follow=True
    )
    assert "deactivated" in answer.content.decode()
    assert not is_signed_in(client)
    assert kinds() == ["session.sign_in_failed"]


def test_deactivated__during_a_session__signed_out_at_the_next_request(viewer: User) -> None:
    client = signed_in(viewer)
    assert is_signed_in(client)
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    assert not is_signed_in(client)


def test_sign_in__session_key_chosen_by_attacker__not_adopted(viewer: User) -> None:
    client = Client()
    client.get(reverse("account_login"))
    client.cookies["console_session"] = "chosenbyattackerchosenbyattacker"
    sign_in(client, viewer.email)
    assert client.cookies["console_session"].value != "chosenbyattackerchosenbyattacker"
    assert not Session.objects.filter(pk="chosenbyattackerchosenbyattacker").exists()


def test_throttle__many_wrong_passwords__right_one_is_refused_only_from_that_address(
    viewer: User,
) -> None:
    client = Client()
    for _ in range(6):
        sign_in(client, viewer.email, WRONG)
    assert sign_in(client, viewer.email) == 200  # the form again, with the reason
    assert not is_signed_in(client)


def test_throttle__one_address_guesses_at_many_users__is_stopped(viewer: User) -> None:
    client = Client()
    for number in range(11):
        sign_in(client, f"person{number}@example.com", WRONG)
    assert sign_in(client, viewer.email) == 200
    assert not is_signed_in(client)
    assert sign_in(client, viewer.email, address="198.51.100.7") == 302


def test_throttle__spoofed_forwarded_header__counts_the_same_address(viewer: User) -> None:
    client = Client()
    for number in range(11):
        spoofed = {"X-Forwarded-For": f"203.0.113.{number}"}
        data = {"login": f"person{number}@example.com", "password": WRONG}
        client.post(reverse("account_login"), data, headers=spoofed)
    data = {"login": viewer.email, "password": PASSWORD}
    client.post(reverse("account_login"), data, headers={"X-Forwarded-For": "203.0.113.99"})
    assert not is_signed_in(client)


def test_throttle__wrong_passwords_again__right_one_is_refused_in_plain_words(viewer: User) -> None:
    client, url = signed_in(viewer), reverse("account_reauthenticate")
    for _ in range(5):
        assert "Wait five minutes" not in client.post(url, {"password": WRONG}).content.decode()
    answer = client.post(url, {"password": PASSWORD})
    assert answer.status_code == 200  # the form again, with the reason
    assert "Wait five minutes, then try again." in answer.content.decode()


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.test/",
        "http://evil.test/",
        "//evil.test/",
        "///evil.test/",
        "////evil.test",
        "/\\evil.test",
        "\\\\evil.test",
        "https:evil.test",
        "https:///evil.test",
        "http:\\\\evil.test",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://testserver@evil.test/",
        "http://testserver/t/acme/",
    ],
)
def test_next__other_site_in_any_spelling__leads_home(viewer: User, target: str) -> None:
    data = {"login": viewer.email, "password": PASSWORD, "next": target}
    answer = Client().post(reverse("account_login"), data)
    assert answer.headers["Location"] == "/"


def test_next__page_of_ours__goes_there(viewer: User) -> None:
    data = {"login": viewer.email, "password": PASSWORD, "next": "/t/acme/people/?a=1"}
    answer = Client().post(reverse("account_login"), data)
    assert answer.headers["Location"] == "/t/acme/people/?a=1"


def test_next__on_the_page__kept_in_the_form(db: None) -> None:
    html = Client().get(reverse("account_login") + "?next=/t/acme/").content.decode()
    assert '<input type="hidden" name="next" value="/t/acme/">' in html


def test_sign_out__by_get__refused(viewer: User) -> None:
    client = signed_in(viewer)
    assert client.get(reverse("account_logout")).status_code == 405
    assert is_signed_in(client)


def test_sign_out__by_post__signed_out_and_recorded(viewer: User) -> None:
    client = signed_in(viewer)
    client.post(reverse("account_logout"))
    assert not is_signed_in(client)
    event = AuditEvent.objects.get(kind="session.signed_out")
    assert event.actor_id == str(viewer.pk)


def test_sign_out__old_cookie__does_not_work_any_more(viewer: User) -> None:
    client = signed_in(viewer)
    cookie = client.cookies["console_session"].value
    client.post(reverse("account_logout"))
    client.cookies["console_session"] = cookie
    assert not is_signed_in(client)


@pytest.mark.parametrize("path", ["signup/", "email/", "password/reset/", "login/code/", ""])
def test_sign_up__and_other_unused_pages__do_not_exist(db: None, path: str) -> None:
    client = Client()
    assert client.get(f"/accounts/{path}").status_code == 404
    data = {"email": "new@example.com", "password1": PASSWORD, "password2": PASSWORD}
    assert client.post(f"/accounts/{path}", data).status_code == 404
    assert not User.objects.exists()


def test_admin__is_not_mounted(superuser: User) -> None:
    assert signed_in(superuser).get("/admin/").status_code == 404


def test_sign_in__event_cannot_be_recorded__is_refused(
    viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the record is not writable")

    monkeypatch.setattr("lofty_admin.accounts.adapter.record", refuse)
    client = Client(raise_request_exception=False)
    assert sign_in(client, viewer.email) == 500
    monkeypatch.undo()
    assert not is_signed_in(client)


def test_authenticate__by_django_itself__same_rules(viewer: User) -> None:
    assert authenticate(username=viewer.email, password=PASSWORD) == viewer
    assert authenticate(username=viewer.email, password=WRONG) is None


def test_language__before_signing_in__chosen_and_back_on_the_same_page(db: None) -> None:
    client = Client()
    page = client.get(reverse("account_login"), {"next": "/people/?q=x"}).content.decode()
    assert 'type="submit" name="language" value="es" lang="es">Español</button>' in page
    after = "/accounts/login/?next=/people/%3Fq%3Dx"
    assert f'value="{after}"' in page
    answer = client.post("/language/", {"language": "es", "next": after}, follow=True)
    page = answer.content.decode()
    assert "Usar una llave de acceso" in page
    assert 'lang="en">English</button>' in page  # in its own language, not in Spanish
    # What Lofty or a provider sent in the address is not written into a page.
    assert (
        b"secret-code"
        not in client.get(reverse("tenants:oauth_callback"), {"code": "secret-code"}).content
    )
