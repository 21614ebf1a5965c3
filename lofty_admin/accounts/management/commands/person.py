"""Add users, give them a new password or way to sign in, deactivate them."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandParser

from lofty_admin.accounts import mfa, services, sso
from lofty_admin.accounts.commandline import find_person, in_words, read_secret
from lofty_admin.accounts.models import User
from lofty_admin.audit.commandline import command_actor
from lofty_admin.audit.context import acting_as

_FROM_STDIN = "read the password from the first line of standard input"


class Command(BaseCommand):
    help = (
        "Add, deactivate, or reactivate users, and reset how they sign in. Every change "
        "is recorded."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        add = actions.add_parser("add", help="add a user")
        add.add_argument("email")
        add.add_argument("--name", required=True)
        add.add_argument("--superuser", action="store_true", help="allow everything, everywhere")
        set_password = actions.add_parser("set-password", help="set a new password")
        set_password.add_argument("email")
        way_in = add.add_mutually_exclusive_group(required=True)
        way_in.add_argument(
            "--without-password",
            action="store_true",
            help="the user signs in with single sign-on only",
        )
        way_in.add_argument("--password-stdin", action="store_true", help=_FROM_STDIN)
        set_password.add_argument(
            "--password-stdin", action="store_true", required=True, help=_FROM_STDIN
        )
        for action_name, what in (
            ("deactivate", "deactivate a user"),
            ("reactivate", "reactivate a user"),
            (
                "reset-mfa",
                "remove the second factors of a user who lost them, and end their sessions",
            ),
            ("disconnect-sso", "let a user link another single sign-on account"),
        ):
            actions.add_parser(action_name, help=what).add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        action = options["action"]
        act = {
            "add": self._add,
            "set-password": self._set_password,
            "deactivate": self._deactivate,
            "reactivate": self._reactivate,
            "reset-mfa": self._reset_mfa,
            "disconnect-sso": self._disconnect_sso,
        }[action]
        with acting_as(command_actor(f"person {action}")):
            try:
                act(options)
            except ValidationError as error:
                raise in_words(error) from None

    def _add(self, options: dict[str, Any]) -> None:
        user = User.objects.add_person(
            options["email"],
            name=options["name"],
            password=None if options["without_password"] else read_secret("password"),
            superuser=options["superuser"],
        )
        self.stdout.write(f"Added {user.name} <{user.email}>.")

    def _set_password(self, options: dict[str, Any]) -> None:
        user = find_person(options["email"])
        services.set_password(user, read_secret("password"))
        self.stdout.write(f"{user.email} has a new password. Their sessions have ended.")

    def _deactivate(self, options: dict[str, Any]) -> None:
        user = find_person(options["email"])
        services.deactivate_person(user)
        self.stdout.write(f"{user.email} can no longer sign in.")

    def _reactivate(self, options: dict[str, Any]) -> None:
        user = find_person(options["email"])
        services.reactivate_person(user)
        self.stdout.write(f"{user.email} can sign in again, with the same roles as before.")

    def _reset_mfa(self, options: dict[str, Any]) -> None:
        user = find_person(options["email"])
        removed = mfa.reset(user)
        self.stdout.write(
            f"{user.email} no longer has a second factor (removed: {removed}) and was signed out."
        )

    def _disconnect_sso(self, options: dict[str, Any]) -> None:
        user = find_person(options["email"])
        number = sso.disconnect(user)
        self.stdout.write(f"{user.email}: single sign-on links removed: {number}.")
