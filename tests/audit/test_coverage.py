"""Whatever changes state leaves an event, or is in a short list with its reason.

Pages, commands and jobs are found, not listed: a new one that is in neither list of
event_drives.py fails here, and so does an entry for one that is gone.
"""

from argparse import _SubParsersAction
from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.core.management import (
    CommandError,
    call_command,
    get_commands,
    load_command_class,
)
from django.test import Client
from django.urls import reverse
from procrastinate.contrib.django import app

from lofty_admin.accounts.models import User
from lofty_admin.audit.kinds import Kind
from tests.support.event_drives import (
    COMMANDS,
    COMMANDS_WITHOUT,
    JOBS,
    JOBS_WITHOUT,
    KINDS_WITHOUT,
    PAGES,
    PAGES_WITHOUT,
    Drive,
    Scene,
)
from tests.support.recipes import ADD_EVENT_KIND, ADD_PAGE, advice, assert_registered
from tests.support.routes import ROUTES, Route
from tests.support.users import PASSWORD, signed_in

pytestmark = pytest.mark.django_db(transaction=True)
SAMPLES: dict[str, object] = {
    "SlugConverter": "acme",
    "StringConverter": "acme",
    "IntConverter": 987654,
    "UUIDConverter": uuid4(),
    "PathConverter": "acme",
}
METHOD_NOT_ALLOWED = 405
DRIVING = "tests/support/event_drives.py (or its list of those without an event)"


# --- what there is --------------------------------------------------------------------------------
def address(route: Route) -> str:
    """An address of this route, with something of the right kind in each of its places."""
    return reverse(
        route.name, kwargs={name: SAMPLES[kind] for name, kind in route.arguments.items()}
    )


def takes_posts(client: Client, route: Route) -> bool:
    return client.post(address(route)).status_code != METHOD_NOT_ALLOWED


def commands() -> Iterator[str]:
    """Of every app but Django's core: "reconcile"; with actions, each: "tenant add"."""
    for name, owner in get_commands().items():
        if owner == "django.core":
            continue
        ours = str(owner).startswith("lofty_admin")
        with_actions = ours and name not in COMMANDS_WITHOUT  # "procrastinate" is one as a whole
        actions = list(actions_of(name, str(owner))) if with_actions else []
        yield from [f"{name} {action}" for action in actions] or [name]


def actions_of(name: str, owner: str) -> Iterator[str]:
    parser = load_command_class(owner, name).create_parser("manage.py", name)
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            yield from action.choices


def jobs() -> set[str]:
    return {
        task.name for task in app.tasks.values() if task.func.__module__.startswith("lofty_admin")
    }


def test_pages__every_address_that_takes_a_post__is_driven_or_has_a_reason(scene: Scene) -> None:
    assert len(ROUTES) > 20
    # Signed in again for each: one of them signs out, one makes the tenant unwritable.
    changing = {r.name for r in ROUTES if takes_posts(signed_in(scene.root), r)}
    assert_registered(
        changing, PAGES.keys() | PAGES_WITHOUT.keys(), where=f"PAGES of {DRIVING}", recipe=ADD_PAGE
    )
    assert not PAGES.keys() & PAGES_WITHOUT.keys()


def test_pages__every_address_opened__no_event_for_looking(scene: Scene) -> None:
    scene.prepared()
    for route in ROUTES:
        assert scene.client.get(address(route)).status_code < 500
    assert scene.new_kinds() == set()


def test_commands__every_one__is_driven_or_has_a_reason() -> None:
    known = COMMANDS.keys() | COMMANDS_WITHOUT.keys()
    assert_registered(commands(), known, where=f"COMMANDS of {DRIVING}", recipe=ADD_EVENT_KIND)
    assert not COMMANDS.keys() & COMMANDS_WITHOUT.keys()


def test_jobs__every_one__is_driven_or_has_a_reason() -> None:
    known = JOBS.keys() | JOBS_WITHOUT.keys()
    assert_registered(jobs(), known, where=f"JOBS of {DRIVING}", recipe=ADD_EVENT_KIND)
    assert not JOBS.keys() & JOBS_WITHOUT.keys()
    assert {name for name, _ in app.periodic_registry.periodic_tasks} <= jobs()


# --- each of them, done ---------------------------------------------------------------------------
DRIVES: dict[str, tuple[Drive, Kind]] = {
    **{f"{name}: {kind}": (drive, kind) for name in PAGES for drive, kind in PAGES[name]},
    **COMMANDS,
    **JOBS,
}


def test_kinds__every_one__is_driven_or_has_a_reason() -> None:
    driven = {kind for _, kind in DRIVES.values()}
    assert_registered(
        Kind, driven | KINDS_WITHOUT.keys(), where=f"a drive of {DRIVING}", recipe=ADD_EVENT_KIND
    )
    assert not driven & KINDS_WITHOUT.keys()


@pytest.mark.parametrize(("drive", "kind"), DRIVES.values(), ids=DRIVES.keys())
def test_change__made__leaves_its_event(scene: Scene, drive: Drive, kind: Kind) -> None:
    scene.prepared()
    drive(scene)
    assert kind in scene.new_kinds(), advice(ADD_EVENT_KIND)


@pytest.mark.parametrize(
    "reason", [*PAGES_WITHOUT.values(), *COMMANDS_WITHOUT.values(), *KINDS_WITHOUT.values()]
)
def test_reason__given__is_a_sentence(reason: str) -> None:
    assert reason.endswith(".")
    assert len(reason) > len("Only reads")


def test_changepassword__of_django__refuses_and_changes_nothing(viewer: User) -> None:
    """It would change a password without a record."""
    with pytest.raises(CommandError, match="person set-password"):
        call_command("changepassword", viewer.email)
    assert User.objects.get(pk=viewer.pk).check_password(PASSWORD)
