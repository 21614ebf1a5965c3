"""Read names from Lofty here and now, without a worker."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from lofty_admin.accounts.commandline import command_actor
from lofty_admin.audit.context import acting_as
from lofty_admin.audit.restored import ReadOnly, refuse_if_behind
from lofty_admin.directory.models import Sync, SyncState
from lofty_admin.directory.sync import advance, open_sync, with_names_to_read
from lofty_admin.tenants.models import Tenant

SECONDS_BETWEEN_LINES = 2.0


class Command(BaseCommand):
    help = (
        "Read the names of agents, offices, ponds and pipelines from Lofty."
        " It can be stopped at any time and goes on where it was."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--tenant", metavar="SLUG", help="the short name of one tenant")
        which.add_argument("--all", action="store_true", help="every active tenant with a token")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            refuse_if_behind()
        except ReadOnly as error:
            raise CommandError(f"{error} Nothing was read.") from None
        tenants = with_names_to_read() if options["all"] else [_one_tenant(options["tenant"])]
        with acting_as(command_actor("sync_directory")):
            failed = [tenant.slug for tenant in tenants if not self._sync(tenant)]
        if failed:
            raise CommandError(f"Not finished: {', '.join(failed)}. Run it again to go on.")

    def _sync(self, tenant: Tenant) -> bool:
        """Whether it ended well. If another process has the sync, only its progress is shown."""
        sync = open_sync(tenant)
        while sync.is_open:
            self.stdout.write(f"{tenant.slug}: {_progress(sync)}")
            time.sleep(_pause(sync))
            advance(sync.pk, seconds=SECONDS_BETWEEN_LINES)
            sync.refresh_from_db()
        self.stdout.write(f"{tenant.slug}: {_progress(sync)}")
        return sync.state == SyncState.DONE


def _progress(sync: Sync) -> str:
    parts = [sync.get_state_display()]
    if sync.total is not None:
        parts.append(f"{sync.done} of {sync.total} agents")
    if sync.resume_at and sync.state == SyncState.WAITING:
        parts.append(f"goes on at {sync.resume_at:%H:%M:%S} UTC")
    if sync.message:
        parts.append(sync.message)
    return ", ".join(parts)


def _pause(sync: Sync) -> float:
    """Seconds to sleep: until its time if it waits, a little if another process has it."""
    if sync.state == SyncState.RUNNING:
        return SECONDS_BETWEEN_LINES
    if sync.resume_at is None:
        return 0
    return max(0.0, (sync.resume_at - timezone.now()).total_seconds())


def _one_tenant(slug: str) -> Tenant:
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise CommandError(f"There is no tenant {slug}. Nothing was read.")
    return tenant
