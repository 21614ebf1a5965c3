"""Web hardening of the whole site (reliability W2, W3, W5, W6, W8, W9, W11, W13, W14, S10)."""

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client, override_settings
from django.urls import reverse
from pytest_django import Settings

from lofty_admin.accounts.models import User
from lofty_admin.audit.log.refusal_limit import MAX_PER_SOURCE
from lofty_admin.core.logs import JsonLines
from lofty_admin.tenants.models import Grant, Group, Membership, Role, Tenant
from tests.agentsettings.conftest import lofty  # noqa: F401 - a fixture
from tests.support.pages import text_of
from tests.support.practice_customer import PracticeCustomer
from tests.support.settings_changes import connect
from tests.support.settings_pages import review
from tests.support.users import PASSWORD, make_user, signed_in

ROOT = Path(__file__).parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SOURCES = sorted((ROOT / "lofty_admin").rglob("*.py"))
FORM = "application/x-www-form-urlencoded"
SECRET = "-".join(("sen", "ti", "nel", "0451"))
pytestmark = pytest.mark.django_db


# --- errors and what every answer carries (W2, W14) -----------------------------------------------
@pytest.fixture
def root(superuser: User) -> Client:
    client = signed_in(superuser)
    client.raise_request_exception = False
    return client


def strict(user: User) -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    return client


def broken(client: Client) -> Any:
    with patch("lofty_admin.fleet.views.visible_tenants", side_effect=ValueError(SECRET)):
        return client.get("/")


def too_often(client: Client) -> Any:
    """A page of a person without the right, refused until no more refusals are recorded.

    They are counted by the minute, and a minute may end in between.
    """
    answers = (client.get("/people/") for _ in range(3 * MAX_PER_SOURCE))
    return next((answer for answer in answers if answer.status_code == 429), None)


def plain_http() -> Any:
    with override_settings(SECURE_SSL_REDIRECT=True):
        return Client().get("/")


def unreadable(client: Client) -> Any:
    connect(Tenant.objects.get(slug="acme"), "a-token-for-a-port-where-nothing-listens")
    return client.get("/t/acme/settings/")


ANSWERS: dict[str, tuple[int, Callable[[Client, User], Any]]] = {
    "page": (200, lambda root, user: root.get("/")),
    "sign in": (200, lambda root, user: Client().get("/accounts/login/")),
    "redirect": (302, lambda root, user: Client().get("/")),
    "https first": (301, lambda root, user: plain_http()),
    "host": (400, lambda root, user: Client(headers={"host": "evil.test"}).get("/")),
    "too many fields": (
        400,
        lambda root, user: root.get("/", {f"field-{number}": "" for number in range(1001)}),
    ),
    "forbidden": (403, lambda root, user: signed_in(user).get("/people/")),
    "csrf": (403, lambda root, user: strict(user).post("/t/acme/settings/review/")),
    "no page": (404, lambda root, user: root.get("/nowhere/")),
    "no page, anonymous": (404, lambda root, user: Client().get("/nowhere/")),
    "no such person": (404, lambda root, user: root.get("/people/987654/")),
    "method": (405, lambda root, user: root.delete("/")),
    "too often": (429, lambda root, user: too_often(signed_in(user))),
    "broken": (500, lambda root, user: broken(root)),
    "Lofty unreadable": (502, lambda root, user: unreadable(root)),
}
each_answer = pytest.mark.parametrize("name", ANSWERS)


@each_answer
def test_answer__of_any_kind__has_the_whole_set_of_headers(
    name: str, root: Client, viewer: User
) -> None:
    status, ask = ANSWERS[name]
    answer = ask(root, viewer)
    assert answer.status_code == status
    policy = dict(
        part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";")
    )
    assert policy == {
        **dict.fromkeys(["default-src", "base-uri", "frame-ancestors", "object-src"], "'none'"),
        **dict.fromkeys(["script-src", "style-src", "connect-src", "img-src"], "'self'"),
        **dict.fromkeys(["font-src", "form-action"], "'self'"),
    }
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert re.fullmatch("[0-9a-f]{32}", answer["X-Request-ID"])
    assert not {"Server", "X-Powered-By", "X-Version"} & set(answer.headers)


WITH_PAGES = [name for name, (status, _) in ANSWERS.items() if status in (400, 403, 404, 500)]


@pytest.mark.parametrize("name", WITH_PAGES)
def test_error__of_any_kind__own_page_with_the_request_id_and_no_details(
    name: str, root: Client, viewer: User
) -> None:
    status, ask = ANSWERS[name]
    answer = ask(root, viewer)
    page = answer.content.decode()
    assert f"<code>{answer['X-Request-ID']}</code>" in page
    assert f">{status}</p>" in page
    assert "Sales Agent console" in page
    for detail in (SECRET, "Traceback", "Exception", "django", "evil.test", "lofty_admin"):
        assert detail not in page


def test_failing_view__posted_secret__is_in_no_log_line(
    root: Client, acme: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    """S10 in earnest: a form with a secret, a view that raises, and what the log says of it."""
    target = "lofty_admin.tenants.credentials.connection_views.token_verification.check_token"
    with caplog.at_level(logging.DEBUG), patch(target, side_effect=ValueError("broken")):
        data = {"scheme": "api_key", "token": SECRET}
        answer = root.post(reverse("tenants:connection_replace", args=["acme"]), data)
    assert answer.status_code == 500
    lines = [JsonLines().format(record) for record in caplog.records]
    assert any("ValueError: broken" in line for line in lines)
    assert not [line for line in lines if SECRET in line]


# --- what htmx and the templates may do (W3, W6) --------------------------------------------------
FORBIDDEN_IN_TEMPLATES = {
    "inline script": r"<script(?![^>]*\bsrc=)",
    "inline style": r"<style|\sstyle=",
    "event handler": r"\son[a-z]+=|\shx-on",
    "evaluated value": r"js:|javascript:|hx-vals=['\"]?js|hx-vars",
    "trigger filter": r"hx-trigger=[^>]*\[",
    "unescaped text": r"\|\s*safe\b|\|\s*safeseq|autoescape",
}


@pytest.mark.parametrize("what", FORBIDDEN_IN_TEMPLATES)
def test_templates__what_the_policy_forbids__is_in_none(what: str) -> None:
    wrong = re.compile(FORBIDDEN_IN_TEMPLATES[what])
    assert len(TEMPLATES) > 20
    assert not [path.name for path in TEMPLATES if wrong.search(path.read_text())]


def test_code__marks_nothing_as_safe__anywhere() -> None:
    wrong = re.compile(r"mark_safe|SafeString|SafeText|html_safe|__html__")
    assert not [path.name for path in SOURCES if wrong.search(path.read_text())]


def test_htmx__every_page__evaluates_and_caches_nothing(root: Client) -> None:
    for page in (root.get("/"), Client().get("/accounts/login/"), root.get("/nowhere/")):
        config = re.search(r'name="htmx-config"\s+content=\'([^\']+)\'', page.content.decode())
        assert config
        for setting in ('"allowEval":false', '"allowScriptTags":false', '"historyCacheSize":0'):
            assert setting in config[1]
        assert '"includeIndicatorStyles":false' in config[1]


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "\"' onmouseover=alert(1) x='",
    "{{7*7}}{% debug %}",
    "javascript:alert(1)",
    "\u202eevil",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_users__hostile_names__shown_as_text(root: Client, text: str, acme: Tenant) -> None:
    user = make_user("victim@example.com", text)
    Tenant.objects.filter(pk=acme.pk).update(name=text)
    group = Group.objects.create(slug="west", name=text)
    group.tenants.add(acme)
    Grant.objects.create(user=user, group=group, role=Role.EDITOR)
    Grant.objects.create(user=user, tenant=acme)
    wide = {"where": "all", "level": "10", "confirmed": "1"}
    root.post(reverse("tenants:user_grant", args=[user.pk]), wide)
    pages = ["/people/", f"/people/{user.pk}/", f"/people/{user.pk}/?show=denied"]
    pages += ["/t/acme/people/", "/people/?" + urlencode({"q": text})]
    for page in pages:
        html = root.get(page).content.decode()
        for harm in ("<img src=x", "</script><script>alert", "' onmouseover", "\"' on", ">49<"):
            assert harm not in html


# --- big selections (W5) --------------------------------------------------------------------------
@pytest.mark.parametrize("many", [1, 1000, 1001, 10_000])
def test_selection__of_any_size__is_one_field_and_works(
    many: int,
    root: Client,
    lofty: PracticeCustomer,  # noqa: F811 - the fixture
) -> None:
    ids = ",".join(str(844510972070000 + number) for number in range(many))
    page = review(root, **{"agentIds-scope": ["only"], "agentIds-ids": [ids]})
    assert page.status_code == 200
    assert "1 change for" in text_of(page)


# --- where an answer may lead (W8, W9) ------------------------------------------------------------
ELSEWHERE = [
    *("https://evil.test/", "http://evil.test/", "//evil.test/", "///evil.test/"),
    *("////evil.test", "/\\evil.test", "\\\\evil.test", "https:evil.test"),
    *("https:///evil.test", "javascript:alert(1)", "data:text/html,x"),
    "https://testserver@evil.test/",
]


@pytest.mark.parametrize("target", ELSEWHERE)
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "fragment"])
def test_next__other_site__no_header_leads_there(
    target: str, headers: dict[str, str], viewer: User
) -> None:
    cache.clear()
    asked = [
        (Client(), "account_login", {"login": viewer.email, "password": PASSWORD}),
        (signed_in(viewer), "account_reauthenticate", {"password": PASSWORD}),
        (signed_in(viewer), "account_logout", {}),
    ]
    for client, name, data in asked:
        query = "?" + urlencode({"next": target})
        answers = [client.post(reverse(name) + query, {**data, "next": target}, headers=headers)]
        answers.append(client.get(reverse("account_login") + query, headers=headers))
        for answer in answers:
            for header in ("Location", "HX-Redirect", "HX-Location", "HX-Push-Url"):
                assert leads_home(answer.headers.get(header, "/")), (name, header)


def leads_home(address: str) -> bool:
    before_query = address.partition("?")[0]
    return before_query.startswith("/") and not re.match(r"/[/\\]", before_query)


def test_host__forwarded_header__is_ignored(root: Client) -> None:
    root.post(
        reverse("tenants:user_invite"),
        {"email": "a@example.com"},
        headers={"X-Forwarded-Host": "evil.test"},
    )
    assert "http://testserver/accounts/invitation/" in str(mail.outbox[0].body)
    assert "evil.test" not in str(mail.outbox[0].message())
    assert django_settings.USE_X_FORWARDED_HOST is False


def test_proxy__not_configured__its_https_header_is_ignored(settings: Settings) -> None:
    assert settings.ENVIRONMENT.trusted_proxies == 0
    assert settings.SECURE_PROXY_SSL_HEADER is None
    settings.SECURE_SSL_REDIRECT = True
    answer = Client().get("/accounts/login/", headers={"X-Forwarded-Proto": "https"})
    assert (answer.status_code, answer["Location"]) == (301, "https://testserver/accounts/login/")


# --- mass assignment (W11) ------------------------------------------------------------------------
EXTRA = {
    **dict.fromkeys(["is_superuser", "superuser", "is_active", "is_staff"], "1"),
    "id": "1",
    "pk": "1",
    "user": "1",
    "user_id": "1",
    "tenant": "globex",
    "email": "e@evil.test",
    "status": "archived",
    "slug": "evil",
    "created_at": "2000-01-01",
    "group": "west",
    "role": "30",
    "password": "x",
    "sealed": "x",
    "version": "9",
    "lofty_user": "{}",
}
FORMS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "fleet:home": ((), {}),
    "account_change_password": ((), {"oldpassword": PASSWORD, "password1": "x", "password2": "x"}),
    "tenants:user_invite": ((), {"email": "invited@example.com"}),
    "tenants:user_promote": (("colleague",), {}),
    "tenants:user_deactivate": (("colleague",), {}),
    "tenants:user_grant": (
        ("colleague",),
        {"where": "all", "group": "", "level": "10", "confirmed": "1"},
    ),
    "tenants:add": ((), {"name": "New One", "scheme": "api_key", "slug": "new-one"}),
    "tenants:edit": (("acme",), {"name": "Acme Two", "note": "x"}),
    "tenants:archive": (("acme",), {}),
    "tenants:members": (("acme",), {"email": "sam@example.com", "role": "10"}),
    "tenants:connection_remove": (("acme",), {"sure": "on"}),
    "directory:name_source": (("acme",), {"lofty_id": "1001", "name": "Web"}),
    "directory:refresh": (("acme",), {}),
}


def state() -> dict[str, list[Any]]:
    """Everything in the database that decides what a user may do."""
    tenants = Tenant.objects.order_by("slug").values_list("slug", "name", "status", "note")
    users = User.objects.order_by("email").values_list("email", "name", "is_superuser", "is_active")
    members = Membership.objects.order_by("pk").values_list("user__email", "tenant__slug", "role")
    grants = Grant.objects.order_by("pk")
    return {
        "tenants": list(tenants),
        "users": list(users),
        "members": list(members),
        "grants": list(grants.values_list("user__email", "group", "tenant", "role")),
    }


@pytest.mark.parametrize("name", FORMS)
def test_post__with_extra_fields__changes_the_same_as_without_them(
    name: str, superuser: User, viewer: User, globex: Tenant
) -> None:
    colleague = make_user("sam@example.com", "Sam Smith")
    Group.objects.create(slug="west", name="West")
    places, data = FORMS[name]
    arguments = [colleague.pk if place == "colleague" else place for place in places]
    before, after = state(), []
    for extra in ({}, EXTRA):
        point = transaction.savepoint()
        signed_in(superuser).post(reverse(name, args=arguments), {**extra, **data})
        after.append(state())
        transaction.savepoint_rollback(point)
        assert state() == before
    assert after[0] == after[1]


def test_forms__of_models__name_their_fields() -> None:
    wrong = re.compile(r"fields\s*=\s*[\"']__all__|^\s+exclude\s*=", re.MULTILINE)
    assert not [path.name for path in SOURCES if wrong.search(path.read_text())]


# --- costly pages (W13) ---------------------------------------------------------------------------
def test_database__every_query__bounded_in_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('statement_timeout'), current_setting('lock_timeout')"
        )
        assert cursor.fetchone() == ("30s", "5s")


@pytest.mark.parametrize("page", ["0", "-1", "99999999999999999999", "x", "1' OR 1=1--", "\x00"])
@pytest.mark.parametrize("path", ["/", "/people/", "/t/acme/history/", "/people/{}/"])
def test_page_number__invalid__shows_a_page_anyway(
    path: str, page: str, root: Client, acme: Tenant, viewer: User
) -> None:
    assert root.get(path.format(viewer.pk), {"page": page}).status_code == 200


@pytest.mark.parametrize("text", ["%", "_" * 100, "a " * 50, "\x00", "\ud800", "x" * 5000])
def test_search__invalid__shows_a_page_anyway(text: str, root: Client, viewer: User) -> None:
    for path in ("/", "/people/", f"/people/{viewer.pk}/", "/t/acme/names/"):
        query = urlencode({"q": text}, errors="surrogatepass")
        assert root.get(f"{path}?{query}").status_code == 200
