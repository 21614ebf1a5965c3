"""Templates load only the tags they use."""

import re
from pathlib import Path

import pytest
from django.template import Engine
from django.template.base import Lexer, TokenType

ROOT = Path(__file__).resolve().parent.parent / "templates"
TEMPLATES = sorted(ROOT.rglob("*.html"))


def unused_loads(text: str) -> list[str]:
    """Return the libraries of `{% load %}` whose tags and filters the template never uses."""
    tokens = Lexer(text).tokenize()
    blocks = [t.split_contents() for t in tokens if t.token_type == TokenType.BLOCK]
    loaded = {name for block in blocks if block[0] == "load" for name in block[1:]}
    tags = {block[0] for block in blocks}
    filters = set(re.findall(r"\|(\w+)", text))
    libraries = Engine.get_default().template_libraries
    return sorted(
        name
        for name in loaded
        if not tags & set(libraries[name].tags) and not filters & set(libraries[name].filters)
    )


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_template__what_it_loads__is_used(path: Path) -> None:
    assert unused_loads(path.read_text()) == []


def test_guard__load_without_use__is_seen() -> None:
    assert unused_loads("{% load i18n tz %}{% translate 'x' %}") == ["tz"]
    assert unused_loads("{% load humanize %}{{ n|intcomma }}") == []


# Forms that are not kept in the browser while they are filled in, with the reason.
NOT_KEPT = {
    "account/invitation.html": "a code",
    "account/invitation_accept.html": "the next user of the tab may be another",
    "account/login.html": "the next user of the tab may be another",
    "account/password_change.html": "passwords only",
    "account/reauthenticate.html": "a password",
    "agentsettings/review.html": "kept with the draft, on the server",
    "agentsettings/settings.html": "becomes a draft, and leaving asks",
    "components/confirm.html": "typed on purpose, each time",
    "fleet/import.html": "tokens only",
    "history/export.html": "a choice that is sent at once",
    "mfa/app_add.html": "a code",
    "mfa/authenticate.html": "a code",
    "mfa/reauthenticate.html": "a code",
    "tenants/connect_confirm.html": "confirmed on purpose, each time",
    "tenants/connection.html": "confirmed on purpose, each time",
    "tenants/people.html": "the role of a row, a choice that is sent at once",
    "tenants/person_right_form.html": "a choice that is sent at once",
}
FORM = re.compile(r"<form(?P<head>[^>]*)>(?P<body>.*?)</form>", re.DOTALL)
FIELD = re.compile(r"{% crispy|{{ form|<select|<textarea|<input(?![^>]*type=\"(hidden|submit)\")")


def forms_not_kept(text: str) -> list[str]:
    """The heads of the forms with fields to fill in that lose what is typed on Back."""
    sent = (form for form in FORM.finditer(text) if 'method="post"' in form["head"])
    return [f["head"] for f in sent if FIELD.search(f["body"]) and "data-keep" not in f["head"]]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_form__with_fields__keeps_what_is_typed_or_says_why_not(path: Path) -> None:
    assert bool(forms_not_kept(path.read_text())) == (str(path.relative_to(ROOT)) in NOT_KEPT)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_sign_out__forgets_what_is_typed(path: Path) -> None:
    heads = [form["head"] for form in FORM.finditer(path.read_text())]
    assert all("data-sign-out" in head for head in heads if "account_logout" in head)
