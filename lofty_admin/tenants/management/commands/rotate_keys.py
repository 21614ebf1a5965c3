"""Seal every stored secret under the current key, and report whether an old key can be removed."""

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from lofty_admin.audit.commandline import command_actor, require_current_database
from lofty_admin.audit.context import acting_as
from lofty_admin.tenants.credentials.rotation import Progress, in_use, rotate

BATCH = 100


class Command(BaseCommand):
    help = (
        "Seal every stored secret under the first key of VAULT_KEYS. It can be stopped at any time"
        " and goes on where it was; the console may run meanwhile. With --retire it changes nothing"
        " and says whether a key may be taken out of VAULT_KEYS."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--batch", type=int, default=BATCH, help="rows per transaction")
        parser.add_argument(
            "--retire", metavar="KEY_ID", help="check whether this key can be removed"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["batch"] < 1:
            raise CommandError("--batch must be 1 or more. Nothing was changed.")
        if options["retire"]:
            self._retire(options["retire"])
            return
        require_current_database("Nothing was changed.")
        with acting_as(command_actor("rotate_keys")):
            self._rotate(options["batch"])

    def _rotate(self, size: int) -> None:
        broken: dict[str, tuple[str, ...]] = {}
        for progress in rotate(size):
            self.stdout.write(_line(progress))
            broken[progress.name] = progress.broken
        if ids := [one for found in broken.values() for one in found]:
            raise CommandError(
                f"These can't be opened and were left as they are: {', '.join(ids)}. They can't "
                "be used either. Add a new token for the tenant."
            )
        ring = settings.ENVIRONMENT.vault_keys
        left = {key: used for key in ring.keys if key != ring.current and (used := in_use(key))}
        if not left:
            self.stdout.write(f"Everything is sealed under the key {ring.current}.")
            return
        for key, used in left.items():
            self.stdout.write(
                f"Still under {key}: {_counts(used)}, sealed meanwhile by a process without the"
                f" key {ring.current}. Restart it, then run rotate_keys again."
            )

    def _retire(self, key_id: str) -> None:
        ring = settings.ENVIRONMENT.vault_keys
        if key_id == ring.current:
            raise CommandError(f"{key_id} is the current key: new secrets are sealed under it.")
        if used := in_use(key_id):
            raise CommandError(
                f"{key_id} must stay: {_counts(used)} are sealed under it. Run rotate_keys first."
            )
        known = "" if key_id in ring.keys else " It is not in VAULT_KEYS either."
        self.stdout.write(
            f"Nothing in the database is sealed under {key_id}: you can remove it from "
            f"VAULT_KEYS.{known} Earlier backups still need it: keep it with them."
        )


def _counts(used: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in used.items())


def _line(progress: Progress) -> str:
    line = f"{progress.name}: {progress.done} sealed again, {progress.left} left"
    return f"{line}, {len(progress.broken)} can't be opened" if progress.broken else line
