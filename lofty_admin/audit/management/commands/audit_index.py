"""`manage.py audit_index`: add missing entries to the search index of the audit log."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from lofty_admin.audit.search.index import fill


class Command(BaseCommand):
    help = (
        "Index the events that browsing does not find yet, or all of them with --all. No record of"
        " the log is touched."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--all", dest="from_start", action="store_true", help="index all events again"
        )

    def handle(self, *args: Any, from_start: bool, **options: Any) -> None:
        self.stdout.write(f"{fill(from_start=from_start):,} events indexed.")
