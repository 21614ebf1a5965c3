"""Set up a second factor over the pages."""

from django.test import Client
from django.urls import reverse

from tests.support.second_factor import (
    code_at,
    shown_secret,
)


def set_up_app(client: Client) -> tuple[str, str]:
    """The secret the page showed, and the page that follows the right code."""
    url = reverse("mfa_activate_totp")
    secret = shown_secret(client.get(url).content.decode())
    answer = client.post(url, {"code": code_at(secret)}, follow=True)
    return secret, answer.content.decode()
