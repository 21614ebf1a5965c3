"""Run management commands with input."""

import io
from unittest.mock import patch

from django.core.management import call_command

from tests.support.lofty_users import TOKEN


def run(*arguments: str, stdin: str = "") -> str:
    out = io.StringIO()
    with patch("sys.stdin", io.StringIO(stdin)):
        call_command("tenant", *arguments, stdout=out)
    return out.getvalue()


def add(*more: str, token: str = TOKEN, scheme: str = "api-key", slug: str = "acme") -> str:
    arguments = ["add", slug, "--name", "Acme", "--scheme", scheme, "--token-stdin", *more]
    return run(*arguments, stdin=f"{token}\n")
