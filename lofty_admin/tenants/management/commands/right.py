"""Assign and revoke roles from the command line, with the same services as the pages."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from lofty_admin.accounts.commandline import find_person
from lofty_admin.audit.commandline import command_actor, require_current_database
from lofty_admin.audit.context import acting_as
from lofty_admin.tenants.access import grants
from lofty_admin.tenants.access.grants import Scope
from lofty_admin.tenants.errors import ChangeNotAllowed
from lofty_admin.tenants.models import Group, Role, Tenant

ROLES = {role.name.lower(): role for role in Role}


class Command(BaseCommand):
    help = (
        "Assign, deny, or remove a role in a tenant, a group, or everywhere. Every change is "
        "recorded."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        give = actions.add_parser("give", help="assign a role to a user")
        deny = actions.add_parser("deny", help="deny a user access, whatever other roles they have")
        take = actions.add_parser("take", help="remove the role or the denial")
        for action in (give, deny, take):
            action.add_argument("email")
            scope = action.add_mutually_exclusive_group(required=True)
            scope.add_argument("--tenant", metavar="SLUG")
            scope.add_argument("--group", metavar="SLUG")
            scope.add_argument(
                "--all", action="store_true", help="all tenants, including future ones"
            )
        give.add_argument("role", choices=ROLES)

    def handle(self, *args: Any, **options: Any) -> None:
        action = options["action"]
        require_current_database("Nothing was changed.")
        with acting_as(command_actor(f"right {action}")):
            user, scope = find_person(options["email"]), _scope(options)
            try:
                if action == "give":
                    grants.assign(user, scope, ROLES[options["role"]])
                elif action == "deny":
                    grants.deny(user, scope)
                else:
                    grants.revoke(user, scope)
            except ChangeNotAllowed as error:
                raise CommandError(f"{error} Nothing was changed.") from None
        done = {
            "give": f"is now {options.get('role')} of",
            "deny": "is denied",
            "take": "no longer has a role of their own for",
        }
        self.stdout.write(f"{user.email} {done[action]} {scope}.")


def _scope(options: dict[str, Any]) -> Scope:
    tenant, group = options["tenant"], options["group"]
    if tenant:
        return Scope(tenant=_named(Tenant, "tenant", tenant))
    return Scope(group=_named(Group, "group", group)) if group else Scope()


def _named(model: Any, what: str, slug: str) -> Any:
    found = model.objects.filter(slug=slug).first()
    if found is None:
        raise CommandError(f"No {what} has the short name {slug}. Nothing was changed.")
    return found
