"""`manage.py audit_acknowledge_restore`: confirm that the database was restored on purpose."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from lofty_admin.audit.commandline import command_actor
from lofty_admin.audit.context import acting_as
from lofty_admin.audit.proof.restore_guard import NothingToAcknowledge, acknowledge

NEXT_STEPS = """\
Record {seq} says so; the console works again within half a minute. What is left to do:
1. Move the anchor file away and keep it with a note: it proves what was in the lost records.
2. Run audit_checkpoint where the signing key is: it begins a new anchor file.
3. Look at Lofty before relying on this history: what was changed since the backup is not in it.
"""


class Command(BaseCommand):
    help = (
        "Acknowledge a restore from a backup. The console is read-only because its newest "
        "signed checkpoint covers records that the database does not have. This records "
        "that the older database is intended, and makes the console writable again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--reason", required=True, help="the reason for the restore, recorded in the audit log"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        reason = options["reason"].strip()
        if not reason:
            raise CommandError("Give the reason with --reason. Nothing was changed.")
        with acting_as(command_actor("audit_acknowledge_restore")):
            try:
                event = acknowledge(reason)
            except NothingToAcknowledge as found:
                raise CommandError(f"There is nothing to acknowledge. {found}") from None
        self.stdout.write(NEXT_STEPS.format(seq=event.seq), ending="")
