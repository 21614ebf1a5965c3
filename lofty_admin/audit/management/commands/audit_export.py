"""`manage.py audit_export`: write every record of the audit log to a file, as lines of JSON."""

import signal
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from lofty_admin.audit.commandline import command_actor
from lofty_admin.audit.context import acting_as
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.audit.proof.export_file import ExportFile, LogMismatch

SECONDS = 2  # between two rounds with --follow
STOPS = {signal.SIGINT, signal.SIGTERM}


class Command(BaseCommand):
    help = (
        "Append what is new in the audit log to FILE, a line of JSON for each record, and say how"
        " far FILE was and is behind. Carries on after the last whole line, however the run before"
        " ended. docs/audit-export.md says how to verify the file without this program."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", type=Path, required=True, metavar="FILE")
        parser.add_argument(
            "--follow", action="store_true", help="keep following new records until stopped"
        )

    def handle(self, *args: Any, to: Path, follow: bool, **options: Any) -> None:
        try:
            with acting_as(command_actor("audit_export")), ExportFile(to) as export_file:
                self.run(export_file, follow)
        except (LogMismatch, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise CommandError(f"Can't write to {to}: {reason}") from None
        except KeyboardInterrupt:
            self.stderr.write("Stopped.")

    def run(self, export_file: ExportFile, follow: bool) -> None:
        lag = export_file.lag()
        self.stdout.write(f"{export_file.path}: up to record {export_file.last}, {lag}.")
        if lag.events or follow:
            _record(export_file, follow)
        missing = self.append(export_file)
        if follow:
            missing += self.follow(export_file)
        if missing:
            sys.exit(1)

    def follow(self, export_file: ExportFile) -> int:
        """Append until a signal stops the command; return the same as `append`.

        The signal is checked between two chunks only: an interrupt elsewhere could end in code that
        does not propagate it.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        missing = 0
        while signal.sigtimedwait(STOPS, SECONDS) is None:
            if export_file.lag().events:
                missing += self.append(export_file)
        self.stderr.write("Stopped.")
        return missing

    def append(self, export_file: ExportFile) -> int:
        """Append new records. Return the number of records missing from the log."""
        before, written = export_file.last, 0
        for count in export_file.append():
            written += count
        self.stdout.write(
            f"{written:,} written, up to record {export_file.last}: {export_file.lag()}."
        )
        self.stdout.flush()
        if missing := export_file.last - before - written:
            self.stderr.write(
                f"{missing:,} records are missing in the log. Run `manage.py audit_verify`."
            )
        return missing


def _record(export_file: ExportFile, follow: bool) -> None:
    record(
        Kind.LOG_EXPORTED,
        subject=f"records after {export_file.last} as JSON Lines, to a file",
        outcome=Outcome.DONE,
        detail={
            "format": "jsonl",
            "after": export_file.last,
            "file": str(export_file.path),
            "follow": follow,
        },
    )
