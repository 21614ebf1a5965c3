"""Limits on guessing: across all processes, and without locking out the real user."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.cookiejar import CookieJar
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from lofty_admin.accounts import tasks, throttle
from lofty_admin.accounts.models import SignInAttempt, User
from lofty_admin.accounts.trusted_device import COOKIE
from lofty_admin.audit.models import AuditEvent
from lofty_admin.core import checks
from tests.support.deployment import Deployment
from tests.support.second_factor import code_at, later, shown_secret
from tests.support.sign_in import WRONG, guess, is_signed_in, sign_in
from tests.support.users import PASSWORD, make_user

EMAIL = "staff@example.com"
REFUSED = "Incorrect e-mail address or password."


@pytest.fixture(autouse=True)
def fresh_throttle(request: pytest.FixtureRequest) -> None:
    if "viewer" in request.fixturenames:
        request.getfixturevalue("db")
        cache.clear()


def test_guessing__from_everywhere__known_browser_still_gets_in(viewer: User) -> None:
    known = Client()
    sign_in(known, viewer.email)
    known.post(reverse("account_logout"))
    guess(viewer.email, 100)
    assert sign_in(known, viewer.email, address="203.0.113.1") == 302
    assert is_signed_in(known)


def test_guessing__from_everywhere__unknown_browser_waits_five_minutes_only(viewer: User) -> None:
    guess(viewer.email, 100)
    fresh = Client()
    sign_in(fresh, viewer.email, address="203.0.113.1")
    assert not is_signed_in(fresh)
    with later(301):
        sign_in(fresh, viewer.email, address="203.0.113.1")
        assert is_signed_in(fresh)


def test_known_browser__guesses_too__waits_like_others(viewer: User) -> None:
    known = Client()
    sign_in(known, viewer.email)
    known.post(reverse("account_logout"))
    for _ in range(6):
        sign_in(known, viewer.email, WRONG, address="203.0.113.1")
    sign_in(known, viewer.email, address="203.0.113.2")
    assert not is_signed_in(known)


@pytest.mark.parametrize("value", ["", "made-up", "a:b:c", "W10:1:2"])
def test_known_browser__forged_cookie__counts_as_unknown(viewer: User, value: str) -> None:
    guess(viewer.email, 6)
    client = Client()
    client.cookies[COOKIE] = value
    sign_in(client, viewer.email, address="203.0.113.1")
    assert not is_signed_in(client)


def test_known_browser__of_another_user__counts_as_unknown(viewer: User, owner: User) -> None:
    client = Client()
    sign_in(client, owner.email)
    client.post(reverse("account_logout"))
    guess(viewer.email, 6)
    sign_in(client, viewer.email, address="203.0.113.1")
    assert not is_signed_in(client)


def test_guessing__at_very_many_others__does_not_evict_earlier_counts(viewer: User) -> None:
    guess(viewer.email, 6)
    for number in range(400):  # what attempts on that many other accounts leave behind
        cache.set(f"later-in-the-alphabet:{number}", [1.0], 300)
    sign_in(Client(), viewer.email, address="203.0.113.1")
    assert AuditEvent.objects.latest("seq").content["detail"] == {
        "because": "too many failed attempts"
    }


def test_hourly_job__expired_attempts__are_deleted(viewer: User) -> None:
    cache.set("old", 1, 0.001)
    cache.set("present", 1, 300)
    time.sleep(1.1)  # the table knows whole seconds
    tasks.sessions(timestamp=0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT cache_key FROM console_cache")
        assert [key for (key,) in cursor.fetchall()] == [":1:present"]


def test_too_many__refusal__is_recorded(viewer: User) -> None:
    guess(viewer.email, 6)
    event = AuditEvent.objects.latest("seq")
    assert event.kind == "session.sign_in_failed"
    assert event.content["detail"] == {"because": "too many failed attempts"}


def test_address__behind_a_proxy__what_the_client_wrote_before_does_not_count(
    viewer: User, settings: Settings
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    for number in range(11):
        spoofed = {"X-Forwarded-For": f"203.0.113.{number}, 198.51.100.9"}
        data = {"login": f"person{number}@example.com", "password": WRONG}
        Client().post(reverse("account_login"), data, headers=spoofed)
    client = Client(headers={"X-Forwarded-For": "203.0.113.99, 198.51.100.9"})
    sign_in(client, viewer.email)
    assert not is_signed_in(client)
    assert AuditEvent.objects.latest("seq").ip == "198.51.100.9"
    elsewhere = Client(headers={"X-Forwarded-For": "198.51.100.10"})
    sign_in(elsewhere, viewer.email)
    assert is_signed_in(elsewhere)


@pytest.mark.parametrize(
    ("backend", "demo", "found"),
    [
        ("django.core.cache.backends.locmem.LocMemCache", False, ["console.E006"]),
        ("django.core.cache.backends.dummy.DummyCache", False, ["console.E006"]),
        ("django.core.cache.backends.filebased.FileBasedCache", False, ["console.E006"]),
        ("django.core.cache.backends.locmem.LocMemCache", True, []),
        ("django.core.cache.backends.db.DatabaseCache", False, []),
    ],
)
def test_check__cache_of_each_process__refused_in_production(
    settings: Settings, backend: str, demo: bool, found: list[str]
) -> None:
    settings.CACHES, settings.DEMO = {"default": {"BACKEND": backend}}, demo
    assert [message.id for message in checks.throttles_are_shared()] == found


class Browser:
    """Cookies and forms over a real socket: each request may meet another process."""

    def __init__(self, url: str) -> None:
        self.url, self.jar = url, CookieJar()
        self._opener: OpenerDirector = build_opener(HTTPCookieProcessor(self.jar))

    def get(self, path: str) -> str:
        with self._opener.open(self.url + path, timeout=20) as answer:
            self.path = answer.url.removeprefix(self.url)
            return str(answer.read().decode())

    def send(self, path: str, page: str, **data: str) -> str:
        """The form on `page`, filled in."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        assert token
        body = urlencode({**data, "csrfmiddlewaretoken": token[1]}).encode()
        with self._opener.open(self.url + path, body, timeout=20) as answer:
            self.path = answer.url.removeprefix(self.url)
            return str(answer.read().decode())

    def sign_in(self, password: str = PASSWORD) -> str:
        login = "/accounts/login/"
        return self.send(login, self.get(login), login=EMAIL, password=password)


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """One console of two workers, each for one request at a time."""
    with Deployment(tmp_path_factory.mktemp("throttles")) as deployment:
        deployment.add_person(EMAIL, name="Stan Staff")
        deployment.console.start(WEB_WORKERS="2", WEB_THREADS="1")
        yield deployment


def test_processes__wrong_passwords_at_once__five_tries_in_all(two_processes: Deployment) -> None:
    two_processes.query("DELETE FROM accounts_signinattempt")
    two_processes.query("DELETE FROM audit_refusalcount")
    url = two_processes.console.url
    with ThreadPoolExecutor(6) as pool:
        pages = list(pool.map(lambda _: Browser(url).sign_in(WRONG), range(12)))
    assert 1 <= sum(REFUSED in page for page in pages) <= 5
    assert any("Too many failed attempts" in page for page in pages)
    assert "Too many failed attempts" in Browser(url).sign_in()


def test_processes__same_code_at_once__one_gets_in(two_processes: Deployment) -> None:
    """Four browsers have the password and send the same code at the same moment."""
    two_processes.query("DELETE FROM accounts_signinattempt")
    two_processes.query("DELETE FROM audit_refusalcount")
    url, app, step = two_processes.console.url, "/accounts/security/app/", "/accounts/login/step/"
    phone = Browser(url)
    phone.sign_in()
    page = phone.get(app)
    secret = shown_secret(page)
    assert "Recovery codes" in phone.send(app, page, code=code_at(secret))
    browsers = [Browser(url) for _ in range(4)]
    pages = [browser.sign_in() for browser in browsers]
    code = code_at(secret, steps=1)
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(
                lambda each: each[0].send(step, each[1], code=code),
                zip(browsers, pages, strict=True),
            )
        )
    assert sorted(browser.path == "/" for browser in browsers) == [False, False, False, True]


def test_address__ten_wrong_passwords_at_others__known_browsers_there_still_get_in(
    viewer: User, owner: User
) -> None:
    """As in an office whose users share one address."""
    known = Client()
    sign_in(known, viewer.email, address="198.51.100.9")
    known.post(reverse("account_logout"))
    for number in range(30):
        sign_in(Client(), f"person{number}@example.com", WRONG, address="198.51.100.9")
    fresh = Client()
    sign_in(fresh, owner.email, address="198.51.100.9")
    assert not is_signed_in(fresh)
    sign_in(known, viewer.email, address="198.51.100.9")
    assert is_signed_in(known)
    again = known.post(
        reverse("account_reauthenticate"),
        {"password": PASSWORD, "next": "/"},
        REMOTE_ADDR="198.51.100.9",
    )
    assert again.status_code == 302


def test_address__within_one_ipv6_network__counts_together(viewer: User) -> None:
    for number in range(11):
        address = f"2001:db8:1:1::{number + 1}"
        sign_in(Client(), f"person{number}@example.com", WRONG, address=address)
    client = Client()
    sign_in(client, viewer.email, address="2001:db8:1:1:ffff::1")
    assert not is_signed_in(client)
    sign_in(client, viewer.email, address="2001:db8:1:2::1")
    assert is_signed_in(client)


def test_correct_tries__of_many_users_at_one_address__never_count(viewer: User) -> None:
    for number in range(15):
        person = make_user(f"person{number}@example.com", f"Person {number}")
        client = Client()
        sign_in(client, person.email)
        assert is_signed_in(client), number
    assert not SignInAttempt.objects.exists()


def test_correct_try__between_wrong_ones__forgets_none_of_them(viewer: User) -> None:
    client = Client()
    for _ in range(4):
        sign_in(client, viewer.email, WRONG)
    sign_in(Client(), viewer.email)
    sign_in(client, viewer.email, WRONG)
    last = Client()
    sign_in(last, viewer.email)
    assert not is_signed_in(last)


def test_attempt__of_a_killed_process__expires(viewer: User) -> None:
    limits = [throttle.Limit(f"person|{viewer.email}", 5, timedelta(minutes=5))]
    for _ in range(5):
        assert throttle.begin(limits)
    SignInAttempt.objects.update(at=timezone.now() - timedelta(seconds=31))
    client = Client()
    sign_in(client, viewer.email)
    assert is_signed_in(client)


def test_processes__twelve_right_passwords_at_once__all_get_in(two_processes: Deployment) -> None:
    two_processes.query("DELETE FROM accounts_signinattempt")
    two_processes.query("DELETE FROM audit_refusalcount")
    two_processes.query("DELETE FROM mfa_authenticator")
    url = two_processes.console.url
    browsers = [Browser(url) for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda browser: browser.sign_in(), browsers))
    assert [browser.path for browser in browsers] == ["/"] * 12


def test_processes__wrong_ones_at_others_from_here__known_browser_gets_in(
    two_processes: Deployment,
) -> None:
    two_processes.query("DELETE FROM accounts_signinattempt")
    two_processes.query("DELETE FROM audit_refusalcount")
    two_processes.query("DELETE FROM mfa_authenticator")
    url, login = two_processes.console.url, "/accounts/login/"
    known = Browser(url)
    known.sign_in()
    known.send("/accounts/logout/", known.get("/"))

    def guess_at(number: int) -> str:
        browser = Browser(url)
        page = browser.get(login)
        return browser.send(login, page, login=f"p{number}@example.com", password=WRONG)

    with ThreadPoolExecutor(6) as pool:
        pages = list(pool.map(guess_at, range(15)))
    assert sum(REFUSED in page for page in pages) == 10
    assert "Too many failed attempts" in Browser(url).sign_in()
    known.sign_in()
    assert known.path == "/"
