"""Whatever a request contains, no address of the console answers 500.

Every address of the URLconf, every parameter that any view reads and every field of any form, with
values that broke something once or are likely to.
"""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django import forms
from django.db import transaction
from django.test import Client
from django.urls import reverse

from lofty_admin.accounts.unsent import PAGE_OWNER
from lofty_admin.audit.models import AuditEvent
from lofty_admin.core.confirmation import CONFIRMED, TYPED, WRONG
from tests.support.forms import subclasses
from tests.support.routes import ROUTES, Route, by_name
from tests.support.world import POSTED, World

FORM = "application/x-www-form-urlencoded"
# As they are written in an address; a lone surrogate and half a character are bytes of their own.
VALUES = {
    "NUL": "%00",
    "NUL inside": "a%00b",
    "surrogate": "%ED%A0%80",
    "half a character": "%C3",
    "emoji and marks": quote("\u202e\u200b\U0001f600\ufeff"),
    "long number": "9" * 400,
    "negative": "-1",
    "beyond 64 bits": str(2**63),
    "a float": "1e400",
    "nan": "NaN",
    "no uuid": "11111111-1111-4111-8111-11111111111z",
    "a word": "abc",
    "another site": quote("//evil.test/"),
    "deep list": "[" * 100_000,
    "deep object": '{"a":' * 20_000,  # not quoted: 80,000 escapes take a tenth of a second
    "date": "9999-99-99",
    "far date": "9999-12-31",
    "first date": "0001-01-01",
    "percent": quote("%(name)s {x} %s"),
    "long text": "x" * 20_000,
    "quote": quote("'\"\\;--"),
}
SHORT = {name: value for name, value in VALUES.items() if len(value) < 1000}
_READ = re.compile(r"""(?:GET|POST|sent)(?:\.get(?:list)?\(|\[)\s*["']([\w-]+)["']""")
_BY_A_CONSTANT = {CONFIRMED, TYPED, WRONG, PAGE_OWNER, "all", "hours-stored"}


def names() -> list[str]:
    """Every parameter a view reads by its name, and every field of a form."""
    found = _BY_A_CONSTANT | {
        name
        for path in Path("lofty_admin").rglob("*.py")
        for name in _READ.findall(path.read_text())
    }
    for path in Path("lofty_admin").rglob("*forms.py"):
        import_module(".".join(path.with_suffix("").parts))
    for form in subclasses(forms.Form):
        found |= set(getattr(form, "base_fields", {}))
    return sorted(found)


NAMES = names()


def test_names__of_what_is_read__are_found() -> None:
    read = {"q", "at", "next", "page", "to", "tab", "token", "credential", "snapshot", "reason"}
    assert read <= set(NAMES)
    assert len(NAMES) > 60


def client_of(world: World, who: str = "superuser") -> Client:
    client = world.client(who)
    client.raise_request_exception = False
    return client


def answers(client: Client, url: str, query: str) -> Iterator[tuple[str, int]]:
    """GET and POST of it; what a POST did is taken back."""
    yield "GET", client.get(f"{url}?{query}").status_code
    yield "POST", posted(client, url, query)


def posted(client: Client, url: str, query: str) -> int:
    """The status of a POST, what it did being taken back."""
    point = transaction.savepoint()
    status = client.post(url, query, FORM).status_code
    transaction.savepoint_rollback(point)
    return status


def is_broken(status: int) -> bool:
    return status >= 500 and status not in (502, 503)  # Lofty does not answer here


@by_name
def test_address__every_parameter_at_once__no_500(world: World, route: Route) -> None:
    url = reverse(route.name, kwargs=world.arguments(route))
    broken = []
    for kind, value in SHORT.items():
        query = "&".join(f"{name}={value}" for name in NAMES)
        for who in ("superuser", "anonymous"):
            for method, status in answers(client_of(world, who), url, query):
                broken += [f"{method} {kind} by {who}: {status}"] if is_broken(status) else []
    assert broken == []


@by_name
def test_address__long_and_deep_values__no_500(world: World, route: Route) -> None:
    url = reverse(route.name, kwargs=world.arguments(route))
    broken = []
    for kind in ("deep list", "deep object", "long text"):
        for name in (
            "credential",
            "snapshot",
            "offer",
            "shown",
            "q",
            "stored",
            "hours-stored",
            "next",
        ):
            status = client_of(world).post(url, f"{name}={VALUES[kind]}", FORM).status_code
            broken += [f"{name} {kind}: {status}"] if is_broken(status) else []
    assert broken == []


WITH_DATA = [route for route in ROUTES if POSTED.get(route.name)]


@pytest.mark.parametrize("route", WITH_DATA, ids=[route.name for route in WITH_DATA])
def test_form__one_field_of_a_good_one__no_500(world: World, route: Route) -> None:
    url = reverse(route.name, kwargs=world.arguments(route))
    fields = [*POSTED[route.name], "next", "reason"]
    broken = []
    for kind, value in VALUES.items():
        # A GET does not look at one field because the others are good: all at once.
        query = "&".join(f"{name}={value}" for name in fields)
        status = client_of(world).get(f"{url}?{query}").status_code
        broken += [f"GET {kind}: {status}"] if is_broken(status) else []
        for name in fields:
            sent = "&".join(f"{k}={quote(v)}" for k, v in POSTED[route.name].items() if k != name)
            status = posted(client_of(world), url, f"{sent}&{name}={value}")
            broken += [f"POST {name} {kind}: {status}"] if is_broken(status) else []
    assert broken == []


@by_name
def test_path__anything_in_the_place_of_an_id__no_500(world: World, route: Route) -> None:
    for wrong in ("%00", "a%00b", "%ED%A0%80", "%C3", "9" * 40, "-1", "..", "%2F", "é", "x" * 5000):
        path = re.sub(r"<(?:\w+:)?\w+>", wrong, route.path)
        for method in ("get", "post"):
            answer = getattr(client_of(world), method)(f"/{path}")
            assert not is_broken(answer.status_code), f"{method} {path}"


# --- what was found, each by itself ---------------------------------------------------------------
@pytest.mark.parametrize("after", ["abc", "fleet:home", "a/b", "?x", "#x", ".", "mfa_index", ""])
@pytest.mark.parametrize("view", ["tenants:pin", "tenants:unpin"])
def test_next__no_path_of_ours__back_to_the_tenant(world: World, view: str, after: str) -> None:
    answer = client_of(world).post(reverse(view, args=["acme"]), {"next": after})
    assert (answer.status_code, answer["Location"]) == (302, "/t/acme/")


def test_search__nul_in_it__a_page_that_says_what_was_asked(world: World) -> None:
    html = client_of(world).get("/find/?q=ac%00me&at=%00").content.decode()
    assert "ac\ufffdme" in html


NAMED = [
    "tenants:add",
    "tenants:edit",
    "tenants:groups",
    "directory:name_source",
    "history:view_save",
]


@pytest.mark.parametrize("view", NAMED)
def test_name__nul_in_it__refused_and_nothing_stored(world: World, view: str) -> None:
    url = reverse(view, kwargs=world.arguments(next(r for r in ROUTES if r.name == view)))
    sent = {**POSTED[view], "name": "Good\x00name"}
    html = client_of(world).post(url, sent, follow=True).content.decode()
    assert "a character that could not be read (\ufffd)" in html
    assert not AuditEvent.objects.filter(body__contains="Good").exists()


DEEP: list[Any] = ["[" * 100_000, '{"a":' * 5_000 + "1" + "}" * 5_000, '{"id":"\\ud800"}', "NaN"]


@pytest.mark.parametrize("credential", DEEP)
@pytest.mark.parametrize(
    "view", ["mfa_login_webauthn", "mfa_add_webauthn", "mfa_reauthenticate_webauthn"]
)
def test_passkey__answer_nested_deeply__refused(
    world: World,
    view: str,
    credential: str,
) -> None:
    client = client_of(world, "anonymous" if view == "mfa_login_webauthn" else "superuser")
    assert client.post(reverse(view), {"credential": credential}).status_code in (200, 302)
