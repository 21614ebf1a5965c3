"""What commands about people have in common: whom they mean, and secrets by standard input."""

import sys

from django.core.exceptions import ValidationError
from django.core.management import CommandError

from lofty_admin.accounts.models import User


def read_secret(what: str) -> str:
    """The first line of standard input: arguments would show in the list of processes."""
    secret = sys.stdin.readline().rstrip("\r\n")
    if not secret:
        raise CommandError(f"No {what} came on standard input. Nothing was done.")
    return secret


def find_person(email: str) -> User:
    """The person with this e-mail address. Raises CommandError when there is none."""
    user = User.objects.find_by_email(email)
    if user is None:
        raise CommandError(f"Nobody here has the e-mail address {email}. Nothing was done.")
    return user


def in_words(error: ValidationError) -> CommandError:
    """A refused input as a message for the command line."""
    return CommandError(" ".join([*error.messages, "Nothing was done."]))
