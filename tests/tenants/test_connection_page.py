"""The page of a tenant's connection."""

from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone

from lofty_admin.accounts.models import User
from lofty_admin.tenants.models import Connection, Tenant
from tests.support.lofty_users import NEXT_TOKEN, OTHER_TOKEN, TOKEN, Lofty, connected, kinds
from tests.support.users import signed_in


def replace(user: User, token: str, scheme: str = "api_key", **more: str) -> HttpResponse:
    url = reverse("tenants:connection_replace", args=["acme"])
    data = {"scheme": scheme, "token": token, **more}
    answer: HttpResponse = signed_in(user).post(url, data, follow=True)  # type: ignore[assignment]  # the test client's subclass
    return answer


def page(user: User) -> HttpResponse:
    answer: HttpResponse = signed_in(user).get(reverse("tenants:connection", args=["acme"]))  # type: ignore[assignment]  # the test client's subclass
    return answer


def test_page__token_in_use__everything_but_the_token(owner: User, connection: Connection) -> None:
    answer = page(owner)
    html = answer.content.decode()
    for shown in ("Works", "WXYZ", connection.fingerprint, connection.owner_name, "58 of 60 left"):
        assert shown in html
    assert TOKEN not in html
    assert "no-store" in answer.headers["Cache-Control"]


def test_page__no_token__says_what_that_means(owner: User, acme: Tenant) -> None:
    html = page(owner).content.decode()
    assert "can't be read or changed" in html
    assert 'autocomplete="off"' in html


def test_page__failing__says_since_when_and_what_to_do(
    owner: User, connection: Connection, lofty: Lofty
) -> None:
    lofty.change("acme", revoke_all=True)
    url = reverse("tenants:connection_test", args=["acme"])
    html = signed_in(owner).post(url, follow=True).content.decode()
    assert "<strong>Failing</strong> since" in html
    assert "Get a new token from Lofty" in html


def test_replace__good_token__stored_and_owner_is_shown(
    owner: User, acme: Tenant, lofty: Lofty
) -> None:
    html = replace(owner, f"  {TOKEN}\n").content.decode()
    assert acme.connection is not None
    assert f"The token belongs to {acme.connection.owner_name}" in html
    assert acme.connection.added_by == "Olivia Owner"
    assert TOKEN not in html


@pytest.mark.parametrize(
    ("token", "scheme", "words"),
    [
        ("nobody-has-this-token-0123456789", "api_key", "Lofty does not accept this token"),
        (OTHER_TOKEN, "api_key", "Check that the kind of token is right"),
        ("“quoted-token-0123456789”", "api_key", "This can&#x27;t be a Lofty token"),
        ("token with-blank-0123456789", "api_key", "This can&#x27;t be a Lofty token"),
        ("nul\x00-token-0123456789", "api_key", "This can&#x27;t be a Lofty token"),
        ("", "api_key", "This field is required"),
        (TOKEN, "basic", "not one of the available choices"),
    ],
)
def test_replace__bad_token__says_why_stores_nothing_echoes_nothing(
    owner: User, acme: Tenant, lofty: Lofty, token: str, scheme: str, words: str
) -> None:
    answer = replace(owner, token, scheme)
    html = answer.content.decode()
    assert words in html
    assert not token or token not in html
    assert "token-0123456789" not in html
    assert "no-store" in answer.headers["Cache-Control"]
    assert acme.connection is None
    assert kinds() == []


def test_replace__lofty_is_down__says_so_and_keeps_the_old_one(
    owner: User, acme: Tenant, connection: Connection, lofty: Lofty
) -> None:
    lofty.fault("acme", kind="drop_before", on="GET", times=None)
    html = replace(owner, NEXT_TOKEN).content.decode()
    assert "The token was not saved" in html
    assert acme.connection == connection


def test_replace__another_users_token__asks_then_does(
    owner: User, acme: Tenant, connection: Connection
) -> None:
    html = replace(owner, OTHER_TOKEN, "oauth").content.decode()
    assert "a different Sales Agent" in html
    assert 'type="checkbox" name="meant"' in html
    assert OTHER_TOKEN not in html
    assert acme.connection == connection
    replace(owner, OTHER_TOKEN, "oauth", meant="on")
    assert acme.connection is not None
    assert acme.connection.scheme == "oauth"


def test_replace__other_names_in_the_post__change_nothing_else(
    owner: User, acme: Tenant, globex: Tenant, lofty: Lofty
) -> None:
    extra = {"tenant": str(globex.pk), "version": "99", "added_by": "Mallory", "sealed": "x"}
    replace(owner, TOKEN, **extra)
    assert acme.connection is not None
    assert (acme.connection.version, acme.connection.added_by) == (1, "Olivia Owner")
    assert globex.connection is None


def test_test_now__works__names_the_owner(owner: User, connection: Connection) -> None:
    url = reverse("tenants:connection_test", args=["acme"])
    html = signed_in(owner).post(url, follow=True).content.decode()
    assert f"The token works. The token belongs to {connection.owner_name}" in html


def test_test_now__no_token__nothing_sent(owner: User, acme: Tenant, lofty: Lofty) -> None:
    url = reverse("tenants:connection_test", args=["acme"])
    assert "Nothing was sent" in signed_in(owner).post(url, follow=True).content.decode()
    assert lofty.calls_made("acme") == 0


def test_remove__without_the_tick__kept(owner: User, acme: Tenant, connection: Connection) -> None:
    url = reverse("tenants:connection_remove", args=["acme"])
    assert "Nothing was removed" in signed_in(owner).post(url, follow=True).content.decode()
    assert acme.connection == connection


def test_remove__with_the_tick__gone(owner: User, acme: Tenant, connection: Connection) -> None:
    url = reverse("tenants:connection_remove", args=["acme"])
    signed_in(owner).post(url, {"sure": "on"})
    assert acme.connection is None


def test_page__connection__kind_ends_and_renewal(owner: User, acme: Tenant, app: Lofty) -> None:
    stored = connected(acme, app)
    html = page(owner).content.decode()
    assert stored.lofty_user["time_zone"]
    for shown in (
        "OAuth connection",
        str(acme.sales_agent_id),
        stored.lofty_user["time_zone"],
        str(stored.lofty_user["team_id"]),
        "in 179 days",
        "The current token expires",
        "Connect again",
    ):
        assert shown in html
    Connection.objects.update(expires_at=timezone.now() + timedelta(days=7, hours=1))
    assert "It expires in 7 days. Connect with Lofty again" in page(owner).content.decode()


def test_page__authorise_again__says_since_when_and_what_to_do(
    owner: User, acme: Tenant, app: Lofty
) -> None:
    connected(acme, app)
    app.change("acme", revoke_all=True)
    Connection.objects.update(access_expires_at=timezone.now())
    url = reverse("tenants:connection_test", args=["acme"])
    html = signed_in(owner).post(url, follow=True).content.decode()
    assert "Not since" in html
    assert "Connect this tenant with Lofty again" in html
    assert "Nothing was sent to Lofty" in html


def test_page__renewal_failed__says_when_it_is_tried_again(
    owner: User, acme: Tenant, app: Lofty
) -> None:
    connected(acme, app)
    app.fault("acme", kind="status", on="POST", times=1, code=500)
    Connection.objects.update(access_expires_at=timezone.now())
    signed_in(owner).post(reverse("tenants:connection_test", args=["acme"]))
    html = page(owner).content.decode()
    assert "The last renewal of the token failed" in html
    assert "The console tries again" in html


def test_page__token_reports_that_it_has_expired__says_so(
    owner: User, connection: Connection
) -> None:
    Connection.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert "The token says it has expired" in page(owner).content.decode()


def test_page__no_expiry_given__unknown(owner: User, connection: Connection) -> None:
    assert "Unknown" in page(owner).content.decode()


def test_replace__api_key_used_by_the_app__tried_stored_and_not_shown(
    owner: User, acme: Tenant, app: Lofty
) -> None:
    html = replace(owner, TOKEN, "client_credentials").content.decode()
    assert "The token works and was saved" in html
    assert "API key used by the OAuth app, ends in <code>WXYZ</code>" in html
    assert TOKEN not in html


def test_replace__key_that_lofty_refuses_the_app__says_why_and_stores_nothing(
    owner: User, acme: Tenant, app: Lofty
) -> None:
    html = replace(owner, "nobody-has-this-key-0123456789", "client_credentials").content.decode()
    assert "Lofty does not accept this token" in html
    assert acme.connection is None


def test_replace__api_key_for_the_app_without_one__is_no_choice(
    owner: User, acme: Tenant, lofty: Lofty
) -> None:
    html = replace(owner, TOKEN, "client_credentials").content.decode()
    assert "not one of the available choices" in html
    assert acme.connection is None
