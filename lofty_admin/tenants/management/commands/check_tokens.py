"""Probe the stored connections at Lofty right now, within each one's rate limit."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from lofty_admin.audit.commandline import command_actor, require_current_database
from lofty_admin.audit.context import acting_as
from lofty_admin.lofty.errors import BudgetSpent
from lofty_admin.tenants.credentials.health_probe import in_use, probe
from lofty_admin.tenants.models import Connection, Tenant


class Command(BaseCommand):
    help = (
        "Test the connections of active tenants with Lofty: one call each, never one that "
        "is reserved for saves. Exits with 1 if any needs attention."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--tenant", metavar="SLUG", help="the short name of one tenant")
        which.add_argument("--all", action="store_true", help="every active tenant")

    def handle(self, *args: Any, **options: Any) -> None:
        require_current_database("Nothing was checked.")
        found = list(in_use().order_by("tenant__slug")) if options["all"] else _of(options)
        with acting_as(command_actor("check_tokens")):
            bad = [one.tenant.slug for one in self._checked(found) if one.warnings]
        if bad:
            raise CommandError(f"{len(bad)} of {len(found)} need attention: {', '.join(bad)}.")
        self.stdout.write(f"All {len(found)} work.")

    def _checked(self, found: list[Connection]) -> list[Connection]:
        checked = []
        for number, connection in enumerate(found, 1):
            after = self._probe(connection)
            words = "; ".join(after.warnings) or after.health.get_status_display()
            self.stdout.write(f"[{number}/{len(found)}] {after.tenant.slug}: {words}")
            checked.append(after)
        return checked

    def _probe(self, connection: Connection) -> Connection:
        """Probe the connection; wait first until enough calls are left."""
        while True:
            try:
                return probe(connection)
            except BudgetSpent as spent:
                message = f"waits until {spent.until:%H:%M:%S} UTC for calls"
                self.stdout.write(f"{connection.tenant.slug}: {message}")
                time.sleep(max(0.0, (spent.until - timezone.now()).total_seconds()))


def _of(options: dict[str, Any]) -> list[Connection]:
    slug = options["tenant"]
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise CommandError(f"No tenant has the short name {slug}. Nothing was checked.")
    found = list(in_use().filter(tenant=tenant))
    if not found:
        raise CommandError(f"{slug} is archived or has no connection. Nothing was checked.")
    return found
