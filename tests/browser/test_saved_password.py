"""A browser that saved the console's password fills it in on the sign-in page only."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.browser_pages import OWNER
from tests.support.deployment import PASSWORD, Deployment
from tests.support.practice_customer import PracticeCustomer
from tools.browser import find_chromium

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--password-store=basic"]
SINCE_1601 = 11_644_473_600  # seconds until 1970, as Chromium counts
FIELDS = """
    [...document.querySelectorAll('input, textarea')]
      .filter(field => field.matches(':autofill'))
      .map(field => field.name)
"""


def sealed(password: str) -> bytes:
    """As Chromium stores it with `--password-store=basic`: under a publicly known key."""
    key = PBKDF2HMAC(hashes.SHA1(), 16, b"saltysalt", 1).derive(b"peanuts")  # noqa: S303
    pad = padding.PKCS7(128).padder()
    plain = pad.update(password.encode()) + pad.finalize()
    cipher = Cipher(algorithms.AES(key), modes.CBC(b" " * 16)).encryptor()
    return b"v10" + cipher.update(plain) + cipher.finalize()


def save_login(profile: Path, url: str) -> None:
    """Put one saved login into a profile that Chromium has made and closed."""
    now = int((time.time() + SINCE_1601) * 1_000_000)
    row = {
        "origin_url": f"{url}/accounts/login/",
        "action_url": f"{url}/accounts/login/",
        "signon_realm": f"{url}/",
        "username_element": "login",
        "username_value": OWNER,
        "password_element": "password",
        "password_value": sealed(PASSWORD),
        "date_created": now,
        "date_password_modified": now,
        "blacklisted_by_user": 0,
        "scheme": 0,
        "times_used": 1,
    }
    statement = f"INSERT INTO logins ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"  # noqa: S608
    with sqlite3.connect(profile / "Default" / "Login Data") as database:
        database.execute(statement, list(row.values()))


@pytest.fixture
def browser_with_login(
    chromium: Browser, deployment: Deployment, tmp_path: Path
) -> Iterator[BrowserContext]:
    """A profile of its own, whose user chose "Save password" at the console's sign-in."""

    def launch() -> BrowserContext:
        return chromium.browser_type.launch_persistent_context(
            str(tmp_path),
            executable_path=find_chromium(),
            args=ARGUMENTS,
            base_url=deployment.console.url,
        )

    first = launch()
    first.new_page().goto("/accounts/login/")
    first.close()
    save_login(tmp_path, deployment.console.url)
    context = launch()
    yield context
    context.close()


def filled_in(page: Page, path: str) -> list[str]:
    page.goto(path)
    page.wait_for_timeout(1500)  # Chromium asks its store after the page has loaded
    page.mouse.click(5, 5)  # what was filled in counts from the first gesture on
    return list(page.evaluate(FIELDS))


def test_saved_login__fills_the_sign_in_and_no_other_secret(
    browser_with_login: BrowserContext, acme: PracticeCustomer
) -> None:
    page = browser_with_login.new_page()
    assert filled_in(page, "/accounts/login/") == ["login", "password"]
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Tenants", exact=True)).to_be_visible()
    for path in (
        "/tenants/add/",
        "/t/acme/connection/",
        "/tenants/import/",
        "/accounts/security/app/",
        "/accounts/invitation/",
        "/people/invite/",
    ):
        assert filled_in(page, path) == [], path
        assert not page.url.endswith("/accounts/login/"), path
