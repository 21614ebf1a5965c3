"""Manage tenants from the command line, with the same services as the pages."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from lofty_admin.accounts.commandline import find_person, in_words, read_secret
from lofty_admin.audit.commandline import command_actor
from lofty_admin.audit.context import acting_as
from lofty_admin.lofty.client import Scheme
from lofty_admin.lofty.errors import LoftyError
from lofty_admin.tenants import services
from lofty_admin.tenants.access import memberships
from lofty_admin.tenants.credentials import token_verification
from lofty_admin.tenants.errors import ChangeNotAllowed
from lofty_admin.tenants.models import NOT_READ, Role, Tenant

SCHEMES = {"api-key": Scheme.API_KEY, "oauth-token": Scheme.OAUTH}
ROLES = {role.name.lower(): role for role in Role}


class Command(BaseCommand):
    help = "Add a tenant, list all tenants, or assign a role to a user. Every change is recorded."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="list all tenants with the status of their tokens")
        add = actions.add_parser("add", help="add a tenant with its Lofty token")
        add.add_argument("slug")
        add.add_argument("--name", required=True)
        add.add_argument("--note", default="")
        add.add_argument("--scheme", required=True, choices=SCHEMES)
        add.add_argument(
            "--token-stdin",
            action="store_true",
            required=True,
            help="read the token from the first line of standard input",
        )
        add.add_argument("--unchecked", action="store_true", help="save without testing the token")
        add.add_argument(
            "--meant",
            action="store_true",
            help="even if another tenant has this token or name",
        )
        grant = actions.add_parser("grant", help="assign a role in a tenant to a user")
        grant.add_argument("slug")
        grant.add_argument("email")
        grant.add_argument("role", choices=ROLES)

    def handle(self, *args: Any, **options: Any) -> None:
        action = options["action"]
        act = {"add": self._add, "grant": self._grant}.get(action, self._list)
        with acting_as(command_actor(f"tenant {action}")):
            try:
                act(options)
            except LoftyError as error:
                raise CommandError(f"{error.message} {error.advice} Nothing was saved.") from None
            except ChangeNotAllowed as error:
                raise CommandError(f"{error} Nothing was changed.") from None
            except ValidationError as error:
                raise in_words(error) from None

    def _add(self, options: dict[str, Any]) -> None:
        token = read_secret("token")
        take = (
            token_verification.unchecked_token
            if options["unchecked"]
            else token_verification.check_token
        )
        checked = take(SCHEMES[options["scheme"]], token)
        tenant = services.add_tenant(
            slug=options["slug"],
            name=options["name"],
            note=options["note"],
            checked=checked,
            meant=options["meant"],
        )
        self.stdout.write(f"Added {tenant.name} ({tenant.slug}); {_owner_in_words(checked)}.")

    def _grant(self, options: dict[str, Any]) -> None:
        tenant = Tenant.objects.filter(slug=options["slug"]).first()
        if tenant is None:
            raise CommandError(
                f"No tenant has the short name {options['slug']}. Nothing was changed."
            )
        user = find_person(options["email"])
        memberships.grant(tenant, user, ROLES[options["role"]])
        self.stdout.write(f"{user.email} is now {options['role']} of {tenant.name}.")

    def _list(self, options: dict[str, Any]) -> None:
        for tenant in Tenant.objects.prefetch_related("connections__health"):
            health = str(tenant.connection.health) if tenant.connection else "No token"
            words = (tenant.slug, tenant.name, tenant.status, health)
            self.stdout.write("\t".join(words))


def _owner_in_words(checked: token_verification.CheckedToken) -> str:
    if NOT_READ in checked.lofty_user:
        return f"Lofty didn't say who the token belongs to ({checked.lofty_user[NOT_READ]})"
    return f"the token belongs to {checked.lofty_user.get('name') or 'a user not asked for'}"
