"""Changing one's own password."""

from django.test import Client
from django.urls import reverse

from lofty_admin.accounts.models import User
from lofty_admin.audit.models import AuditEvent
from tests.support.second_factor import later
from tests.support.sign_in import NEW, change
from tests.support.users import PASSWORD, signed_in


def is_signed_in(client: Client) -> bool:
    return client.get(reverse("fleet:home")).status_code == 200


def test_password__changed__ends_every_session_and_is_recorded(viewer: User) -> None:
    here, elsewhere = signed_in(viewer), signed_in(viewer)
    assert "Your password was changed" in change(here)
    assert not is_signed_in(here)
    assert not is_signed_in(elsewhere)
    viewer.refresh_from_db()
    assert viewer.check_password(NEW)
    event = AuditEvent.objects.get(kind="password.changed")
    assert event.actor_id == str(viewer.pk)
    assert NEW not in event.body


def test_password__old_one_wrong__nothing_changes(viewer: User) -> None:
    client = signed_in(viewer)
    change(client, old="something else entirely")
    assert is_signed_in(client)
    viewer.refresh_from_db()
    assert viewer.check_password(PASSWORD)


def test_password__too_short__says_so_and_nothing_changes(viewer: User) -> None:
    html = change(signed_in(viewer), new="short")
    assert "too short" in html
    assert 'value="short"' not in html
    viewer.refresh_from_db()
    assert viewer.check_password(PASSWORD)


def test_password__asked_for_again__right_and_wrong(viewer: User) -> None:
    client = signed_in(viewer)
    url = reverse("account_reauthenticate")
    assert client.get(url).status_code == 200
    assert client.post(url, {"password": "something else entirely"}).status_code == 200
    assert client.post(url, {"password": PASSWORD, "next": "/"}).status_code == 302


def test_password__person_without_one__page_leads_back(viewer: User) -> None:
    viewer.set_unusable_password()
    viewer.save()
    answer = signed_in(viewer).get(reverse("account_change_password"))
    assert answer.headers["Location"] == reverse("mfa_index")


def test_password__old_session__re_authentication_first(viewer: User) -> None:
    client = signed_in(viewer)
    with later(16 * 60):
        answer = client.get(reverse("account_change_password"))
    assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))
