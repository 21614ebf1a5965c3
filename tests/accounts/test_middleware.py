"""Every address needs a session, except those on a short list."""

import pytest
from django.test import Client

from tests.support.routes import ROUTES

OPEN = {
    *("healthz", "readyz", "account_login", "account_inactive", "account_logout", "set_language"),
    *("accounts:invitation", "accounts:invitation_accept"),
    *(
        "accounts:sso_login",
        "accounts:sso_callback",
    ),  # not there at all unless single sign-on is set up
    "tenants:oauth_callback",  # says that the session is gone: a way back would hold Lofty's code
}


def filled(path: str) -> str:
    values = {"slug:slug": "acme", "int:pk": "1"}
    for key, value in values.items():
        path = path.replace(f"<{key}>", value)
    return "/" + path


def test_anonymous__every_address__sign_in_unless_listed_as_open(db: None) -> None:
    client, seen = Client(), set()
    for path, name in ((route.path, route.name) for route in ROUTES):
        if "<" in filled(path):
            continue  # ids of other apps: their own tests walk these
        seen.add(name)
        answer = client.get(filled(path))
        refused = answer.headers.get("Location", "").startswith("/accounts/login/")
        assert refused != (name in OPEN), f"{path} answered {answer.status_code}"
    assert seen >= OPEN | {"fleet:home", "tenants:add", "tenants:connection", "tenants:members"}


def test_anonymous__get__returns_to_the_page_after_signing_in(db: None) -> None:
    answer = Client().get("/t/acme/people/?x=1")
    assert answer.headers["Location"] == "/accounts/login/?next=/t/acme/people/%3Fx%3D1"


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_anonymous__write__sign_in_without_a_return_address(db: None, method: str) -> None:
    answer = getattr(Client(), method)("/t/acme/people/")
    assert answer.headers["Location"] == "/accounts/login/"


SCRIPTS = [
    {"HX-Request": "true"},
    {"Accept": "application/json"},
    {"Sec-Fetch-Dest": "empty", "Accept": "*/*"},
]


@pytest.mark.parametrize("headers", SCRIPTS)
@pytest.mark.parametrize("method", ["get", "post"])
def test_anonymous__script_asks_any_page__401_and_no_page_to_sign_in(
    db: None, headers: dict[str, str], method: str
) -> None:
    for path, name in ((route.path, route.name) for route in ROUTES):
        if "<" in filled(path) or name in OPEN | {"mfa_authenticate", "mfa_login_webauthn"}:
            continue
        answer = getattr(Client(), method)(filled(path), headers=headers)
        assert (answer.status_code, answer.headers.get("Location")) == (401, None), path
        assert b"<form" not in answer.content
        assert b"Nothing was sent" in answer.content


def test_anonymous__unknown_address__404_without_a_view(db: None) -> None:
    assert Client().get("/there/is/no/such/page/").status_code == 404
