"""A user's authenticator app, as on a phone."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse

from lofty_admin.accounts import mfa, totp
from lofty_admin.accounts.models import User

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code_at(secret: str = SECRET, *, steps: int = 0) -> str:
    """What the app shows now, or `steps` times 30 seconds from now."""
    return totp.code_of(secret, int(time.time()) // totp.PERIOD + steps)


def give_app(user: User, secret: str = SECRET) -> Authenticator:
    """An app set up a while ago: its present code was not used yet."""
    with later(-120):
        mfa.add_app(user, secret, code_at(secret))
    return Authenticator.objects.get(user=user, type="totp")


def give_codes(user: User) -> list[str]:
    mfa.make_codes(user)
    return mfa.show_codes_once(user)


@contextmanager
def later(seconds: float) -> Iterator[None]:
    """The clock of this process, moved."""
    real = time.time
    with patch("time.time", lambda: real() + seconds):
        yield


def shown_secret(html: str) -> str:
    match = re.search(r"user-select-all[^>]*>([A-Z2-7 ]+)<", html)
    assert match, "the page shows no key"
    return match[1].replace(" ", "")


def give_code(client: Client, code: str) -> int:
    return client.post(reverse("mfa_authenticate"), {"code": code}).status_code
