from django.core.management.base import BaseCommand

from lofty_admin.agentsettings.reconcile import reconcile_all
from lofty_admin.audit.commandline import command_actor, require_current_database
from lofty_admin.audit.context import acting_as


class Command(BaseCommand):
    """Run what the worker does every minute, for cron or by hand."""

    help = (
        "Check Lofty once for each change whose outcome is unknown, and resolve what can be "
        "resolved."
    )

    def handle(self, *args: object, **options: object) -> None:
        require_current_database("Nothing was checked.")
        with acting_as(command_actor("reconcile")):
            operations = reconcile_all()
        for operation in operations:
            self.stdout.write(f"{operation}. {operation.explanation}")
        self.stdout.write(f"{len(operations)} checked.")
