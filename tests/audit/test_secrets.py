"""Secrets are replaced by fingerprints before an event is recorded."""

import hashlib
import hmac
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from lofty_admin.audit.log.secrets import SECRET_NAMES, hide_secrets, secret_fingerprint

SECRETS = st.text() | st.integers() | st.floats(allow_nan=False) | st.binary() | st.booleans()


def test_secret_fingerprint__known_secret__known_answer(settings: Settings) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, fingerprint_key=b"f" * 32)
    message = b"lofty-console-fingerprint-1\0'abc'"
    expected = hmac.new(b"f" * 32, message, hashlib.sha256).hexdigest()
    assert secret_fingerprint("abc") == f"hmac-sha256:{expected}"


def test_secret_fingerprint__other_key__other_fingerprint(settings: Settings) -> None:
    before = secret_fingerprint("abc")
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, fingerprint_key=b"f" * 32)
    assert secret_fingerprint("abc") != before


@given(SECRETS, SECRETS)
def test_secret_fingerprint__two_secrets__same_only_if_equal(one: Any, two: Any) -> None:
    same = type(one) is type(two) and one == two
    assert (secret_fingerprint(one) == secret_fingerprint(two)) == same


@pytest.mark.parametrize("name", sorted(SECRET_NAMES))
@pytest.mark.parametrize("secret", ["SENTINEL", 77341, [77341, "SENTINEL"], {"a": "SENTINEL"}])
def test_hide_secrets__any_type_under_any_name__fingerprint(name: str, secret: Any) -> None:
    hidden = hide_secrets({"detail": [{name.upper(): secret}]})
    assert hidden == {"detail": [{name.upper(): secret_fingerprint(secret)}]}


@pytest.mark.parametrize("spelling", ["access_token", "Access-Token", "accessToken", "ACCESSTOKEN"])
def test_hide_secrets__name_spelt_otherwise__still_hidden(spelling: str) -> None:
    assert hide_secrets({spelling: "SENTINEL"}) == {spelling: secret_fingerprint("SENTINEL")}


def test_hide_secrets__fingerprint_or_nothing_there__kept() -> None:
    content = {"token": secret_fingerprint("abc"), "password": None}
    assert hide_secrets(content) == content


def test_hide_secrets__looks_like_a_fingerprint_only__hidden() -> None:
    assert hide_secrets({"token": "hmac-sha256:SENTINEL"})["token"].startswith("hmac-sha256:")
    assert "SENTINEL" not in str(hide_secrets({"token": "hmac-sha256:SENTINEL"}))


def test_hide_secrets__harmless_content__unchanged() -> None:
    content = {"scheme": "api_key", "last_four": "1234", "agentIds": [1, 2], "tokens_left": 5}
    assert hide_secrets(content) == content
