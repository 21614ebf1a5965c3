"""How long a session lasts, what it starts with, and how it ends."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from lofty_admin.accounts import sessions, tasks
from lofty_admin.accounts.models import User
from lofty_admin.audit.models import AuditEvent
from tests.support.second_factor import later
from tests.support.sign_in import is_signed_in, kinds, opened, sign_in


@pytest.fixture(autouse=True)
def fresh_throttle(db: None) -> None:
    cache.clear()


def test_session__idle_too_long__ends_and_is_recorded(viewer: User, settings: Settings) -> None:
    settings.SESSION_IDLE_AGE = 600
    client = opened(viewer)
    with later(601):
        assert not is_signed_in(client)
    assert not Session.objects.filter(pk=client.cookies["console_session"].value).exists()
    event = AuditEvent.objects.get(kind="session.expired")
    assert event.actor_id == str(viewer.pk)
    assert event.content["detail"] == {"because": "inactive for too long"}


def test_session__used_meanwhile__continues(viewer: User, settings: Settings) -> None:
    settings.SESSION_IDLE_AGE = 600
    client = opened(viewer)
    for seconds in (400, 800, 1200):
        with later(seconds):
            assert is_signed_in(client)


def test_session__older_than_the_absolute_limit__ends_although_in_use(
    viewer: User, settings: Settings
) -> None:
    settings.SESSION_COOKIE_AGE = 3600
    client = opened(viewer)
    for seconds in range(600, 3600, 600):
        with later(seconds):
            assert is_signed_in(client)
    with later(3601):
        assert not is_signed_in(client)
    assert AuditEvent.objects.get(kind="session.expired").content["detail"] == {
        "because": "signed in too long ago"
    }


def test_session__without_its_times__ends(viewer: User) -> None:
    client = opened(viewer)
    session = client.session
    del session[sessions.SIGNED_IN_AT], session[sessions.SEEN_AT]
    session.save()
    assert not is_signed_in(client)


def test_sign_in__earlier_session_key__is_replaced(viewer: User) -> None:
    client = Client()
    planted = client.session
    planted["anything"] = "put here by an attacker"
    planted.save()
    before = planted.session_key
    sign_in(client, viewer.email)
    assert is_signed_in(client)
    assert client.session.session_key != before
    assert not Session.objects.filter(pk=before).exists()


def test_sign_in__earlier_session_data__is_dropped(viewer: User) -> None:
    client = Client()
    planted = client.session
    planted["anything"] = "put here by an attacker"
    planted.save()
    sign_in(client, viewer.email)
    assert "anything" not in client.session


def test_sessions__listed__with_browser_and_address(viewer: User) -> None:
    opened(viewer, agent="Mozilla/5.0 (Windows NT 10.0; rv:150.0) Gecko Firefox/150.0")
    html = opened(viewer, agent="<b>bold</b>").get(reverse("mfa_index")).content.decode()
    assert "Firefox on Windows" in html
    assert "<b>bold" not in html
    assert html.count("127.0.0.1") >= 2
    assert html.count("This session") == 1


def test_end_other_sessions__pressed__only_this_one_stays_and_it_is_recorded(viewer: User) -> None:
    elsewhere, here = opened(viewer), opened(viewer)
    here.post(reverse("accounts:sessions_end"))
    assert is_signed_in(here)
    assert not is_signed_in(elsewhere)
    event = AuditEvent.objects.get(kind="session.ended")
    assert event.content["detail"] == {"number": 1}


def test_end_all_sessions__pressed__this_one_ends_too(viewer: User) -> None:
    elsewhere, here = opened(viewer), opened(viewer)
    here.post(reverse("accounts:sessions_end"), {"all": "1", "confirmed": "1"})
    assert not is_signed_in(here)
    assert not is_signed_in(elsewhere)
    assert not UserSession.objects.filter(user=viewer).exists()


def test_end_session__pressed__only_that_one_ends(viewer: User) -> None:
    first, second, here = (opened(viewer, agent=name) for name in ("one", "two", "here"))
    row = UserSession.objects.get(user_agent="one")
    here.post(reverse("accounts:session_end", args=[row.pk]))
    assert not is_signed_in(first)
    assert is_signed_in(second)
    assert is_signed_in(here)


def test_end_session__of_another_user__it_continues(viewer: User, owner: User) -> None:
    theirs, mine = opened(owner), opened(viewer)
    row = UserSession.objects.get(user=owner)
    mine.post(reverse("accounts:session_end", args=[row.pk]))
    assert is_signed_in(theirs)
    assert "session.ended" not in kinds()


def test_sessions__of_others__are_not_listed(viewer: User, owner: User) -> None:
    opened(owner)
    html = opened(viewer).get(reverse("mfa_index")).content.decode()
    assert html.count("last used") == 1


def test_sign_out__row_of_the_session__is_gone(viewer: User) -> None:
    client = opened(viewer)
    client.post(reverse("account_logout"))
    assert not UserSession.objects.exists()


def test_seen__many_requests_in_a_minute__written_once(viewer: User) -> None:
    client = opened(viewer)
    before = UserSession.objects.get().last_seen_at
    is_signed_in(client)
    assert UserSession.objects.get().last_seen_at == before
    with later(61):
        is_signed_in(client)
    assert client.session[sessions.SEEN_AT] > client.session[sessions.SIGNED_IN_AT] + 60


def test_clear__session_idle_too_long__ended_and_recorded_as_the_job(
    viewer: User, owner: User
) -> None:
    left, used = opened(viewer), opened(owner)
    UserSession.objects.filter(user=viewer).update(last_seen_at=timezone.now() - timedelta(hours=2))
    tasks.sessions(timestamp=0)
    assert not is_signed_in(left)
    assert is_signed_in(used)
    event = AuditEvent.objects.get(kind="session.expired")
    assert (event.actor_kind, event.subject) == ("job", viewer.email)


def test_clear__signed_in_too_long_ago__ended_though_in_use(viewer: User) -> None:
    client = opened(viewer)
    UserSession.objects.update(created_at=timezone.now() - timedelta(hours=13))
    assert sessions.delete_expired() == 1
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/150.0 Safari/537.36",
            "Chrome on Linux",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/150.0 Safari/537.36 Edg/150.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) Version/19.0 Safari/604.1", "Safari on iPhone"),
        ("curl/8.0", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_browser__user_agent__is_described(agent: str, words: str) -> None:
    assert sessions.browser_of(agent) == words


def test_session__started_by_a_clock_ahead__ends_and_the_page_says_why(viewer: User) -> None:
    client = opened(viewer)
    session = client.session
    session[sessions.SIGNED_IN_AT] = session[sessions.SEEN_AT] = timezone.now().timestamp() + 9e8
    session.save()
    answer = client.get("/", follow=True)
    assert "because the console&#x27;s clock was wrong" in answer.content.decode()
    assert AuditEvent.objects.get(kind="session.expired").content["detail"] == {
        "because": "dated in the future by a wrong clock"
    }
