"""The same password rules apply everywhere, and passwords are normalized before hashing."""

import io
import sys
from collections.abc import Callable

import pytest
from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from lofty_admin.accounts import invitations
from lofty_admin.accounts.models import User
from tests.support.invitations import accept, code_of
from tests.support.sign_in import change, is_signed_in, sign_in
from tests.support.users import PASSWORD, make_user, signed_in

NAME = "Victor Viewer"
WEAK = [
    "Victor Viewer 1",
    "VictorViewer2026",
    "viewer@example.com",
    "victor.viewer.victor",
    "V\u00edctor Vi\u00e9wer 12",
    " " * 15,
    "\u00a0" * 15,
    "a" + " " * 14,
    "passwordpassword",
    "Password1234567",
    "123456789012345",
    "qwertyuiopasdfgh",
    "abcdefghijklmnop",
    "zyxwvutsrqponmlk",
    "aaaaaaaaaaaaaaaa",
    "abcabcabcabcabcabc",
    "lofty lofty lofty ",
    "\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19\uff10\uff11\uff12\uff13\uff14\uff15",
    "iloveyou123iloveyou123",
    "too short",
]
Door = Callable[[str], object]


@pytest.fixture(autouse=True)
def fresh_throttle(db: None) -> None:
    cache.clear()


def by_command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Door:
    def set_it(password: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(password + "\n"))
        try:
            call_command("person", *arguments, "--password-stdin", stdout=io.StringIO())
        except CommandError:
            return

    return set_it


def change_at_once(user: User, new: str) -> None:
    cache.clear()  # only a few changes a minute are allowed, which is tested elsewhere
    change(signed_in(user), new=new)


def through(door: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Door]:
    """Whose password this door sets, and how."""
    email = "viewer@example.com"
    if door == "person add":
        return email, by_command(monkeypatch, "add", email, "--name", NAME)
    if door == "person set-password":
        make_user(email, NAME)
        return email, by_command(monkeypatch, "set-password", email)
    if door == "change":
        user = make_user(email, NAME)
        return email, lambda new: change_at_once(user, new)
    invitations.invite(email, page="https://console.test/accounts/invitation/")
    code = code_of()
    return email, lambda new: accept(Client(), code, name=NAME, password=new, again=new)


DOORS = ["person add", "person set-password", "change", "invitation"]


@pytest.mark.parametrize("door", DOORS)
def test_weak__at_every_door__refused(door: str, monkeypatch: pytest.MonkeyPatch) -> None:
    email, set_it = through(door, monkeypatch)
    for password in WEAK:
        set_it(password)
        user = User.objects.find_by_email(email)
        assert user is None or not user.check_password(password), password


@pytest.mark.parametrize("door", DOORS)
def test_good__at_every_door__works_however_it_is_typed_later(
    door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    email, set_it = through(door, monkeypatch)
    composed = "Pi\u00f1a, ca\u00f1\u00f3n y \uff12 sillas"
    apart = "Pin\u0303a, can\u0303o\u0301n y 2 sillas"
    set_it(apart)
    for typed in (composed, apart):
        client = Client()
        sign_in(client, email, typed)
        assert is_signed_in(client)
        again = client.post(reverse("account_reauthenticate"), {"password": typed, "next": "/"})
        assert again.status_code == 302


def test_stored_before_it_was_normalized__signs_in_and_proves(viewer: User) -> None:
    as_typed = "Pin\u0303a, can\u0303o\u0301n y 2 sillas"
    User.objects.filter(pk=viewer.pk).update(password=make_password(as_typed))
    client = Client()
    sign_in(client, viewer.email, as_typed)
    assert is_signed_in(client)
    again = client.post(reverse("account_reauthenticate"), {"password": as_typed, "next": "/"})
    assert again.status_code == 302
    fresh = Client()
    sign_in(fresh, viewer.email, as_typed + "x")
    sign_in(fresh, viewer.email, PASSWORD)
    assert not is_signed_in(fresh)


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "Several unrelated words work well",
        "a much newer battery staple",
        "mein Hund heißt Bello-Dieter",
        "x7#kQ!p2Lw9@zRt4",
        "Виктор любит апельсины",
        "victor prefers pineapple juice",
    ],
)
def test_good__passes(viewer: User, password: str) -> None:
    assert "Your password was changed" in change(signed_in(viewer), new=password + ".")
