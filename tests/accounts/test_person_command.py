"""manage.py person and createsuperuser: each use is recorded."""

import io
from unittest.mock import patch

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command
from django.test import Client

from lofty_admin.accounts.models import User
from lofty_admin.audit.models import AuditEvent
from tests.support.second_factor import code_at, give_app, give_code, give_codes
from tests.support.sign_in import is_signed_in, sign_in
from tests.support.users import PASSWORD


def run(*arguments: str, stdin: str = "") -> str:
    out = io.StringIO()
    with patch("sys.stdin", io.StringIO(stdin)):
        call_command("person", *arguments, stdout=out)
    return out.getvalue()


def add(email: str = "New.Person@Example.com", *more: str, password: str = PASSWORD) -> str:
    return run("add", email, "--name", "Nia New", *more, "--password-stdin", stdin=f"{password}\n")


def test_person_add__fresh_address__can_sign_in_and_is_recorded(db: None) -> None:
    add()
    user = User.objects.get()
    assert (user.email, user.name, user.is_superuser) == (
        "new.person@example.com",
        "Nia New",
        False,
    )
    assert user.check_password(PASSWORD)
    event = AuditEvent.objects.get()
    assert (event.kind, event.actor_kind, event.actor_id) == (
        "person.added",
        "command",
        "person add",
    )
    assert PASSWORD not in event.body


def test_person_add__superuser__is_one_and_the_record_says_so(db: None) -> None:
    add("root2@example.com", "--superuser")
    assert User.objects.get().is_superuser
    assert AuditEvent.objects.get().content["after"]["superuser"] is True


def test_person_add__address_taken_in_other_letters__refused(viewer: User) -> None:
    with pytest.raises(CommandError, match="Another user already has this e-mail address"):
        add("VIEWER@example.com")
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("email", "password", "words"),
    [
        ("not an address", PASSWORD, "valid email"),
        ("a@example.com", "short", "too short"),
        ("a@example.com", "", "standard input"),
        ("longenough.person@example.com", "longenough.person", "too similar"),
    ],
)
def test_person_add__bad_input__nothing_done_nothing_echoed(
    db: None, email: str, password: str, words: str
) -> None:
    with pytest.raises(CommandError, match=words) as caught:
        add(email, password=password)
    assert "Nothing was changed" in str(caught.value)
    assert not User.objects.exists()
    assert not AuditEvent.objects.exists()


def test_person_add__without_password__password_sign_in_is_impossible(db: None) -> None:
    run("add", "sso@example.com", "--name", "Sia Single", "--without-password")
    assert not User.objects.get().has_usable_password()


def test_person_add__neither_password_nor_without__refused(db: None) -> None:
    with pytest.raises(CommandError):
        run("add", "sso@example.com", "--name", "Sia Single")
    assert not User.objects.exists()


def test_person_set_password__known__changed_and_recorded(viewer: User) -> None:
    new = "a much newer battery staple"
    run("set-password", "Viewer@Example.com", "--password-stdin", stdin=new)
    viewer.refresh_from_db()
    assert viewer.check_password(new)
    assert AuditEvent.objects.get().kind == "password.changed"


def test_person_deactivate__known__signed_out_and_recorded_once(viewer: User) -> None:
    run("deactivate", viewer.email)
    run("deactivate", viewer.email)
    viewer.refresh_from_db()
    assert not viewer.is_active
    assert AuditEvent.objects.get().kind == "person.deactivated"


def test_person_deactivate__unknown__says_so(db: None) -> None:
    with pytest.raises(CommandError, match="No user"):
        run("deactivate", "stranger@example.com")


def test_person_deactivate__last_superuser__refused(superuser: User) -> None:
    with pytest.raises(CommandError, match="last superuser"):
        run("deactivate", superuser.email)
    superuser.refresh_from_db()
    assert superuser.is_active


def test_person_deactivate__one_of_two_superusers__works(superuser: User) -> None:
    add("root2@example.com", "--superuser")
    run("deactivate", superuser.email)
    superuser.refresh_from_db()
    assert not superuser.is_active


def test_person_reset_mfa__lost_phone__no_factor_no_session_and_recorded(viewer: User) -> None:
    give_app(viewer)
    give_codes(viewer)
    client = Client()
    sign_in(client, viewer.email)
    give_code(client, code_at())
    assert is_signed_in(client)
    assert "removed: 2" in run("reset-mfa", viewer.email)
    assert not Authenticator.objects.exists()
    assert not is_signed_in(client)
    last = AuditEvent.objects.filter(actor_id="person reset-mfa").values_list("kind", flat=True)
    assert sorted(last) == ["mfa.removed", "mfa.removed", "session.ended"]


def test_createsuperuser__used__is_recorded(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command(
        "createsuperuser", interactive=False, email="root@example.com", name="Root", verbosity=0
    )
    assert User.objects.get().is_superuser
    event = AuditEvent.objects.get()
    assert (event.kind, event.actor_id) == ("person.added", "createsuperuser")


def test_person_reactivate__deactivated__can_sign_in_again(viewer: User) -> None:
    run("deactivate", viewer.email)
    assert "can sign in again" in run("reactivate", viewer.email)
    viewer.refresh_from_db()
    assert viewer.is_active
    with pytest.raises(CommandError, match="not deactivated"):
        run("reactivate", viewer.email)
