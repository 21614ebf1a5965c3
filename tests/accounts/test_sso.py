"""Single sign-on against a provider on loopback: who may sign in, and who may not."""

import time
from io import StringIO
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount, SocialToken
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from lofty_admin.accounts import invitations, services, sso
from lofty_admin.accounts.models import Invitation, User
from lofty_admin.audit.models import AuditEvent
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider
from tests.support.second_factor import code_at, give_app, give_code, later
from tests.support.sign_in import guess, is_signed_in, kinds
from tests.support.single_sign_on import come_back, sign_in_there, start
from tests.support.users import make_user


def refused_because() -> str:
    event = AuditEvent.objects.filter(kind="session.sign_in_failed").latest("seq")
    return str(event.content["detail"]["because"])


def test_first_time__verified_address_and_group__signed_in_linked_and_recorded(
    provider: IdentityProvider, viewer: User
) -> None:
    assert is_signed_in(sign_in_there(provider))
    account = SocialAccount.objects.get()
    assert (account.user, account.provider, account.uid) == (viewer, provider.issuer, "subject-1")
    assert kinds() == ["sso.linked", "session.signed_in"]
    signed = AuditEvent.objects.get(kind="session.signed_in")
    assert signed.content["detail"]["with"] == ["socialaccount"]


def test_second_time__address_changed_and_not_verified__same_user_by_subject(
    provider: IdentityProvider, viewer: User
) -> None:
    sign_in_there(provider)
    provider.claims.update(email="moved@example.com", email_verified=False)
    client = sign_in_there(provider)
    assert is_signed_in(client)
    assert client.session["_auth_user_id"] == str(viewer.pk)


def test_other_subject__same_verified_address__refused(provider: IdentityProvider) -> None:
    sign_in_there(provider)
    provider.claims["sub"] = "subject-2"
    assert not is_signed_in(sign_in_there(provider))
    assert SocialAccount.objects.count() == 1
    assert "another account" in refused_because()


def test_other_subject__after_disconnecting__is_linked(
    provider: IdentityProvider, viewer: User
) -> None:
    before = sign_in_there(provider)
    call_command("person", "disconnect-sso", viewer.email, stdout=StringIO())
    assert not is_signed_in(before)
    provider.claims["sub"] = "subject-2"
    assert is_signed_in(sign_in_there(provider))
    assert SocialAccount.objects.get().uid == "subject-2"
    event = AuditEvent.objects.get(kind="sso.unlinked")
    assert event.content["detail"] == {"accounts": [[provider.issuer, "subject-1"]]}


def test_linked_subject__claims_another_users_address__stays_its_own_user(
    provider: IdentityProvider, viewer: User
) -> None:
    """Who is linked stays who they are, whatever address the provider tells."""
    sign_in_there(provider)
    other = make_user("other@example.com", "Otto Other")
    provider.claims["email"] = other.email
    client = sign_in_there(provider)
    assert client.session["_auth_user_id"] == str(viewer.pk)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"email_verified": False}, "has not verified"),
        ({"email_verified": None}, "has not verified"),
        ({"email_verified": "true"}, "has not verified"),
        ({"email": None}, "has not verified"),
        ({"email": "stranger@example.com"}, "no user has this"),
        ({"groups": None}, "not in a group"),
        ({"groups": []}, "not in a group"),
        ({"groups": ["all-staff"]}, "not in a group"),
        ({"groups": "all-staff"}, "not in a group"),
        ({"iss": "https://evil.test"}, "InvalidIssuerError"),
        ({"aud": "another-client"}, "InvalidAudienceError"),
        ({"aud": [CLIENT_ID, "another-client"]}, "for other audiences too"),
        ({"exp": int(time.time()) - 120}, "ExpiredSignatureError"),
        ({"iat": int(time.time()) + 3600}, "ImmatureSignatureError"),
        ({"nonce": "of another sign-in"}, "another sign-in"),
        ({"nonce": None}, "MissingRequiredClaimError"),
        ({"sub": None}, "MissingRequiredClaimError"),
        ({"exp": None}, "MissingRequiredClaimError"),
    ],
)
def test_claim_wrong__refused_and_recorded(
    provider: IdentityProvider, change: dict[str, Any], reason: str
) -> None:
    provider.claims.update(change)
    assert not is_signed_in(sign_in_there(provider))
    assert reason in refused_because()
    assert not SocialAccount.objects.exists()
    assert User.objects.count() == 1


def test_group_lost__linked_before__refused(provider: IdentityProvider) -> None:
    sign_in_there(provider)
    provider.claims["groups"] = ["all-staff"]
    assert not is_signed_in(sign_in_there(provider))


@pytest.mark.parametrize("forgery", ["other key", "unknown key id", "none", "hmac"])
def test_signature_wrong__refused(provider: IdentityProvider, forgery: str) -> None:
    if forgery == "other key":
        provider.signing_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    elif forgery == "unknown key id":
        provider.key_id = "key-2"
    elif forgery == "none":
        provider.signing_key, provider.algorithm = None, "none"
    else:
        provider.signing_key, provider.algorithm = CLIENT_SECRET.encode(), "HS256"
    assert not is_signed_in(sign_in_there(provider))
    assert "session.signed_in" not in kinds()


def test_description__of_another_issuer__refused(provider: IdentityProvider) -> None:
    provider.described_issuer = "https://evil.test"
    answer = Client().get(reverse("accounts:sso_login"))
    assert answer.status_code == 403
    assert "You are not signed in" in answer.content.decode()


@pytest.mark.parametrize(
    "answer", [{"access_token": "x"}, {"access_token": "x", "id_token": "a.b.c"}, {"error": "no"}]
)
def test_token_response__without_a_valid_id_token__refused(
    provider: IdentityProvider, answer: dict[str, Any]
) -> None:
    provider.answer = answer
    assert not is_signed_in(sign_in_there(provider))
    assert refused_because()


def test_provider__is_down__says_so(provider: IdentityProvider, settings: Settings) -> None:
    from dataclasses import replace

    settings.SINGLE_SIGN_ON = replace(settings.SINGLE_SIGN_ON, issuer="http://127.0.0.1:9")
    answer = Client().get(reverse("accounts:sso_login"))
    assert answer.status_code == 403
    assert "could not be reached" in answer.content.decode()


def test_state__of_another_browser__refused(provider: IdentityProvider) -> None:
    """The code of an attacker's sign-in, put into the victim's browser."""
    query = provider.authorise(start(Client()))
    victim = Client()
    start(victim)
    assert come_back(victim, query).status_code == 403
    assert not is_signed_in(victim)
    assert provider.requests == []


@pytest.mark.parametrize("state", [None, "", "made-up"])
def test_state__missing_or_made_up__refused(provider: IdentityProvider, state: str | None) -> None:
    client = Client()
    query = provider.authorise(start(client))
    query = {"code": query["code"]} if state is None else {**query, "state": state}
    assert come_back(client, query).status_code == 403
    assert provider.requests == []


def test_callback__twice__works_once(provider: IdentityProvider) -> None:
    client = Client()
    query = provider.authorise(start(client))
    come_back(client, query)
    client.post(reverse("account_logout"))
    assert come_back(client, query).status_code == 403
    assert not is_signed_in(client)


def test_callback__ten_minutes_late__refused(provider: IdentityProvider) -> None:
    client = Client()
    query = provider.authorise(start(client))
    with later(601):
        assert come_back(client, query).status_code == 403


def test_callback__user_declined__says_so_and_is_recorded(provider: IdentityProvider) -> None:
    client = Client()
    query = provider.authorise(start(client))
    answer = come_back(client, {"state": query["state"], "error": "access_denied"})
    assert answer.status_code == 403
    assert kinds() == ["session.sign_in_failed"]


def test_start__query_of_an_attacker__reaches_nothing(provider: IdentityProvider) -> None:
    address = start(
        Client(), process="connect", auth_params="redirect_uri=https://evil.test", scope="admin"
    )
    assert "evil.test" not in address
    assert "admin" not in address


def test_connect__signed_in_user__is_not_offered(provider: IdentityProvider, owner: User) -> None:
    """No one can link their account at the provider to another user's session."""
    client = Client()
    client.force_login(owner)
    assert (
        client.get(reverse("accounts:sso_login"), {"process": "connect"}).headers["Location"] == "/"
    )
    assert not SocialAccount.objects.exists()


def test_next__page_of_ours__goes_there_and_not_elsewhere(provider: IdentityProvider) -> None:
    for target, expected in (("/t/acme/people/", "/t/acme/people/"), ("https://evil.test/", "/")):
        client = Client()
        answer = come_back(client, provider.authorise(start(client, next=target)))
        assert answer.headers["Location"] == expected


def test_deactivated__linked_before__refused(provider: IdentityProvider, viewer: User) -> None:
    sign_in_there(provider)
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    assert not is_signed_in(sign_in_there(provider))
    assert "deactivated" in refused_because()


def test_second_factor__set_up__asked_for_here_too(
    provider: IdentityProvider, viewer: User
) -> None:
    give_app(viewer)
    client = sign_in_there(provider)
    assert not is_signed_in(client)
    give_code(client, code_at())
    assert is_signed_in(client)


def test_second_factor__required_and_none__asked_to_set_one_up(
    provider: IdentityProvider, settings: Settings
) -> None:
    settings.REQUIRE_MFA = True
    client = sign_in_there(provider)
    assert client.get("/").headers["Location"] == reverse("accounts:second_step")


def test_password_throttled__sign_in_by_sso__works_anyway(
    provider: IdentityProvider, viewer: User
) -> None:
    guess(viewer.email, 100)
    assert is_signed_in(sign_in_there(provider))


def test_user_who_left__in_a_session__signed_out_within_the_absolute_limit(
    provider: IdentityProvider, settings: Settings
) -> None:
    settings.SESSION_COOKIE_AGE = 3600
    client = sign_in_there(provider)
    provider.claims["groups"] = []
    with later(3601):
        assert not is_signed_in(client)
        assert not is_signed_in(sign_in_there(provider, client))


def test_tokens_and_claims__are_not_kept(provider: IdentityProvider) -> None:
    client = sign_in_there(provider)
    assert not SocialToken.objects.exists()
    assert SocialAccount.objects.get().extra_data == {}
    everything = repr(dict(client.session)) + "".join(
        AuditEvent.objects.values_list("body", flat=True)
    )
    assert CLIENT_SECRET not in everything
    assert "an-access-token" not in everything


def test_login_page__offers_it_only_when_set_up(provider: IdentityProvider, settings: Any) -> None:
    url = reverse("account_login")
    assert "Single sign-on" in Client().get(url).content.decode()
    settings.SINGLE_SIGN_ON = None
    assert "Single sign-on" not in Client().get(url).content.decode()
    assert Client().get(reverse("accounts:sso_login")).status_code == 404
    assert Client().get(reverse("accounts:sso_callback")).status_code == 404


# --- look-alike addresses, unusual claims, invitations ---


def latest_refusal() -> dict[str, Any]:
    event = AuditEvent.objects.filter(kind="session.sign_in_failed").latest("seq")
    return dict(event.content["detail"])


@pytest.mark.parametrize(
    "email",
    [
        "v\u0131ewer@example.com",
        "V\u0131EWER@EXAMPLE.COM",
        "v\u0130ewer@example.com",
        "\uff56iewer@example.com",
        "viewer@example.com\u200b",
        " viewer@example.com",
        "view\u0435r@example.com",
    ],
)
def test_first_time__look_alike_address__refused_and_recorded_as_sent(
    provider: IdentityProvider, email: str
) -> None:
    provider.claims.update(email=email, sub="impostor")
    assert not is_signed_in(sign_in_there(provider))
    assert not SocialAccount.objects.exists()
    sent = latest_refusal()["sent"]
    assert (sent["sub"], sent["email"]) == ("impostor", ascii(email)[1:-1])


def test_first_time__long_s_for_s__refused(provider: IdentityProvider) -> None:
    make_user("sam@example.com", "Sam", superuser=True)
    for email in ("\u017fam@example.com", "sam@example.com".replace("a", "\u1d00")):
        provider.claims.update(email=email, sub=email)
        assert not is_signed_in(sign_in_there(provider))
    assert not SocialAccount.objects.exists()


def test_first_time__address_in_capitals__linked_and_recorded_as_sent(
    provider: IdentityProvider, viewer: User
) -> None:
    provider.claims["email"] = viewer.email.upper()
    assert is_signed_in(sign_in_there(provider))
    sent = AuditEvent.objects.get(kind="sso.linked").content["detail"]["sent"]
    assert sent["email"] == viewer.email.upper()


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "x" * 300},
        {"sub": "x" * 100_000},
        {"sub": "a\x00b"},
        {"sub": "a\u200b"},
        {"sub": "\ud800"},
        {"sub": ""},
        {"sub": "   "},
        {"sub": 7},
        {"sub": ["subject-1"]},
        {"sub": {"id": 1}},
        {"sub": True},
        {"email": ["viewer@example.com"]},
        {"email": {"a": 1}},
        {"email": 5},
        {"email": "a" * 10_000 + "@example.com"},
        {"email": "viewer@example.com\x00"},
        {"email": "\ud800@example.com"},
        {"email_verified": [True]},
        {"groups": {"console-users": True}},
        {"groups": [["console-users"]]},
        {"groups": [{"name": "console-users"}] * 5000},
        {"groups": 3},
        {"nonce": "ü"},
        {"nonce": ["x"]},
        {"nonce": "\ud800"},
        {"aud": {"console": 1}},
        {"aud": [["console"]]},
        {"iss": ["x"]},
        {"exp": []},
        {"exp": float("inf")},
        {"iat": "yesterday"},
        {"iat": float("nan")},
        {"nbf": {}},
    ],
    ids=lambda claims: "-".join(claims) + "-" + ascii(claims)[:30],
)
def test_claim__of_unexpected_type_or_size__refused_and_recorded(
    provider: IdentityProvider, claims: dict[str, Any]
) -> None:
    provider.claims.update(claims)
    client = Client()
    answer = come_back(client, provider.authorise(start(client)))
    assert answer.status_code == 403
    assert not is_signed_in(client)
    assert len(str(latest_refusal())) < 1500


def test_invited__first_sign_in_by_single_sign_on__invitation_closes(
    provider: IdentityProvider, superuser: User
) -> None:
    """Its link would set a password for an account that is in use."""
    user = invitations.invite("new@example.com", page="https://console.test/accounts/invitation/")
    code = mail.outbox[-1].body.split("#")[1].split()[0]
    opened = Client()
    opened.post(reverse("accounts:invitation"), {"code": code})
    provider.claims.update(email=user.email, sub="new")
    assert is_signed_in(sign_in_there(provider))
    ending = user.invitations.get().ending
    assert ending == Invitation.Ending.NOT_NEEDED
    signed = AuditEvent.objects.get(kind="session.signed_in")
    assert signed.content["detail"]["invitation"] == "closed"
    data = {"name": "Eve", "password": "completely other words", "again": "completely other words"}
    opened.post(reverse("accounts:invitation_accept"), data)
    answer = Client().post(reverse("accounts:invitation"), {"code": code})
    assert "no longer needed" in answer.content.decode()
    user.refresh_from_db()
    assert not user.has_usable_password()
    with pytest.raises(ValidationError):
        invitations.withdraw(user)
    with pytest.raises(ValidationError):
        invitations.invite_again(user, page="https://console.test/")


def test_last_superuser__other_one_lost_the_group__counts_no_more(
    provider: IdentityProvider, superuser: User
) -> None:
    other = make_user("other@example.com", "Otto Other", superuser=True)
    other.set_unusable_password()
    other.save()
    assert list(services.working_superusers()) == [superuser]  # never signed in there
    provider.claims.update(email=other.email, sub="other")
    sign_in_there(provider)
    assert services.working_superusers().count() == 2
    groups, provider.claims["groups"] = provider.claims["groups"], ["sales"]
    sign_in_there(provider)
    with pytest.raises(ValidationError, match="last superuser"):
        services.deactivate_person(superuser)
    provider.claims["groups"] = groups
    sign_in_there(provider)
    services.deactivate_person(superuser)
    with pytest.raises(ValidationError, match="last superuser"):
        sso.disconnect(other)
    assert SocialAccount.objects.filter(user=other).exists()


# --- a provider that is slow, or gone ---


def test_description_and_keys__asked_for_once(provider: IdentityProvider) -> None:
    for _ in range(3):
        assert is_signed_in(sign_in_there(provider))
    assert provider.pages.count("/.well-known/openid-configuration") == 1
    assert provider.pages.count("/keys") == 1


def test_keys__changed_at_the_provider__asked_for_again(provider: IdentityProvider) -> None:
    assert is_signed_in(sign_in_there(provider))
    provider.key = provider.signing_key = rsa.generate_private_key(65537, 2048)
    provider.key_id = provider.published_key_id = "key-2"
    assert is_signed_in(sign_in_there(provider))


@pytest.mark.parametrize("how", ["silent", "trickle", "endless"])
def test_provider__never_finishes_its_response__page_says_so_within_seconds(
    provider: IdentityProvider, how: str
) -> None:
    client = Client()
    query = provider.authorise(start(client))
    provider.spoil = how
    began = time.monotonic()
    answer = come_back(client, query)
    assert time.monotonic() - began < 8
    assert answer.status_code == 403
    assert refused_because().startswith("the provider")
