"""With REQUIRE_MFA, a user without a second factor can only set one up."""

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from lofty_admin.accounts.models import User
from lofty_admin.core.environment import read_environment
from tests.support.routes import addresses
from tests.support.second_factor import code_at, give_app, give_code, shown_secret
from tests.support.sign_in import is_signed_in, sign_in
from tests.support.users import signed_in

ALLOWED = {
    "healthz",
    "readyz",
    "set_language",
    "accounts:invitation",
    "accounts:invitation_accept",
    "accounts:second_step",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "account_reauthenticate",
    "accounts:sign_in_again",
    "account_logout",
}


@pytest.fixture(autouse=True)
def required(db: None, settings: Settings) -> None:
    settings.REQUIRE_MFA = True
    cache.clear()


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_no_factor_yet__every_address__leads_to_the_setup(superuser: User, method: str) -> None:
    client, seen = signed_in(superuser), 0
    for path, name in addresses():
        if name in ALLOWED:
            continue
        answer = getattr(client, method)(path)
        assert answer.status_code in {302, 404}, f"{method} {path}: {answer.status_code}"
        if answer.status_code == 302:
            assert answer.headers["Location"] == reverse("accounts:second_step"), path
            seen += 1
    assert seen > 20


def test_no_factor_yet__fragment__whole_page_is_reloaded(superuser: User) -> None:
    answer = signed_in(superuser).get("/", headers={"HX-Request": "true"})
    assert answer.headers["HX-Refresh"] == "true"


def test_no_factor_yet__allowed_pages__work(superuser: User) -> None:
    client = signed_in(superuser)
    for name in ALLOWED - {
        *("account_logout", "healthz", "readyz", "set_language", "accounts:invitation_accept")
    }:
        assert client.get(reverse(name)).status_code == 200, name
    without_code = client.get(reverse("accounts:invitation_accept"))
    assert without_code.headers["Location"] == reverse("accounts:invitation")
    assert client.post(reverse("account_logout")).status_code == 302


def test_no_factor_yet__sets_one_up__every_page_works(superuser: User) -> None:
    client = Client()
    sign_in(client, superuser.email)
    assert not is_signed_in(client)
    secret = shown_secret(client.get(reverse("mfa_activate_totp")).content.decode())
    client.post(reverse("mfa_activate_totp"), {"code": code_at(secret)})
    assert is_signed_in(client)


def test_factor_removed__next_request__asked_to_set_one_up(superuser: User) -> None:
    step = give_app(superuser)
    client = signed_in(superuser)
    assert is_signed_in(client)
    step.delete()
    assert client.get("/").headers["Location"] == reverse("accounts:second_step")


def test_recovery_codes_alone__are_no_second_factor(superuser: User) -> None:
    from allauth.mfa.models import Authenticator

    Authenticator.objects.create(user=superuser, type="recovery_codes", data={})
    assert signed_in(superuser).get("/").headers["Location"] == reverse("accounts:second_step")


def test_has_a_factor__setup_page__redirects_home(superuser: User) -> None:
    give_app(superuser)
    client = Client()
    sign_in(client, superuser.email)
    give_code(client, code_at())
    assert client.get(reverse("accounts:second_step")).headers["Location"] == "/"


@pytest.mark.parametrize(
    ("demo", "given", "required"),
    [("0", None, True), ("1", None, False), ("0", "0", False), ("1", "1", True)],
)
def test_environment__required_unless_demo(
    monkeypatch: pytest.MonkeyPatch, demo: str, given: str | None, required: bool
) -> None:
    monkeypatch.setenv("LOFTY_DEMO", demo)
    if given:
        monkeypatch.setenv("REQUIRE_MFA", given)
    else:
        monkeypatch.delenv("REQUIRE_MFA", raising=False)
    assert read_environment().require_mfa is required
