"""Only GET /v1.0/me fails: the tenant is added and used, and the page says what is unknown."""

from typing import Any

import pytest
from django.urls import reverse

from lofty_admin.accounts.models import User
from lofty_admin.agentsettings.snapshots import read_live
from lofty_admin.directory.sync import advance, open_sync
from lofty_admin.lofty.errors import LoftyError, RateLimited
from lofty_admin.tenants.credentials.api_client import client_for
from lofty_admin.tenants.models import NOT_READ, Connection, ConnectionHealth, Health, Tenant
from tests.support.commands import add
from tests.support.lofty_users import NEXT_TOKEN, TOKEN, Lofty, checked
from tests.support.oauth_pages import go, lofty_sends_back, text
from tests.support.users import signed_in

ME_FAILS: dict[str, dict[str, Any]] = {
    "401": {"kind": "status", "code": 401, "body": {"code": "BAD_CREDENTIALS", "message": "no"}},
    "400 200058": {"kind": "status", "code": 400, "body": {"code": 200058, "message": "no"}},
    "403": {"kind": "status", "code": 403, "body": {"code": 200100, "message": "no"}},
    "404 JSON": {"kind": "status", "code": 404, "body": {"code": 404, "message": "gone"}},
    "404 HTML": {"kind": "proxy", "code": 404},
    "405": {"kind": "status", "code": 405, "body": {"code": 405, "message": "no"}},
    "410": {"kind": "status", "code": 410, "body": "gone"},
    "500": {"kind": "status", "code": 500},
    "200 list": {"kind": "wrong_json", "text": "[]"},
    "200 page": {"kind": "html"},
    "redirect": {"kind": "redirect"},
    "dropped": {"kind": "drop_before"},
}


def fail_me(lofty: Lofty, name: str) -> None:
    lofty.fault("acme", on="GET", path="/v1.0/me$", times=None, **ME_FAILS[name])


@pytest.mark.parametrize("name", ME_FAILS)
def test_check_token__only_me_fails__accepted_with_the_reason(
    db: None, lofty: Lofty, name: str
) -> None:
    fail_me(lofty, name)
    token = checked()
    assert token.lofty_user[NOT_READ]
    assert token.sales_agent_id is not None
    assert token.health == "works"


def test_check_token__settings_fail_too__refused(db: None, lofty: Lofty) -> None:
    lofty.fault("acme", kind="proxy", code=404, on="GET", times=None)
    with pytest.raises(LoftyError, match="The response did not come from Lofty"):
        checked()


def test_check_token__me_is_limited__no_answer_about_the_token(db: None, lofty: Lofty) -> None:
    lofty.fault("acme", kind="status", code=429, body={}, on="GET", path="/v1.0/me$", times=None)
    with pytest.raises(RateLimited):
        checked()


@pytest.mark.parametrize("name", ["401", "404 HTML", "500"])
def test_add_form__only_me_fails__added_and_says_what_is_not_known(
    superuser: User, lofty: Lofty, name: str
) -> None:
    fail_me(lofty, name)
    data = {"name": "Initech Homes", "scheme": "api_key", "token": TOKEN}
    html = signed_in(superuser).post(reverse("tenants:add"), data, follow=True).content.decode()
    assert "Initech Homes was added." in html
    assert "Lofty didn't say who the token belongs to" in html
    assert "time zone are unknown" in html
    connection = Tenant.objects.get().connection
    assert connection is not None
    assert (connection.health.status, connection.health.failing_since) == ("works", None)


@pytest.mark.parametrize("name", ["401", "404 HTML", "500"])
def test_replace__only_me_fails__stored_without_a_question(
    owner: User, acme: Tenant, connection: Connection, lofty: Lofty, name: str
) -> None:
    fail_me(lofty, name)
    url = reverse("tenants:connection_replace", args=["acme"])
    data = {"scheme": "api_key", "token": NEXT_TOKEN}
    html = signed_in(owner).post(url, data, follow=True).content.decode()
    assert "The token works and was saved. Lofty didn&#x27;t say who the token belongs to" in html
    assert acme.connection is not None
    assert acme.connection.version == 2


def test_replace__after_an_unread_owner__no_question_about_another_owner(
    owner: User, acme: Tenant, connection: Connection, lofty: Lofty
) -> None:
    Connection.objects.update(lofty_user={NOT_READ: "Lofty failed."})
    url = reverse("tenants:connection_replace", args=["acme"])
    data = {"scheme": "api_key", "token": NEXT_TOKEN}
    assert "The token belongs to" in signed_in(owner).post(url, data, follow=True).content.decode()


@pytest.mark.parametrize("name", ["401", "404 HTML", "500"])
def test_test_now__only_me_fails__works_and_keeps_the_owner_known_before(
    owner: User, connection: Connection, lofty: Lofty, name: str
) -> None:
    fail_me(lofty, name)
    url = reverse("tenants:connection_test", args=["acme"])
    html = signed_in(owner).post(url, follow=True).content.decode()
    assert f"The token works. The token belongs to {connection.owner_name}" in html
    connection.refresh_from_db()
    assert connection.health.status == "works"


@pytest.mark.parametrize("name", ["401", "404 HTML", "500"])
def test_connect__only_me_fails__asks_to_compare_the_sales_agent(
    browser: Any, acme: Tenant, app: Lofty, name: str
) -> None:
    fail_me(app, name)
    html = text(browser.get(lofty_sends_back(app, "acme"), follow=True))
    assert "Lofty didn't say whose account this is" in html
    assert "Compare the Sales Agent" in html
    assert "The account is connected. Lofty didn&#x27;t say" in text(
        go(browser, "tenants:connect_confirm", right="on")
    )
    assert ConnectionHealth.objects.get(connection__retired_at=None).status == Health.WORKS


def test_command__only_me_fails__added(db: None, lofty: Lofty) -> None:
    fail_me(lofty, "404 HTML")
    assert (
        "Lofty didn't say who the token belongs to (The response did not come from Lofty" in add()
    )


@pytest.mark.parametrize("name", ["401", "403", "404 HTML"])
def test_use__only_me_fails__settings_names_and_health_are_well(
    acme: Tenant, connection: Connection, lofty: Lofty, name: str
) -> None:
    fail_me(lofty, name)
    with pytest.raises(LoftyError):
        client_for(acme).me()
    sync = open_sync(acme)
    advance(sync.pk, seconds=60)
    sync.refresh_from_db()
    assert (sync.state, sync.done) == ("done", 5)
    assert "account" in sync.message.lower() or "owner" in sync.message.lower()
    assert read_live(acme).settings.id
    connection.refresh_from_db()
    assert (connection.health.status, connection.health.failing_since) == ("works", None)
