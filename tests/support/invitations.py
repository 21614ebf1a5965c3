"""The pages of an invitation, used as a browser does."""

import re

from django.core import mail
from django.test import Client
from django.urls import reverse

PAGE = "https://console.example.com/accounts/invitation/"


CHOSEN = "a long sentence of mine"


def code_of(number: int = -1) -> str:
    """The code in a mail that was sent."""
    match = re.search(r"#(\S+)", str(mail.outbox[number].body))
    assert match
    return match[1]


def accept(client: Client, code: str, **data: str) -> str:
    """Open the link and fill in the page; the text of the last page."""
    answer = client.post(reverse("accounts:invitation"), {"code": code}, follow=True)
    if "Create your account" not in answer.content.decode():
        return answer.content.decode()
    form = {"name": "Nina New", "password": CHOSEN, "again": CHOSEN, **data}
    url = reverse("accounts:invitation_accept")
    return client.post(url, form, follow=True).content.decode()
