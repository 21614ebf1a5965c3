"""Refusals cannot fill the log, and none is forgotten (real concurrent requests)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from django.db.models import F
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from lofty_admin.accounts import invitations
from lofty_admin.accounts.models import User
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.log.record import sum_up_refusals
from lofty_admin.audit.log.refusal_limit import MAX_PER_SOURCE, MAX_SOURCES, _storable
from lofty_admin.audit.models import AuditEvent, RefusalCount
from lofty_admin.tenants.models import Tenant
from tests.support.deployment import Deployment
from tests.support.http_browser import Browser, form_in
from tests.support.identity_provider import IdentityProvider
from tests.support.invitations import code_of
from tests.support.single_sign_on import sign_in_there
from tests.support.users import Browsers, signed_in

OUTSIDER = "outsider@example.com"
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Two processes count together."""
    with Deployment(tmp_path_factory.mktemp("flood")) as deployment:
        deployment.add_person(OUTSIDER, name="Una Outsider")
        deployment.add_tenant("acme")
        deployment.console.start(WEB_WORKERS="2")
        yield deployment


def events(deployment: Deployment, kind: str) -> int:
    rows = deployment.query("SELECT count(*) FROM audit_auditevent WHERE kind = %s", kind)
    return int(rows[0]["count"])


def summaries(deployment: Deployment) -> list[dict[str, Any]]:
    """As the job writes them, a few minutes later."""
    deployment.query("UPDATE audit_refusalcount SET minute = minute - interval '5 minutes'")
    deployment.manage(
        "shell", "-c", "from lofty_admin.audit.log.record import *; sum_up_refusals()"
    )
    rows = deployment.query(
        "SELECT body::json->'detail' AS detail FROM audit_auditevent"
        " WHERE kind = 'access.refusals_counted' ORDER BY seq"
    )
    return [row["detail"] for row in rows]


def test_without_rights__three_hundred_requests__few_events_and_one_summary(
    console: Deployment,
) -> None:
    outsider = Browser(console.console.url).sign_in(OUTSIDER)

    def ask(number: int) -> int:
        return outsider.twin().ask(f"/t/acme/history/?page={number}").status_code

    before, counted = events(console, "access.refused"), summaries(console)
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(ask, range(300)))
    recorded = events(console, "access.refused") - before
    assert set(statuses) == {404, 429}
    assert recorded == statuses.count(404)
    assert MAX_PER_SOURCE <= recorded <= 2 * MAX_PER_SOURCE  # a minute may end meanwhile
    new_summaries = summaries(console)[len(counted) :]
    assert sum(entry["not_recorded"] for entry in new_summaries) == 300 - recorded
    source = new_summaries[0]["sources"][0]
    assert (source["who"], source["ip"]) == ("Una Outsider", "127.0.0.1")
    assert source["first"] == source["last"] == "GET /t/acme/history/"
    assert outsider.get("/").status_code == 200  # what one may see, one still sees


def test_anonymous__wrong_passwords__limited(console: Deployment) -> None:
    browser = Browser(console.console.url)
    form = form_in(browser.get("/accounts/login/"), "/accounts/login/")
    before, counted = events(console, "session.sign_in_failed"), summaries(console)

    def guess(number: int) -> str:
        wrong = form.filled(login=f"guess-{number}@example.com", password="wrong")
        try:
            return browser.twin().send(wrong).text
        except requests.HTTPError as error:
            return error.response.text

    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(guess, range(50)))
    recorded = events(console, "session.sign_in_failed") - before
    assert recorded <= 2 * MAX_PER_SOURCE
    new_summaries = summaries(console)[len(counted) :]
    # The throttle of the sign-in page itself answers some, before anything is recorded.
    limited = sum("Too many denied requests" in page for page in pages)
    assert sum(entry["not_recorded"] for entry in new_summaries) == limited > 10
    assert "guess-" in new_summaries[0]["sources"][0]["different"][0]


# --- In one process ---------------------------------------------------------------------------


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the clock of the log: the limit counts per minute, and a minute may end meanwhile."""
    now = timezone.now()
    monkeypatch.setattr("lofty_admin.audit.log.record.timezone", SimpleNamespace(now=lambda: now))


def minutes_pass(minutes: int = 5) -> None:
    RefusalCount.objects.update(minute=F("minute") - timedelta(minutes=minutes))


def refused(client: Client, times: int, address: str = "10.0.0.1", **how: Any) -> list[int]:
    path = how.pop("path", "/t/acme/settings/")
    return [client.get(path, REMOTE_ADDR=address).status_code for _ in range(times)]


def summary() -> dict[str, Any]:
    detail: dict[str, Any] = AuditEvent.objects.get(kind=Kind.REFUSALS_COUNTED).content["detail"]
    return detail


@pytest.mark.usefixtures("stopped_clock")
def test_twenty_first_refusal__429_says_when_to_try_again(browsers: Browsers, acme: Tenant) -> None:
    statuses = refused(browsers.outsider, MAX_PER_SOURCE + 1)
    assert statuses == [404] * MAX_PER_SOURCE + [429]
    answer = browsers.outsider.get("/t/acme/settings/")
    assert 0 < int(answer["Retry-After"]) <= 60
    assert "Nothing was changed and nothing was sent" in answer.content.decode()
    assert AuditEvent.objects.filter(kind=Kind.ACCESS_REFUSED).count() == MAX_PER_SOURCE


@pytest.mark.usefixtures("stopped_clock")
def test_another_user__has_a_count_of_their_own(
    browsers: Browsers, acme: Tenant, globex: Tenant, viewer: User
) -> None:
    refused(browsers.outsider, MAX_PER_SOURCE + 5)
    assert refused(browsers.viewer, 1, path="/t/globex/settings/") == [404]


@pytest.mark.usefixtures("stopped_clock")
def test_next_minute__recorded_again_and_the_last_one_summed_up(
    browsers: Browsers, acme: Tenant
) -> None:
    refused(browsers.outsider, 10)
    refused(browsers.outsider, 15, path="/t/acme/history/")
    refused(browsers.outsider, 1, path="/t/acme/names/")
    minutes_pass()
    assert refused(browsers.outsider, 1) == [404]  # without any worker
    refusals = summary()
    assert (refusals["kind"], refusals["not_recorded"]) == ("access.refused", 6)
    (source,) = refusals["sources"]
    assert (source["all"], source["who"]) == (26, "Una Outsider")
    assert source["first"] == "GET /t/acme/settings/"
    assert source["last"] == "GET /t/acme/names/"
    assert len(source["different"]) == 3
    assert sum_up_refusals() == 0


@pytest.mark.usefixtures("stopped_clock")
def test_few__no_summary_and_nothing_kept(browsers: Browsers, acme: Tenant) -> None:
    refused(browsers.outsider, 3)
    minutes_pass()
    assert sum_up_refusals() == 0
    assert not RefusalCount.objects.exists()


def guess(address: str, email: str = "guess@example.com") -> int:
    form = {"login": email, "password": "wrong"}
    return Client().post("/accounts/login/", form, REMOTE_ADDR=address).status_code


def failures() -> int:
    return AuditEvent.objects.filter(kind=Kind.SIGN_IN_FAILED).count()


@pytest.mark.usefixtures("stopped_clock")
def test_from_many_addresses__limited_in_all_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lofty_admin.audit.log.refusal_limit.MAX_IN_ALL", 30)
    for number in range(60):
        guess(f"10.0.{number}.1", f"guess-{number}@example.com")
    assert failures() == 30
    minutes_pass()
    assert sum_up_refusals() == 1
    refusals = summary()
    assert refusals["not_recorded"] == 30
    assert len(refusals["sources"]) == MAX_SOURCES
    assert refusals["more_sources"] == 30 - MAX_SOURCES


@pytest.mark.usefixtures("stopped_clock")
def test_one_network__counts_as_one_source() -> None:
    for number in range(MAX_PER_SOURCE + 5):
        guess(f"2001:db8::{number:x}", f"guess-{number}@example.com")
    assert failures() == MAX_PER_SOURCE


@given(st.text(max_size=300))
def test_any_text__is_counted(text: str) -> None:
    """NUL and lone surrogates, which PostgreSQL refuses, included."""
    stored = _storable(text)
    assert len(stored) <= 200
    assert "\x00" not in stored
    stored.encode()


@pytest.mark.usefixtures("stopped_clock")
def test_an_invitation_that_was_withdrawn__is_limited(viewer: User) -> None:
    user = invitations.invite("new@example.com", page="https://console.test/")
    code = code_of()
    invitations.withdraw(user)
    pages = [Client().post("/accounts/invitation/", {"code": code}) for _ in range(60)]
    assert [page.status_code for page in pages] == [200] * MAX_PER_SOURCE + [429] * 40
    assert AuditEvent.objects.filter(kind=Kind.ACCESS_REFUSED).count() == MAX_PER_SOURCE


@pytest.mark.usefixtures("stopped_clock")
def test_single_sign_on_refused__is_limited(provider: IdentityProvider) -> None:
    provider.claims["email"] = "stranger@example.com"
    for _ in range(MAX_PER_SOURCE + 10):
        sign_in_there(provider)
    assert failures() == MAX_PER_SOURCE


@pytest.mark.usefixtures("stopped_clock")
def test_signed_in_and_anonymous__of_one_address__are_apart(acme: Tenant, outsider: User) -> None:
    refused(signed_in(outsider), MAX_PER_SOURCE + 5)
    guess("10.0.0.1")
    assert failures() == 1
