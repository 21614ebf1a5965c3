"""`manage.py audit_index`: make the search index of the audit log, as far as it is missing."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from lofty_admin.audit.index import fill
from lofty_admin.audit.models import AuditChoice, AuditIndex


class Command(BaseCommand):
    help = (
        "Index the events that browsing does not find yet. With --anew the whole index is made once"
        " more from the records, which needs the rights of the tables' owner. No record is touched."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--anew", action="store_true", help="throw the present index away first"
        )

    def handle(self, *args: Any, anew: bool, **options: Any) -> None:
        if anew:
            with transaction.atomic():
                AuditIndex.objects.all().delete()
                AuditChoice.objects.all().delete()
        self.stdout.write(f"{fill():,} events indexed.")
