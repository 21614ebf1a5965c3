"""Read names from Lofty right now, without a worker."""

import re
import shutil
import time
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from lofty_admin.audit.commandline import command_actor, require_current_database
from lofty_admin.audit.context import acting_as
from lofty_admin.core import clocks
from lofty_admin.directory.eta import in_words, time_left
from lofty_admin.directory.models import Sync, SyncState
from lofty_admin.directory.names import freshness
from lofty_admin.directory.sync import advance, open_sync, with_names_to_read
from lofty_admin.tenants.models import Tenant

SECONDS_BETWEEN_LINES = 2.0
BAR_WIDTH = 20
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Command(BaseCommand):
    help = (
        "Sync the names of agents, offices, ponds, and pipelines with Lofty. You can stop "
        "it at any time; it continues where it stopped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--tenant", metavar="SLUG", help="the short name of one tenant")
        which.add_argument("--all", action="store_true", help="every active tenant with a token")
        parser.add_argument(
            "--max-age",
            metavar="AGE",
            type=_age,
            help="skip tenants whose names are newer: 90m, 24h, or 7d",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        require_current_database("Nothing was read.")
        tenants = with_names_to_read() if options["all"] else [_one_tenant(options["tenant"])]
        with acting_as(command_actor("sync_directory")):
            to_read = [t for t in tenants if not self._is_young(t, options["max_age"])]
            failed = [tenant.slug for tenant in to_read if not self._sync(tenant)]
        self._report(failed, of=len(to_read))

    def _report(self, failed: list[str], of: int) -> None:
        """Name the tenants that failed. Fail only if no tenant was read.

        A dead token is reported in the console; it must not make every nightly run fail.
        """
        if not failed:
            return
        message = f"Not read: {', '.join(failed)}. The reasons are above."
        if len(failed) == of:
            raise CommandError(message)
        self.stderr.write(message)

    def _is_young(self, tenant: Tenant, most: timedelta | None) -> bool:
        synced_at = freshness(tenant).synced_at
        if most is None or synced_at is None:
            return False
        if not clocks.is_recent(synced_at, timezone.now(), most):
            return False
        self.stdout.write(f"{tenant.slug}: skipped, read at {synced_at:%Y-%m-%d %H:%M} UTC")
        return True

    def _sync(self, tenant: Tenant) -> bool:
        """Sync a tenant; return whether it succeeded. Only show progress of another process."""
        sync = open_sync(tenant)
        while sync.is_open:
            self._show(tenant, sync)
            time.sleep(_pause(sync))
            advance(sync.pk, seconds=SECONDS_BETWEEN_LINES)
            sync.refresh_from_db()
        self._show(tenant, sync)
        return sync.state == SyncState.DONE

    def _show(self, tenant: Tenant, sync: Sync) -> None:
        """Show progress: a terminal gets one line that is overwritten, other output a line each."""
        line = f"{tenant.slug}: {_progress(sync)}"
        if not self.stdout.isatty():
            self.stdout.write(line)
            return
        if sync.is_open:
            line = line[: shutil.get_terminal_size().columns - 1]  # a longer one would wrap
        self.stdout.write(f"\r\x1b[K{line}", ending="" if sync.is_open else "\n")
        self.stdout.flush()


def _progress(sync: Sync) -> str:
    """Describe the progress, most important part first: a terminal may be narrow."""
    counted = "" if sync.agents is None else f"{sync.done} of {sync.agents} agents"
    parts = [sync.get_state_display(), counted]
    if sync.is_open:
        parts = [in_words(time_left(sync)), counted, sync.get_state_display()]
    if sync.resume_at and sync.state == SyncState.WAITING:
        parts.append(f"continues at {sync.resume_at:%H:%M:%S} UTC")
    if sync.message:
        parts.append(sync.message)
    return _bar(sync) + ", ".join(filter(None, parts))


def _bar(sync: Sync) -> str:
    if not sync.is_open or sync.percent is None:
        return ""
    full = BAR_WIDTH * sync.percent // 100
    return f"[{'#' * full}{'.' * (BAR_WIDTH - full)}] "


def _pause(sync: Sync) -> float:
    """Return seconds to sleep: until its time if it waits, briefly if another process has it."""
    if sync.state == SyncState.RUNNING:
        return SECONDS_BETWEEN_LINES
    if sync.resume_at is None:
        return 0
    return max(0.0, (sync.resume_at - timezone.now()).total_seconds())


def _one_tenant(slug: str) -> Tenant:
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise CommandError(f"No tenant has the short name {slug}. Nothing was read.")
    return tenant


def _age(text: str) -> timedelta:
    found = re.fullmatch(r"([0-9]{1,4})([mhd])", text)
    if found is None:
        raise ArgumentTypeError(f"{text!r} is not a valid age. Use 90m, 24h, or 7d.")
    return timedelta(**{UNITS[found[2]]: int(found[1])})
