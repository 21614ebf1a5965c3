"""Connecting to Lofty over the pages, against the practice Lofty's authorization page."""

from datetime import timedelta
from threading import Thread

import pytest
from django.db import connection as database
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from lofty_admin.accounts.models import User
from lofty_admin.audit.models import AuditEvent
from lofty_admin.lofty.client import Scheme
from lofty_admin.tenants import services
from lofty_admin.tenants.credentials import oauth_flow, token_store, token_verification
from lofty_admin.tenants.credentials.secrets import open_from
from lofty_admin.tenants.models import Connection, Health, PendingConnection, Role, Tenant
from lofty_admin.tenants.tasks import renew_due
from tests.support.lofty_users import APP_ID, TOKEN, Lofty, connected, kinds
from tests.support.oauth_pages import go, lofty_sends_back, text
from tests.support.users import signed_in


def test_connect__started__leads_to_loftys_page_and_says_how_long_it_is_open(
    browser: Client, app: Lofty
) -> None:
    html = text(browser.get(reverse("tenants:connect", args=["acme"])))
    assert f'href="{app.url}/page/vendor-auth.html?clientId={APP_ID}"' in html
    assert "as the user whose Sales Agent Acme Realty uses" in html
    assert kinds() == ["connection.begun"]


def test_callback__approved__account_is_shown_and_nothing_is_attached(
    browser: Client, acme: Tenant, app: Lofty
) -> None:
    answer = browser.get(lofty_sends_back(app, "acme"), follow=True)
    html = text(answer)
    assert answer.redirect_chain[-1][0] == reverse("tenants:connect_confirm", args=["acme"])
    pending = PendingConnection.objects.get()
    for shown in (
        pending.lofty_user["name"],
        str(pending.sales_agent_id),
        "Yes, this is the right",
    ):
        assert shown in html
    assert acme.connection is None
    assert "code" not in answer.redirect_chain[-1][0]


def test_confirm__right_account__attached_and_nothing_is_left_over(
    browser: Client, acme: Tenant, app: Lofty
) -> None:
    browser.get(lofty_sends_back(app, "acme"))
    html = text(go(browser, "tenants:connect_confirm", right="on"))
    stored = Connection.objects.get()
    assert "The account is connected. The token belongs to" in html
    assert (stored.kind, stored.health.status, stored.added_by) == (
        "connection",
        "works",
        "Olivia Owner",
    )
    assert stored.access_expires_at is not None
    assert not PendingConnection.objects.exists()
    assert oauth_flow.SESSION_KEY not in browser.session
    assert kinds() == ["connection.begun", "credential.added"]
    acme.refresh_from_db()
    assert acme.sales_agent_id is not None
    assert "OAuth connection" in html


def test_confirm__without_the_tick__asks_again_and_stores_nothing(
    browser: Client, acme: Tenant, app: Lofty
) -> None:
    browser.get(lofty_sends_back(app, "acme"))
    assert "This field is required" in text(go(browser, "tenants:connect_confirm"))
    assert acme.connection is None


def test_pending__tokens_are_sealed_and_the_session_has_only_an_id(
    browser: Client, app: Lofty
) -> None:
    browser.get(lofty_sends_back(app, "acme"))
    pending = PendingConnection.objects.get()
    secrets = [open_from(pending, column) for column in ("sealed", "sealed_refresh")]
    held = str(dict(browser.session)) + str(browser.cookies)
    with database.cursor() as cursor:
        cursor.execute("SELECT t::text FROM tenants_pendingconnection t")
        held += str(cursor.fetchall())
    assert all(secret not in held and secret.encode().hex() not in held for secret in secrets)
    assert browser.session[oauth_flow.SESSION_KEY] == str(pending.pk)


def test_callback__denied_at_lofty__says_so_and_stores_nothing(
    browser: Client, acme: Tenant, app: Lofty, connection: Connection
) -> None:
    answer = browser.get(lofty_sends_back(app, "acme", "deny"))
    assert answer.status_code == 400
    assert "Access was denied in Lofty" in text(answer)
    assert "still in use" in text(answer)
    assert acme.connection == connection
    assert not PendingConnection.objects.exists()
    assert kinds()[-1] == "connection.ended"


def test_callback__same_code_twice__second_is_explained_and_changes_nothing(
    browser: Client, app: Lofty
) -> None:
    address = lofty_sends_back(app, "acme")
    browser.get(address)
    answer = browser.get(address)
    assert answer.status_code == 400
    assert "was already used" in text(answer)
    assert PendingConnection.objects.get().stage == "confirming"
    go(browser, "tenants:connect_confirm", right="on")
    again = browser.get(address)
    assert "This browser is not connecting with Lofty" in text(again)
    assert Connection.objects.count() == 1


@pytest.mark.parametrize("code", ["practice-code-somebody-made-up", "x" * 300])
def test_callback__foreign_code__lofty_refuses_and_nothing_is_stored(
    browser: Client, acme: Tenant, code: str
) -> None:
    answer = browser.get(reverse("tenants:oauth_callback"), {"code": code})
    assert "Lofty did not complete the connection" in text(answer)
    assert code not in text(answer)
    assert acme.connection is None
    assert not PendingConnection.objects.exists()


@pytest.mark.parametrize("query", ["", "code=", "code=%00", "code=a+b", "code=%E2%82%AC", "x=y"])
def test_callback__without_a_usable_code__says_so_and_the_connection_stays_open(
    browser: Client, query: str
) -> None:
    answer = browser.get(f"{reverse('tenants:oauth_callback')}?{query}")
    assert "no valid code" in text(answer)
    assert PendingConnection.objects.get().stage == "authorising"


def test_callback__lofty_fails_in_the_exchange__says_so_and_keeps_the_old_one(
    browser: Client, acme: Tenant, app: Lofty, connection: Connection
) -> None:
    address = lofty_sends_back(app, "acme")
    app.fault("acme", kind="cut_body", on="POST", times=None)
    answer = browser.get(address)
    assert "Lofty did not complete the connection" in text(answer)
    assert "Nothing was saved" in text(answer)
    assert acme.connection == connection
    assert kinds()[-1] == "connection.ended"


def test_callback__owner_cannot_be_read__nothing_is_stored(
    browser: Client, acme: Tenant, app: Lofty
) -> None:
    address = lofty_sends_back(app, "acme")
    app.fault("acme", kind="drop_before", on="GET", times=None)
    assert "Nothing was saved" in text(browser.get(address))
    assert not PendingConnection.objects.exists()


def test_callback__another_browser_of_the_same_user__nothing_is_exchanged(
    browser: Client, owner: User, app: Lofty
) -> None:
    answer = signed_in(owner).get(lofty_sends_back(app, "acme"))
    assert "This browser is not connecting with Lofty" in text(answer)
    assert PendingConnection.objects.get().stage == "authorising"


def test_callback__session_lost__says_so_and_the_code_is_not_kept_for_sign_in(
    browser: Client, app: Lofty
) -> None:
    answer = Client().get(lofty_sends_back(app, "acme"))
    assert answer.status_code == 403
    assert "no longer signed in" in text(answer)
    assert "practice-code" not in text(answer)


def test_callback__another_user_signed_in_in_the_same_browser__cannot_use_it(
    browser: Client, app: Lofty, superuser: User
) -> None:
    address = lofty_sends_back(app, "acme")
    session = browser.session
    session["_auth_user_id"] = str(superuser.pk)
    session["_auth_user_hash"] = superuser.get_session_auth_hash()
    session.save()
    assert "This browser is not connecting with Lofty" in text(browser.get(address))


def test_callback__role_revoked_meanwhile__refused(
    browser: Client, owner: User, acme: Tenant, app: Lofty
) -> None:
    address = lofty_sends_back(app, "acme")
    acme.memberships.filter(user=owner).update(role=Role.EDITOR)
    assert browser.get(address).status_code == 403
    assert PendingConnection.objects.get().stage == "authorising"


def test_callback__after_ten_minutes__says_so_and_it_is_removed(
    browser: Client, acme: Tenant, app: Lofty
) -> None:
    PendingConnection.objects.update(ends_at=timezone.now())
    assert "took more than ten minutes" in text(browser.get(lofty_sends_back(app, "acme")))
    renew_due(0)
    assert not PendingConnection.objects.exists()
    event = AuditEvent.objects.latest("seq")
    assert (event.kind, event.who) == ("connection.ended", "Console")


def test_confirm__after_ten_minutes__says_so(browser: Client, acme: Tenant, app: Lofty) -> None:
    browser.get(lofty_sends_back(app, "acme"))
    PendingConnection.objects.update(ends_at=timezone.now() - timedelta(seconds=1))
    html = text(go(browser, "tenants:connect_confirm", right="on"))
    assert "This browser is not connecting with Lofty" in html
    assert acme.connection is None


def test_second_tab__another_connection_started__asks_which_and_mixes_nothing_up(
    browser: Client, owner: User, globex: Tenant
) -> None:
    globex.memberships.create(user=owner, role=Role.MANAGER)
    answer = go(browser, "tenants:connect", "globex")
    assert answer.status_code == 409
    assert "This browser is already connecting another tenant" in text(answer)
    assert "Acme Realty" in text(answer)
    assert PendingConnection.objects.get().tenant.slug == "acme"
    go(browser, "tenants:connect", "globex", instead="1")
    assert PendingConnection.objects.get().tenant.slug == "globex"
    assert kinds() == ["connection.begun", "connection.ended", "connection.begun"]


def test_second_tab__answer_of_the_first__page_names_the_account(
    browser: Client, owner: User, acme: Tenant, globex: Tenant, app: Lofty
) -> None:
    """Lofty's answer does not say which tenant it is for: a person must see it."""
    connected(acme, app)
    globex.memberships.create(user=owner, role=Role.MANAGER)
    go(browser, "tenants:connect", "globex", instead="1")
    html = text(browser.get(lofty_sends_back(app, "acme"), follow=True))
    assert "Is this the Lofty account of Globex Homes?" in html
    assert "Another tenant already uses" in html
    assert "This field is required" in text(
        go(browser, "tenants:connect_confirm", "globex", right="on")
    )
    assert globex.connection is None


def test_cancel__before_and_after_the_callback__nothing_is_left(
    browser: Client, acme: Tenant, app: Lofty
) -> None:
    assert "canceled" in text(go(browser, "tenants:connect_cancel"))
    go(browser, "tenants:connect")
    browser.get(lofty_sends_back(app, "acme"))
    assert "Lofty may still list this console" in text(go(browser, "tenants:connect_cancel"))
    assert not PendingConnection.objects.exists()
    assert acme.connection is None


def test_cancel__during_the_exchange__nothing_is_left(
    browser: Client, acme: Tenant, app: Lofty, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = token_verification.ask_lofty

    def given_up_meanwhile(
        given: token_verification.CheckedToken,
    ) -> token_verification.CheckedToken:
        oauth_flow.end(PendingConnection.objects.get(), "Canceled.")
        return ask(given)

    monkeypatch.setattr(oauth_flow, "ask_lofty", given_up_meanwhile)
    answer = browser.get(lofty_sends_back(app, "acme"))
    assert "was canceled before Lofty responded" in text(answer)
    assert not PendingConnection.objects.exists()
    assert acme.connection is None


def test_confirm__another_lofty_user_than_before__needs_an_extra_confirmation(
    browser: Client, acme: Tenant, app: Lofty, connection: Connection
) -> None:
    html = text(browser.get(lofty_sends_back(app, "globex"), follow=True))
    assert "This token belongs to" in html
    assert "opens Sales Agent" in html
    go(browser, "tenants:connect_confirm", right="on")
    assert acme.connection == connection
    go(browser, "tenants:connect_confirm", right="on", meant="on")
    stored = acme.connection
    assert stored is not None
    assert stored.kind == "connection"


def test_confirm__new_warning_after_the_page__asks_again(
    browser: Client, acme: Tenant, globex: Tenant, app: Lofty, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.get(lofty_sends_back(app, "acme"))
    with monkeypatch.context() as patch:
        patch.setattr(oauth_flow, "questions", lambda pending: ())
        token_store.set_connection(globex, token_verification.check_token(Scheme.API_KEY, TOKEN))
        answer = go(browser, "tenants:connect_confirm", right="on")
    assert answer.status_code == 409
    assert "Another tenant" in text(answer)
    assert PendingConnection.objects.count() == 1
    assert acme.connection is None


def test_confirm__sealed_tokens_swapped__not_attached(
    browser: Client, acme: Tenant, app: Lofty
) -> None:
    browser.get(lofty_sends_back(app, "acme"))
    pending = PendingConnection.objects.get()
    PendingConnection.objects.update(sealed=pending.sealed_refresh, sealed_refresh=pending.sealed)
    html = text(go(browser, "tenants:connect_confirm", right="on"))
    assert "Not connected" in html
    assert acme.connection is None
    assert not PendingConnection.objects.exists()


def test_account_without_a_sales_agent__asks_first(
    browser: Client, acme: Tenant, app: Lofty
) -> None:
    app.change("acme", settings=None)
    html = text(browser.get(lofty_sends_back(app, "acme"), follow=True))
    assert "has no Sales Agent" in html
    go(browser, "tenants:connect_confirm", right="on", meant="on")
    assert Connection.objects.get().health.status == Health.NO_AGENT


def test_no_app__no_button_and_its_address_does_nothing(
    owner: User, acme: Tenant, lofty: Lofty
) -> None:
    client = signed_in(owner)
    assert "Not set up. This needs an OAuth app" in text(
        client.get(reverse("tenants:connection", args=["acme"]))
    )
    assert "not registered" in text(go(client, "tenants:connect"))
    assert not PendingConnection.objects.exists()


def test_archived_meanwhile__loftys_answer_is_not_used(
    browser: Client, acme: Tenant, app: Lofty
) -> None:
    services.archive_tenant(acme)
    assert "This tenant is archived" in text(browser.get(lofty_sends_back(app, "acme")))
    assert not PendingConnection.objects.exists()


def test_archived_meanwhile__not_attached(browser: Client, acme: Tenant, app: Lofty) -> None:
    browser.get(lofty_sends_back(app, "acme"))
    services.archive_tenant(acme)
    assert go(browser, "tenants:connect_confirm", right="on").status_code == 403
    assert acme.connection is None


@pytest.mark.django_db(transaction=True)
def test_callback__twice_at_once__one_exchange(owner: User, acme: Tenant, app: Lofty) -> None:
    client = signed_in(owner)
    go(client, "tenants:connect")
    app.fault("acme", kind="delay", on="POST", times=None, seconds=0.5)
    address, answers = lofty_sends_back(app, "acme"), list[str]()

    def open_it() -> None:
        twin = Client()
        twin.cookies = client.cookies
        try:
            answers.append(text(twin.get(address, follow=True)))
        finally:
            database.close()

    threads = [Thread(target=open_it) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted("was already used" in answer for answer in answers) == [False, True]
    assert PendingConnection.objects.get().stage == "confirming"
