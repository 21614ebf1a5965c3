"""Replace Django's command of this name, which would leave no record."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = "Disabled: use `person set-password`, which records the change."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", nargs="?")

    def handle(self, *args: Any, **options: Any) -> None:
        raise CommandError(
            "Use `manage.py person set-password EMAIL --password-stdin`, which is "
            "recorded. Nothing was changed."
        )
