"""The demo's users, and the practice Lofty's customers as tenants."""

import json
import os

from django.db import transaction

from lofty_admin.accounts.models import User
from lofty_admin.audit.context import Actor, acting_as
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
from tools.practice_lofty.seed import customers


def add_users_and_tenants() -> None:
    """Add what the demo begins with and what was never added. Later changes of it stay."""
    with acting_as(Actor("command", "demo_data", "Demo data")):
        users = _users()
        for tenant in _tenants(users):
            start_sync(tenant)


def _users() -> dict[str, User]:
    users = {}
    for email, name, role in json.loads(os.environ["DEMO_SIGN_INS"]):
        known = User.objects.filter(email=email).first()
        users[role] = known or User.objects.add_person(
            email,
            name=name,
            password=os.environ["DEMO_PASSWORD"],
            superuser=role == "superuser",
        )
    return users


def _tenants(users: dict[str, User]) -> list[Tenant]:
    """Add the practice customers that were never added, with their members, and return them."""
    added = []
    for one in customers():
        if Tenant.objects.filter(slug=one.slug).exists():
            continue
        checked = _checked(Scheme(one.scheme), one.token)
        # Its short name may have been changed.
        if Connection.objects.filter(fingerprint=checked.fingerprint).exists():
            continue
        with transaction.atomic():  # if it is killed halfway, the next start adds it completely
            tenant = add_tenant(
                slug=one.slug, name=one.name, note=one.note, checked=checked, meant=True
            )
            for name in ("manager", "editor", "viewer"):
                grant(tenant, users[name], Role[name.upper()])
        added.append(tenant)
    return added


def _checked(scheme: Scheme, token: str) -> CheckedToken:
    """Verify the token at the practice Lofty if that answers; the demo has dead tokens too."""
    try:
        return check_token(scheme, token)
    except LoftyError:
        return unchecked_token(scheme, token)
