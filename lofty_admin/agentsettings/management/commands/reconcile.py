from django.core.management.base import BaseCommand, CommandError

from lofty_admin.agentsettings.reconcile import settle_all
from lofty_admin.audit.context import Actor, acting_as
from lofty_admin.audit.restored import ReadOnly, refuse_if_behind


class Command(BaseCommand):
    """What the worker does every minute, for cron or by hand."""

    help = "Look at Lofty once for every save whose outcome is unknown, and settle what can be."

    def handle(self, *args: object, **options: object) -> None:
        try:
            refuse_if_behind()
        except ReadOnly as error:
            raise CommandError(f"{error} Nothing was looked at.") from None
        with acting_as(Actor("command", "reconcile", "Reconcile command")):
            operations = settle_all()
        for operation in operations:
            self.stdout.write(f"{operation}. {operation.explanation}")
        self.stdout.write(f"{len(operations)} looked at.")
