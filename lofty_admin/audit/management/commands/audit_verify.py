"""`manage.py audit_verify`: is the audit log as it was written?"""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from lofty_admin.audit.verify import Anchor, Verification

FAULTY, TRUNCATION_NOT_CHECKED = 1, 2


class Command(BaseCommand):
    help = (
        "Check every record of the audit log and its place in the chain. Exit code 0: as written,"
        " up to the anchor and after it; 1: faults, each named; 2: consistent, but without --anchor"
        " it was not checked whether the end of the log was cut off."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--anchor",
            type=_anchor,
            metavar="NUMBER:HASH",
            help="The last line of an earlier run, kept outside the database.",
        )

    def handle(self, *args: Any, anchor: Anchor | None = None, **options: Any) -> None:
        verification, faults = Verification(anchor), 0
        for finding in verification.findings():
            faults += 1
            self.stdout.write(str(finding))
        if faults:
            self.stdout.write(f"{faults} faults. The log is NOT as it was written.")
            sys.exit(FAULTY)
        self._close(verification.last, anchor)

    def _close(self, last: Anchor, anchor: Anchor | None) -> None:
        if anchor is None:
            verdict = "consistent. Truncation NOT checked: no anchor was given."
        else:
            verdict = f"as written; the anchor at record {anchor.seq} holds."
        self.stdout.write(f"{last.seq} records, {verdict}")
        self.stdout.write("Keep this outside the database and give it to the next run:")
        self.stdout.write(f"--anchor {last}")
        if anchor is None:
            sys.exit(TRUNCATION_NOT_CHECKED)


def _anchor(text: str) -> Anchor:
    try:
        return Anchor.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
