"""`manage.py audit_export`: write every record of the audit log to a file, as lines of JSON."""

import signal
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError, connection

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
        self.missing, self.is_recorded = 0, False
        try:
            with acting_as(command_actor("audit_export")):
                self.export(to, follow)
        except (LogMismatch, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise CommandError(f"Can't write to {to}: {reason}") from None
        except KeyboardInterrupt:
            self.stderr.write("Stopped.")
        if self.missing:
            sys.exit(1)

    def export(self, to: Path, follow: bool) -> None:
        """Append to the file; with `follow`, continue when the database is back after a cut."""
        is_cut_off = False
        while True:
            try:
                with ExportFile(to) as export_file:
                    is_cut_off = False
                    self.run(export_file, follow)
                return
            except (OperationalError, InterfaceError):
                if not follow:
                    raise CommandError("The database does not answer. Run it again.") from None
            if not is_cut_off:
                self.stderr.write("The database does not answer. Trying again until it does.")
            is_cut_off = True
            connection.close()
            if self.is_stopped():
                return

    def run(self, export_file: ExportFile, follow: bool) -> None:
        lag = export_file.lag()
        self.stdout.write(f"{export_file.path}: up to record {export_file.last}, {lag}.")
        if not self.is_recorded and (lag.events or follow):
            _record(export_file, follow)
            self.is_recorded = True
        self.append(export_file)
        if follow:
            self.follow(export_file)

    def follow(self, export_file: ExportFile) -> None:
        """Append until a signal stops the command."""
        while not self.is_stopped():
            if export_file.lag().events:
                self.append(export_file)

    def is_stopped(self) -> bool:
        """Wait a round; return whether a signal came.

        From the first call on, signals are noticed only here, between two chunks: an interrupt
        elsewhere could end in code that does not propagate it.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        if signal.sigtimedwait(STOPS, SECONDS) is None:
            return False
        self.stderr.write("Stopped.")
        return True

    def append(self, export_file: ExportFile) -> None:
        """Append new records, and count those that are missing from the log."""
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
            self.missing += missing


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
