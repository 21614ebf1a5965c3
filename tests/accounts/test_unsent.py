"""A form sent after the session ended, or from an outdated page, is kept for its user only."""

from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.conf import settings as django_settings
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from lofty_admin.accounts import tasks, unsent
from lofty_admin.accounts.models import UnsentForm, User
from lofty_admin.agentsettings.fields import SETTINGS
from lofty_admin.core import vault
from lofty_admin.tenants.models import Tenant
from tests.support.forms import subclasses
from tests.support.pages import hidden_fields
from tests.support.second_factor import later
from tests.support.users import PASSWORD

EDIT = "/t/acme/edit/"
TYPED = {"name": "Acme & Sons", "note": "first line\r\nsecond <line>"}


@pytest.fixture(autouse=True)
def fresh_throttle(db: None) -> None:
    cache.clear()


def opened(user: User) -> Client:
    client = Client(enforce_csrf_checks=True)
    use_sign_in_page(client, user, reverse("account_login"))
    return client


def use_sign_in_page(client: Client, user: User, address: str) -> HttpResponse:
    """Sign in as a browser does, with the token and the way back of the page."""
    page = client.get(address)
    fields = hidden_fields(page.content.decode(), reverse("account_login"))
    data = {**dict(fields), "login": user.email, "password": PASSWORD}
    return client.post(reverse("account_login"), data)  # type: ignore[return-value]


def typed_into(
    client: Client, address: str = EDIT, action: str = EDIT, **more: Any
) -> dict[str, Any]:
    """What a browser sends from the form on that page, with TYPED in it."""
    return {**dict(hidden_fields(client.get(address).content.decode(), action)), **TYPED, **more}


def interrupted(client: Client, data: dict[str, Any], path: str = EDIT) -> str:
    """Send it; the address to which that leads. The form must not have been carried out."""
    answer = client.post(path, data, headers={"Referer": f"http://testserver{EDIT}"})
    assert answer.status_code == 302
    assert Tenant.objects.filter(slug="acme", name="Acme Realty").exists()
    return str(answer["Location"])


def resumed(client: Client, address: str) -> HttpResponse:
    """Press the button on the page that shows what was typed."""
    html = client.get(address).content.decode()
    return client.post(EDIT, dict(hidden_fields(html, EDIT)))  # type: ignore[return-value]


def has_what_was_typed() -> bool:
    tenant = Tenant.objects.get(slug="acme")
    return (tenant.name, tenant.note.replace("\r\n", "\n")) == (
        TYPED["name"],
        TYPED["note"].replace("\r\n", "\n"),
    )


# --- the ways to lose a session -------------------------------------------------------------------
def test_idle__form_sent__page_says_why_and_the_form_comes_back(
    owner: User, settings: Settings
) -> None:
    settings.SESSION_IDLE_AGE = 3600
    client = opened(owner)
    data = typed_into(client)
    with later(3601):
        address = interrupted(client, data)
        page = client.get(address).content.decode()
        assert "You were signed out after 60 minutes without activity." in page
        assert "Nothing was sent." in page
        after = use_sign_in_page(client, owner, address)["Location"]
        html = client.get(after).content.decode()
        assert "Nothing was sent" in html
        assert "Acme &amp; Sons" in html
        assert not has_what_was_typed()
        resumed(client, after)
    assert has_what_was_typed()


def sign_out_elsewhere(client: Client) -> None:
    client.post(reverse("account_logout"), typed_into(client, "/", reverse("account_logout")))


def delete_cookies(client: Client) -> None:
    client.cookies.clear()


def be_ended_elsewhere(client: Client) -> None:
    unsent_before = UnsentForm.objects.count()
    user = User.objects.get(email="owner@example.com")
    from lofty_admin.accounts.sessions import end_sessions

    end_sessions(user)
    assert UnsentForm.objects.count() == unsent_before


@pytest.mark.parametrize("end", [sign_out_elsewhere, delete_cookies, be_ended_elsewhere])
def test_session_gone__form_sent__comes_back_after_signing_in(owner: User, end: Any) -> None:
    client = opened(owner)
    data = typed_into(client)
    end(client)
    address = interrupted(client, data)
    assert "You were signed out." in client.get(address).content.decode()
    resumed(client, use_sign_in_page(client, owner, address)["Location"])
    assert has_what_was_typed()


def test_page__lists_and_hidden_fields__shows_only_what_was_typed_one_line_for_each_list(
    owner: User,
) -> None:
    client = opened(owner)
    data = typed_into(client)
    lists = {
        "draft": "7f0c9a52-6b53-4c3c-a3b1-1f5f0d2b6c11",
        "revision": "3",
        "activeDays-scope": "only",
        "activeDays-ids": ["1", "2"],
        "agentIds-separate": "1",
        "end": "end",
    }
    delete_cookies(client)
    address = interrupted(client, {**data, **lists})
    after = use_sign_in_page(client, owner, address)["Location"]
    page = client.get(after)
    assert page.context["typed"] == {
        "Name": TYPED["name"],
        "Note": TYPED["note"],
        "Active days": "only, 1, 2",
    }
    sent = hidden_fields(page.content.decode(), EDIT)
    assert [value for name, value in sent if name == "activeDays-ids"] == ["1", "2"]
    assert {"draft", "revision", "end"} <= dict(sent).keys()  # they go with it all the same


def test_signed_in_again__form_of_before__comes_back_at_once(owner: User) -> None:
    client = opened(owner)
    data = typed_into(client)
    sign_out_elsewhere(client)
    use_sign_in_page(client, owner, reverse("account_login"))
    address = interrupted(client, data)
    assert address.startswith("/accounts/unsent/")
    assert "Open the page without it" in client.get(address).content.decode()
    resumed(client, address)
    assert has_what_was_typed()


# --- whose it is ----------------------------------------------------------------------------------
def test_other_user__signs_in__is_informed_and_sees_none_of_it(
    owner: User, superuser: User
) -> None:
    client = opened(owner)
    data = typed_into(client)
    client.cookies.clear()
    address = interrupted(client, data)
    after = use_sign_in_page(client, superuser, address)["Location"]
    answer = client.get(after)
    html = answer.content.decode()
    assert answer.status_code == 403
    assert "typed by another user" in html
    assert "Nothing was" in html
    assert "Sons" not in html
    assert owner.email not in html


def test_other_user__signed_in_already__form_is_not_theirs(owner: User, superuser: User) -> None:
    client = opened(owner)
    data = typed_into(client)
    sign_out_elsewhere(client)
    use_sign_in_page(client, superuser, reverse("account_login"))
    token = dict(hidden_fields(client.get(EDIT).content.decode(), EDIT))["csrfmiddlewaretoken"]
    for sent in (data, {**data, "csrfmiddlewaretoken": token}):
        assert client.get(interrupted(client, sent)).status_code == 403


def test_other_browser__same_user__cannot_open_it(owner: User) -> None:
    client = opened(owner)
    data = typed_into(client)
    client.cookies.clear()
    interrupted(client, data)
    address = reverse("accounts:unsent_form", args=[UnsentForm.objects.get().pk])
    answer = opened(owner).get(address)
    assert answer.status_code == 404
    assert "Sons" not in answer.content.decode()


# --- what is kept, and what is not ----------------------------------------------------------------
def test_stored__content__sealed_and_gone_after_an_hour(owner: User) -> None:
    client = opened(owner)
    data = typed_into(client)
    client.cookies.clear()
    address = interrupted(client, data)
    row = UnsentForm.objects.get()
    assert b"Sons" not in bytes(row.sealed)
    assert vault.key_of(bytes(row.sealed)) == "test"
    UnsentForm.objects.update(created_at=row.created_at - timedelta(hours=1, seconds=1))
    after = use_sign_in_page(client, owner, address)["Location"]
    assert client.get(after).status_code == 404
    tasks.sessions(timestamp=0)
    assert not UnsentForm.objects.exists()


def test_stored__moved_to_another_row__does_not_open(owner: User) -> None:
    client = opened(owner)
    data = typed_into(client)
    for _ in range(2):
        client.cookies.pop(django_settings.SESSION_COOKIE_NAME, None)
        interrupted(client, data)
    one, other = UnsentForm.objects.all()
    UnsentForm.objects.filter(pk=one.pk).update(sealed=other.sealed)
    one.refresh_from_db()
    assert unsent.opened(one) is None
    assert unsent.opened(other) is not None


def test_secrets_and_files__never_kept__and_the_page_says_so(superuser: User) -> None:
    client = opened(superuser)
    token, action = "tok-" + "5" * 36, reverse("tenants:add")
    data = typed_into(client, action, action, token=token, scheme="api_key")
    data["file"] = SimpleUploadedFile("list.csv", b"name,token\nA," + token.encode())
    client.cookies.clear()
    answer = client.post(action, data)
    after = use_sign_in_page(client, superuser, str(answer["Location"]))["Location"]
    content = unsent.opened(UnsentForm.objects.get())
    assert content is not None
    assert token not in repr(content)
    assert (content.dropped, content.files) == (["token"], ["file"])
    html = client.get(after).content.decode()
    assert token not in html
    assert "because it is secret: token" in html
    assert "Files are not kept: file" in html
    assert "Acme &amp; Sons" in html


def test_secret_fields__of_every_form__are_known_by_their_names() -> None:
    """A new form with a secret must be known to `unsent.is_secret`, or it would be stored."""
    for path in Path("lofty_admin").rglob("*forms.py"):
        import_module(".".join(path.with_suffix("").parts))
    fields = [pair for form in subclasses(forms.Form) for pair in fields_of(form)]
    secret = {name for name, field in fields if is_secret(field)}
    assert secret >= {"token", "password1", "code", "pasted"}
    assert {name for name in secret if not unsent.is_secret(name)} == set()
    assert not [setting.name for setting in SETTINGS if unsent.is_secret(setting.name)]


def fields_of(form: Any) -> list[tuple[str, forms.Field]]:
    return list(getattr(form, "base_fields", {}).items())


def is_secret(field: forms.Field) -> bool:
    """Whether its widget never shows its value, or asks for a code that works once."""
    once = field.widget.attrs.get("autocomplete") == "one-time-code"
    shown = field.widget.render("x", "abc") if not isinstance(field, forms.FileField) else "abc"
    return once or ("abc" not in shown and isinstance(field, forms.CharField))


def test_too_big__not_kept__and_the_page_says_nothing_was_sent(owner: User) -> None:
    client = opened(owner)
    data = typed_into(client, note="x" * unsent.MAX_CHARACTERS)
    client.cookies.clear()
    address = interrupted(client, data)
    assert not UnsentForm.objects.exists()
    assert "You were signed out." in client.get(address).content.decode()


# --- outsiders ------------------------------------------------------------------------------------
@pytest.mark.parametrize("marker", ["", "1", "1:x:y", "9" * 30 + ":x:y", "\x00", "1:1vK:é"])
def test_outsider__without_a_marker__stores_nothing(owner: User, marker: str) -> None:
    client = Client()
    for path in (EDIT, "/", "/accounts/login/", reverse("accounts:invitation")):
        client.post(path, {**TYPED, unsent.PAGE_OWNER: marker})
    assert not UnsentForm.objects.exists()


def test_marker__of_a_deactivated_user_or_a_week_old__stores_nothing(owner: User) -> None:
    marker = unsent.owner_marker(owner)
    with later(8 * 24 * 3600):
        Client().post(EDIT, {**TYPED, unsent.PAGE_OWNER: marker})
    User.objects.filter(pk=owner.pk).update(is_active=False)
    Client().post(EDIT, {**TYPED, unsent.PAGE_OWNER: marker})
    assert not UnsentForm.objects.exists()


def test_marker__posted_very_often__few_rows_are_kept(owner: User) -> None:
    client = Client()
    for number in range(unsent.MAX_PER_USER + 5):
        client.post(EDIT, {"name": f"n{number}", unsent.PAGE_OWNER: unsent.owner_marker(owner)})
    assert UnsentForm.objects.count() == unsent.MAX_PER_USER
    newest = unsent.opened(UnsentForm.objects.order_by("-created_at")[0])
    assert newest is not None
    assert newest.fields == [("name", f"n{number}")]


def test_cross_site__post_without_the_marker__403_and_nothing_kept(owner: User) -> None:
    client = opened(owner)
    answer = client.post(EDIT, TYPED, headers={"Origin": "https://evil.test"})
    assert answer.status_code == 403
    assert "nothing was sent" in answer.content.decode()
    assert not UnsentForm.objects.exists()


# --- signing in and out with an outdated page -----------------------------------------------------
def test_sign_in_page__open_too_long__starts_again_and_keeps_the_return_address(
    owner: User,
) -> None:
    client = Client(enforce_csrf_checks=True)
    data = {"login": owner.email, "password": PASSWORD, "next": "/t/acme/people/"}
    answer = client.post(reverse("account_login"), data, follow=True)
    html = answer.content.decode()
    assert "This page was open for too long. Nothing was sent." in html
    assert ("next", "/t/acme/people/") in hidden_fields(html, reverse("account_login"))


def test_sign_in_page__signed_in_from_another_tab__leads_on(owner: User) -> None:
    client = opened(owner)
    answer = client.post(reverse("account_login"), {"next": "/t/acme/people/"})
    assert answer["Location"] == "/t/acme/people/"


def test_sign_out__outdated_page__leads_to_where_to_sign_out(owner: User) -> None:
    client = opened(owner)
    answer = client.post(reverse("account_logout"), follow=True)
    assert "You are still signed in" in answer.content.decode()
    client.post(
        reverse("account_logout"),
        dict(hidden_fields(answer.content.decode(), reverse("account_logout"))),
    )
    assert client.get("/").status_code == 302


# --- what scripts ask for -------------------------------------------------------------------------
def test_script__page_of_before_the_sign_in__401_then_a_fresh_token(owner: User) -> None:
    client = opened(owner)
    old = typed_into(client)
    sign_out_elsewhere(client)
    use_sign_in_page(client, owner, reverse("account_login"))
    url = reverse("directory:pasted", args=["acme", "agent"])
    json = {"Accept": "application/json"}
    assert client.post(url, {**old, "text": "1"}, headers=json).status_code == 401
    fresh = client.get(reverse("accounts:signed_in"), headers=json).json()
    sent = {"text": "1", "csrfmiddlewaretoken": fresh["csrf_token"], **fresh}
    assert client.post(url, sent, headers=json).status_code == 200
    assert not UnsentForm.objects.exists()


@pytest.mark.parametrize("reason", ["", "x", "idle'>", "\x00"])
def test_sign_in_page__any_reason_in_the_address__shows_only_known_ones(reason: str) -> None:
    html = Client().get(reverse("account_login"), {"because": reason}).content.decode()
    assert "signed out" not in html
    assert "because" not in html
