"""Shared parts of the commands about users: finding a user, and secrets from standard input."""

import sys

from django.core.exceptions import ValidationError
from django.core.management import CommandError

from lofty_admin.accounts.models import User


def read_secret(what: str) -> str:
    """Read the first line of standard input: arguments would show in the list of processes."""
    secret = sys.stdin.readline().rstrip("\r\n")
    if not secret:
        raise CommandError(f"No {what} on standard input. Nothing was changed.")
    return secret


def find_person(email: str) -> User:
    """Return the user with this e-mail address, or raise CommandError."""
    user = User.objects.find_by_email(email)
    if user is None:
        raise CommandError(f"No user has the e-mail address {email}. Nothing was changed.")
    return user


def in_words(error: ValidationError) -> CommandError:
    """Return the messages of a ValidationError for the command line."""
    return CommandError(" ".join([*error.messages, "Nothing was changed."]))
