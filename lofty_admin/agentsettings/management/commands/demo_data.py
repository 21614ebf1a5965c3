import json
import os

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from lofty_admin.accounts.models import User
from lofty_admin.accounts.services import add_person
from lofty_admin.audit.log.context import Actor, acting_as
from lofty_admin.directory.sync import start_sync
from lofty_admin.lofty.client import Scheme
from lofty_admin.lofty.errors import LoftyError
from lofty_admin.tenants.access.memberships import grant
from lofty_admin.tenants.credentials.token_verification import (
    CheckedToken,
    check_token,
    unchecked_token,
)
from lofty_admin.tenants.models import Connection, Role, Tenant
from lofty_admin.tenants.services import add_tenant


class Command(BaseCommand):
    """Create the demo's users and tenants once. Only where LOFTY_DEMO=1."""

    help = (
        "Add the demo's people and the practice Lofty's customers as tenants (LOFTY_DEMO=1 only)."
    )

    def handle(self, *args: object, **options: object) -> None:
        if not settings.DEMO:
            raise CommandError(
                "This is for the demo only: LOFTY_DEMO is not set. Nothing was done."
            )
        with acting_as(Actor("command", "demo_data", "Demo data")):
            people = self._people()
            for tenant in self._tenants(people):
                start_sync(tenant)

    def _people(self) -> dict[str, User]:
        people = {}
        for email, name, role in json.loads(os.environ["DEMO_SIGN_INS"]):
            found = User.objects.filter(email=email).first()
            people[role] = found or add_person(
                email,
                name=name,
                password=os.environ["DEMO_PASSWORD"],
                superuser=role == "superuser",
            )
        return people

    def _tenants(self, people: dict[str, User]) -> list[Tenant]:
        """Add the practice customers that were never added, with their members.

        Later changes of a tenant stay: archived, renamed, without members.
        """
        from tools.practice_lofty.seed import customers

        added = []
        for one in customers():
            if Tenant.objects.filter(slug=one.slug).exists():
                continue
            checked = self._checked(Scheme(one.scheme), one.token)
            # Its short name may have been changed.
            if Connection.objects.filter(fingerprint=checked.fingerprint).exists():
                continue
            with transaction.atomic():  # if it is killed halfway, the next start adds it completely
                tenant = add_tenant(
                    slug=one.slug, name=one.name, note=one.note, checked=checked, meant=True
                )
                self._memberships(tenant, people)
            added.append(tenant)
        return added

    def _checked(self, scheme: Scheme, token: str) -> CheckedToken:
        """Verify the token at the practice Lofty if that answers; the demo has dead tokens too."""
        try:
            return check_token(scheme, token)
        except LoftyError:
            return unchecked_token(scheme, token)

    def _memberships(self, tenant: Tenant, people: dict[str, User]) -> None:
        for name in ("manager", "editor", "viewer"):
            grant(tenant, people[name], Role[name.upper()])
