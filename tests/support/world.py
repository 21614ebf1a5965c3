"""Acme with one of everything, and Globex with the same for another user."""

import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoDbBlocker, Settings

from lofty_admin.accounts.models import User
from lofty_admin.accounts.sessions import SEEN_AT, SIGNED_IN_AT
from lofty_admin.agentsettings.drafts import Content, create_draft, share_draft
from lofty_admin.agentsettings.models import Draft, Operation, State
from lofty_admin.agentsettings.plans import Snapshot
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import AuditEvent
from lofty_admin.core.environment import OAuthApp
from lofty_admin.directory.models import Entry, EntryKind
from lofty_admin.fleet.import_job import read_list
from lofty_admin.fleet.models import Import
from lofty_admin.history.models import SavedView
from lofty_admin.lofty import schema
from lofty_admin.tenants.access import grants
from lofty_admin.tenants.access.grants import Scope
from lofty_admin.tenants.models import Group, Role, Tenant
from tests.support.documented_settings import EXAMPLE
from tests.support.routes import Route
from tests.support.second_factor import give_app
from tests.support.users import PASSWORD, make_user, signed_in

NEW = ("password1", "password2")


# A POST that the view can do something with; without "side", going back rightly finds nothing.
POSTED: dict[str, dict[str, str]] = {
    "tenants:groups": {"name": "East", "slug": "east"},
    "tenants:group": {"name": "West coast", "slug": "west"},
    "fleet:import": {"pasted": "name,slug\nInitech,initech\n"},
    "fleet:import_start": {"mode": "good"},
    "history:view_save": {"name": "Other", "query": "q=x"},
    "tenants:pin": {"next": "/t/acme/history/"},
    "history:go_back": {"side": "after"},
    "tenants:user_invite": {"email": "new@example.com"},
    "tenants:user_grant": {"where": "all", "level": "10", "confirmed": "1"},
    "tenants:add": {"name": "New One", "scheme": "api_key"},
    "tenants:edit": {"name": "Acme Two"},
    "tenants:members": {"email": "sam@example.com", "role": "10"},
    "tenants:member_role": {"role": "20"},
    "tenants:connection_replace": {"scheme": "oauth", "token": "{token}"},
    "tenants:connection_remove": {"sure": "on"},
    "tenants:connection_agent": {"sure": "on", "sales_agent_id": "{agent}"},
    "tenants:connect": {},
    "history:export": {"format": "csv"},
    "history:export_all": {"format": "jsonl"},
    "mfa_generate_recovery_codes": {},
    "accounts:step_remove": {},
    "directory:name_source": {"lofty_id": "1001", "name": "Web"},
    "account_change_password": {"oldpassword": PASSWORD}
    | dict.fromkeys(NEW, "a much newer staple"),
}


LOFTY = "https://lofty.example.com"


@dataclass(frozen=True)
class World:
    """Acme with one of everything, and Globex with the same for the outsider."""

    people: dict[str, User]
    acme: Tenant
    globex: Tenant
    colleague: User
    made: Import
    view: SavedView
    step: int  # the superuser's authenticator app
    sessions: dict[str, str]  # of people, what the cookie says

    def arguments(self, route: Route, of: Tenant | None = None) -> dict[str, object]:
        """Those of an address in Acme, its rows being the tenant's `of`. KeyError: say here how
        to fill in a new argument."""
        tenant = of or self.acme
        rows = {
            "operation_id": Operation.objects.get(tenant=tenant).pk,
            "draft_id": Draft.objects.get(tenant=tenant).pk,
            "event_id": AuditEvent.objects.for_tenant(tenant.pk).get(kind=Kind.SETTINGS_OUTCOME).pk,
            "pk": self.row_of(route, tenant),
            "office_id": Entry.objects.get(tenant=tenant, kind=EntryKind.OFFICE).lofty_id,
        }
        rows["form_id"] = uuid4()
        others = {"slug": self.acme.slug, "kind": "agent", "group": "west"}
        return {name: {**others, **rows}[name] for name in route.arguments}

    def row_of(self, route: Route, tenant: Tenant) -> object:
        if route.name.startswith("fleet:import_"):
            return self.made.pk
        if route.name == "history:view_delete":
            return self.view.pk
        if route.name == "accounts:step_remove":
            return self.step
        return tenant.memberships.order_by("-pk")[0].pk if route.in_tenant else self.colleague.pk

    def client(self, who: str) -> Client:
        client = Client(raise_request_exception=False)
        if who != "anonymous":
            client.cookies[django_settings.SESSION_COOKIE_NAME] = self.sessions[who]
        return client


@pytest.fixture(scope="module")
def world_of_all(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, events_looked_at: list[str]
) -> Iterator[World]:
    """Made once, in a transaction around those of the tests; each test returns to it."""
    with django_db_blocker.unblock(), transaction.atomic():
        world = made()
        assert events_looked_at == []
        yield world
        transaction.set_rollback(True)


@pytest.fixture
def world(world_of_all: World, db: None, settings: Settings) -> World:
    app = OAuthApp("console", "a-secret-of-nobody", f"{LOFTY}/authorize", f"{LOFTY}/token", "")
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, oauth_app=app)
    return deepcopy(world_of_all)


def made() -> World:
    acme = Tenant.objects.create(slug="acme", name="Acme Realty")
    globex = Tenant.objects.create(slug="globex", name="Globex Homes")
    people = {
        "outsider": make_user("outsider@example.com", "Una Outsider"),
        "viewer": make_user("viewer@example.com", "Victor Viewer"),
        "editor": make_user("editor@example.com", "Eduardo Editor"),
        "manager": make_user("owner@example.com", "Olivia Owner"),
        "superuser": make_user("root@example.com", "Rosa Root", superuser=True),
    }
    acme.memberships.create(user=people["manager"], role=Role.MANAGER)
    acme.memberships.create(user=people["viewer"], role=Role.VIEWER)
    globex.memberships.create(user=people["outsider"], role=Role.MANAGER)
    # The editor has the role by a group, the outsider is denied what all may see.
    group = Group.objects.create(slug="west", name="West")
    group.tenants.add(acme)
    grants.assign(people["editor"], Scope(group=group), Role.EDITOR)
    grants.assign(people["outsider"], Scope(), Role.VIEWER)
    grants.deny(people["outsider"], Scope(tenant=acme))
    owners = (people["manager"], people["outsider"])
    for number, (tenant, owner) in enumerate(zip((acme, globex), owners, strict=True), start=7):
        saved(tenant)
        drafted(tenant, owner)
        Entry.objects.keep([Entry.build(tenant, EntryKind.OFFICE, number, "Downtown")])
    colleague = make_user("sam@example.com", "Sam Smith")
    rosa = people["superuser"]
    imported = read_list(rosa, "name,slug\nInitech,initech\n")
    view = SavedView.objects.create(user=rosa, name="Mine", query="q=x")
    sessions = {who: session_of(user) for who, user in people.items()}
    step = give_app(rosa).pk
    return World(people, acme, globex, colleague, imported, view, step, sessions)


def session_of(user: User) -> str:
    """Where `user` is signed in; it is not older than an hour while these tests run."""
    session = signed_in(user).session
    session[SIGNED_IN_AT] = session[SEEN_AT] = time.time()
    session.save()
    return str(session.session_key)


def drafted(tenant: Tenant, owner: User) -> None:
    """A change that its owner drafted and shared with the tenant's editors."""
    snapshot = Snapshot(schema.Settings.parse(EXAMPLE), timezone.now())
    content = Content(snapshot, {"assistantName": "Bella"})
    share_draft(create_draft(tenant, owner, content))


def saved(tenant: Tenant) -> None:
    """A save that a change in Lofty has stopped, and its record."""
    wanted = {name: value for name, value in EXAMPLE.items() if name != "id"}
    operation = Operation.objects.create(
        id=uuid4(),
        tenant=tenant,
        state=State.NOT_SENT,
        base=EXAMPLE,
        wanted={**wanted, "assistantName": "Bella"},
        changed=["assistantName"],
        after={**EXAMPLE, "agentExperience": "11 years"},
        moved=True,
        actor_name="Olivia Owner",
        request_id="0" * 32,
        lease_until=timezone.now(),
        settled_at=timezone.now(),
    )
    record(
        Kind.SETTINGS_OUTCOME,
        tenant=tenant.ref,
        outcome=Outcome.NOT_SENT,
        operation_id=operation.pk,
        before=EXAMPLE,
        after={**EXAMPLE, "agentExperience": "11 years"},
    )


EXAMPLE_SETTINGS: dict[str, Any] = {name: value for name, value in EXAMPLE.items() if name != "id"}
