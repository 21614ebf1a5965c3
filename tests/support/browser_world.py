"""One of everything, written past the pages: `python -m tests.support.browser_world`.

For the environment of a deployment. Prints as JSON the cookie with which a superuser who has an
authenticator app is signed in, and an address for the name of every view.
"""

import json
import os
import sys

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lofty_admin.settings")
    django.setup()

from django.conf import settings
from django.urls import reverse

from lofty_admin.directory.models import Entry, EntryKind
from lofty_admin.fleet.import_job import read_list
from lofty_admin.history.models import SavedView
from lofty_admin.tenants.models import Group, Tenant
from tests.support.practice_customer import PracticeCustomer
from tests.support.routes import ROUTES
from tests.support.second_factor import give_app, give_codes
from tests.support.settings_changes import connect
from tests.support.users import make_user
from tests.support.world import EXAMPLE_SETTINGS, World, drafted, saved, session_of

ROSA = "rosa@example.com"
LOFTY = settings.ENVIRONMENT.lofty_base_url


def make() -> World:
    """Its tenants are Cedar, connected, and Dogwood, which has no token."""
    rosa = make_user(ROSA, "Rosa Root", superuser=True)
    colleague = make_user("sam@example.com", "Sam Smith")
    step = give_app(rosa).pk
    give_codes(rosa)
    cedar, dogwood = (Tenant.objects.create(slug=name.lower(), name=name) for name in NAMES)
    connect(cedar, PracticeCustomer.add(LOFTY, "cedar", settings=EXAMPLE_SETTINGS).token)
    cedar.memberships.create(user=colleague, role=20)
    saved(cedar)
    drafted(cedar, rosa)
    Entry.objects.keep([Entry.build(cedar, EntryKind.OFFICE, 7, "Downtown")])
    Group.objects.create(slug="west", name="West").tenants.add(cedar)
    made = read_list(rosa, "name,slug\nInitech,initech\n")
    view = SavedView.objects.create(user=rosa, name="Mine", query="q=x")
    sessions = {"superuser": session_of(rosa)}
    return World({"superuser": rosa}, cedar, dogwood, colleague, made, view, step, sessions)


NAMES = ("Cedar", "Dogwood")


def main() -> None:
    world = make()
    cookie = world.sessions["superuser"]
    paths = {route.name: reverse(route.name, kwargs=world.arguments(route)) for route in ROUTES}
    output = {"cookie": {"name": settings.SESSION_COOKIE_NAME, "value": cookie}, "paths": paths}
    sys.stdout.write(json.dumps(output))


if __name__ == "__main__":
    main()
