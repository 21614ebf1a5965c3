"""`manage.py audit_verify`: verify that the audit log is unchanged."""

import argparse
import base64
import binascii
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper

from lofty_admin.audit.commandline import command_actor
from lofty_admin.audit.context import acting_as
from lofty_admin.audit.models import AuditHead
from lofty_admin.audit.proof import verification
from lofty_admin.audit.proof.signed_checkpoint import believed_keys

KEY_BYTES = 32
BAR = 30


class Command(BaseCommand):
    help = (
        "Check every record of the audit log and its place in the chain. Exit code 0: as written,"
        " and not cut before the newest anchor; 1: faults, each named; 2: no faults, but without"
        " --anchor it was not checked whether the log was cut, or --from left some out."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--anchor",
            type=Path,
            metavar="FILE",
            help="Signed checkpoints kept outside the database: the file of the sink.",
        )
        parser.add_argument(
            "--public-key",
            type=_public_key,
            action="append",
            default=[],
            metavar="KEY",
            help="A public key whose checkpoints to trust, in base64; may be repeated. "
            "AUDIT_PUBLIC_KEYS and the public part of AUDIT_SIGNING_KEY are trusted too.",
        )
        parser.add_argument(
            "--from",
            type=_record_number,
            default=1,
            dest="start",
            metavar="NUMBER",
            help="The first record to check. Those before it are not checked.",
        )
        parser.add_argument(
            "--stale-after",
            type=int,
            metavar="MINUTES",
            help="Maximum age of the newest anchor; by default twice AUDIT_CHECKPOINT_MINUTES.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        keys = believed_keys(options["public_key"])
        if options["anchor"] and not keys:
            raise CommandError("Nothing was checked: --anchor needs --public-key KEY.")
        head = AuditHead.objects.first()
        total = head.seq if head else 0
        if options["start"] > max(total, 1):
            raise CommandError(f"Nothing was checked: the log has {total} records only.")
        if options["stale_after"] is None:
            options["stale_after"] = 2 * settings.ENVIRONMENT.checkpoint_minutes
        bar = _Bar(self.stderr, total)
        with acting_as(command_actor("audit_verify")):
            found = verification.run(
                anchor_file=options["anchor"],
                keys=keys,
                start=options["start"],
                stale_after=options["stale_after"],
                tell=lambda finding: self.tell(bar, str(finding)),
                progress=bar.show,
            )
            bar.clear()
            self.close(found)

    def tell(self, bar: "_Bar", text: str) -> None:
        bar.clear()
        self.stdout.write(text)

    def close(self, found: verification.VerificationResult) -> None:
        checked = f"Records {found.first} to {found.last} checked"
        if found.exit == verification.FAULTY:
            self.stdout.write(f"{checked}: {found.faults} faults. The log was altered.")
        elif found.anchor is None:
            self.stdout.write(f"{checked}: consistent.")
        else:
            at = f"{found.anchor.at:%Y-%m-%d %H:%M} UTC"
            held = f"not cut up to record {found.anchor.size}, by the checkpoint of {at}"
            self.stdout.write(f"{checked}: consistent, and {held}.")
        for limit in found.limits:
            self.stdout.write(limit)
        if not verification.store_result(found):
            self.stderr.write("This run could not be recorded in the log.")
        if found.exit:
            sys.exit(found.exit)


class _Bar:
    """A progress bar on a terminal; it prints nothing elsewhere."""

    def __init__(self, out: OutputWrapper, total: int) -> None:
        self.out, self.total = out, total
        self.is_shown = out.isatty() and total > 0

    def show(self, seq: int) -> None:
        if self.is_shown:
            share = min(max(seq, 0) / self.total, 1)
            bar = ("#" * round(share * BAR)).ljust(BAR, ".")
            self.out.write(f"\r[{bar}] {share:4.0%}  {seq:,} of {self.total:,}", ending="")
            self.out.flush()

    def clear(self) -> None:
        if self.is_shown:
            self.out.write("\r\x1b[K", ending="")


def _public_key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise argparse.ArgumentTypeError("A public key is 32 bytes in base64.")
    return key


def _record_number(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) < 2**63:
        raise argparse.ArgumentTypeError("A record number is a whole number, at least 1.")
    return int(text)
