"""What ends a session also ends a sign-in that waits for its second factor."""

from collections.abc import Callable

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from lofty_admin.accounts import mfa, services
from lofty_admin.accounts.models import User
from tests.support.pages import hidden_fields
from tests.support.second_factor import code_at, give_app, give_code
from tests.support.second_factor_pages import set_up_app
from tests.support.sign_in import is_signed_in, sign_in
from tests.support.users import PASSWORD, signed_in

NEW = "a much newer battery staple"
Change = Callable[[User], object]


@pytest.fixture(autouse=True)
def fresh_throttle(db: None) -> None:
    cache.clear()


def waiting(user: User, after: str = "") -> Client:
    """A browser in which the password was right and the code is asked for."""
    give_app(user)
    client = Client()
    sign_in(client, user.email, after=after)
    assert client.get(reverse("mfa_authenticate")).status_code == 200
    return client


def followed(client: Client, path: str) -> str:
    """The page that comes in the end. Django's client raises for an endless redirect."""
    answer = client.get(path, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def reset_by_command(user: User) -> None:
    call_command("person", "reset-mfa", user.email)


def remove_step(user: User) -> None:
    mfa.remove_step(user, mfa.steps_of(user)[0].pk)


@pytest.mark.parametrize("remove", [reset_by_command, remove_step, mfa.reset])
@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/accounts/login/step/", "/t/acme/"])
def test_step_removed__user_waits_for_it__can_sign_in_again(
    viewer: User, remove: Change, path: str
) -> None:
    client = waiting(viewer, after="/t/acme/history/")
    remove(viewer)
    html = followed(client, "/accounts/login/step/")
    assert "Your account was changed while you were signing in." in html
    assert ("next", "/t/acme/history/") in hidden_fields(html, reverse("account_login"))
    assert "Sign in" in followed(client, path)
    sign_in(client, viewer.email)
    assert is_signed_in(client)


def deactivated_and_back(user: User) -> None:
    services.deactivate_person(user)
    services.reactivate_person(user)


def given_a_new_password(user: User) -> None:
    services.set_password(user, NEW)


ENDING: list[Change] = [
    services.deactivate_person,
    deactivated_and_back,
    given_a_new_password,
]


@pytest.mark.parametrize("end", ENDING)
def test_half_finished_sign_in__account_changed__is_not_completed(
    viewer: User, end: Change
) -> None:
    client = waiting(viewer)
    end(viewer)
    give_code(client, code_at())
    assert not is_signed_in(client)
    assert SESSION_KEY not in client.session


@pytest.mark.parametrize("end", [*ENDING, mfa.reset])
def test_session__account_changed__old_cookie_never_works_again(viewer: User, end: Change) -> None:
    """Also a session that is in no list, as one made in the moment of the change."""
    client = signed_in(viewer)
    assert is_signed_in(client)
    end(viewer)
    User.objects.filter(pk=viewer.pk).update(is_active=True)
    assert not is_signed_in(client)


def test_deactivated__sessions__are_deleted_at_once(viewer: User) -> None:
    client = Client()
    sign_in(client, viewer.email)
    assert is_signed_in(client)
    services.deactivate_person(viewer)
    assert not Session.objects.filter(pk=client.cookies["console_session"].value).exists()


def test_reactivated__signs_in_again__works(viewer: User) -> None:
    deactivated_and_back(viewer)
    client = Client()
    sign_in(client, viewer.email)
    assert is_signed_in(client)


# --- the page that was asked for ------------------------------------------------------------------
def test_first_step__set_up__leads_to_the_page_that_was_asked_for(
    viewer: User, settings: Settings
) -> None:
    settings.REQUIRE_MFA = True
    client = signed_in(viewer)
    assert client.get("/t/acme/history/?q=x")["Location"] == reverse("accounts:second_step")
    _, html = set_up_app(client)
    assert 'href="/t/acme/history/?q=x">I\'ve saved them' in html


def test_password_changed__next_in_the_address__kept_over_the_new_sign_in(viewer: User) -> None:
    client, url = signed_in(viewer), reverse("account_change_password")
    html = client.get(url, {"next": "/t/acme/history/"}).content.decode()
    sent = dict(hidden_fields(html, url))
    passwords = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    html = client.post(url, {**sent, **passwords}, follow=True).content.decode()
    assert "Your password was changed" in html
    fields = dict(hidden_fields(html, reverse("account_login")))
    assert fields["next"] == "/t/acme/history/"
    data = {**fields, "login": viewer.email, "password": NEW}
    assert client.post(reverse("account_login"), data)["Location"] == "/t/acme/history/"
