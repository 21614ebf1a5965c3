"""`manage.py sandbox`: the practice Lofty, as the demo starts it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from lofty_admin.sandbox import cli


class Command(BaseCommand):
    help = "Run the practice Lofty on this machine until it is stopped."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        cli.add_arguments(parser)

    def handle(self, **options: Any) -> None:
        try:
            cli.run(
                host=options["host"],
                port=options["port"],
                db=options["db"],
                seeded=options["seed"],
                port_file=options["port_file"],
                console_url=options["console_url"],
            )
        except cli.StartError as error:
            raise CommandError(str(error)) from None
