"""The home page of a new console: each step from no tenant to the first tenant's settings."""

import pytest
from django.test import Client
from django.urls import reverse

from lofty_admin.accounts.models import User
from lofty_admin.agentsettings.snapshots import read_live
from lofty_admin.directory.sync import advance, open_sync
from lofty_admin.fleet.first_run import first_run
from lofty_admin.lofty.client import Scheme
from lofty_admin.tenants import services
from lofty_admin.tenants.credentials import token_store, token_verification
from lofty_admin.tenants.models import Connection, ConnectionHealth, Health, Tenant
from tests.support.lofty_users import TOKEN, Lofty
from tests.support.users import PASSWORD, signed_in


def home(user: User) -> str:
    return signed_in(user).get(reverse("fleet:home")).content.decode()


def done() -> list[bool]:
    steps = first_run()
    assert steps, "all done, so nothing is shown"
    return [step.is_done for step in steps.steps]


@pytest.mark.django_db(transaction=True)
def test_first_run__from_nothing_to_open_settings__each_step_shows_when_it_is_done(
    superuser: User, lofty: Lofty
) -> None:
    html = home(superuser)
    assert "Add your first tenant" in html
    assert f'href="{reverse("tenants:add")}"' in html
    assert done() == [False] * 5

    acme = services.add_tenant(slug="acme", name="Acme Realty")
    assert done() == [True, False, False, False, False]
    html = home(superuser)
    assert f'href="{reverse("tenants:connection", args=["acme"])}">Open its Connection page' in html
    assert "Open settings</a>" not in html, "not before there is access"

    token_store.set_connection(acme, token_verification.check_token(Scheme.API_KEY, TOKEN))
    assert done() == [True, True, True, False, False]
    assert f'href="{reverse("directory:names", args=["acme"])}"' in home(superuser)

    advance(open_sync(acme).pk)
    assert done() == [True, True, True, True, False]
    assert f'href="{reverse("agentsettings:settings", args=["acme"])}">Open settings' in home(
        superuser
    )

    read_live(acme)
    assert first_run() is None
    assert "Your first tenant" not in home(superuser)


def test_first_run__token_that_does_not_work__says_why_and_leads_there(
    superuser: User, acme: Tenant, connection: Connection
) -> None:
    ConnectionHealth.objects.update(status=Health.DEAD, note="Lofty no longer accepts it.")
    html = home(superuser)
    assert "Lofty no longer accepts it." in html
    assert "View the problem" in html
    assert done() == [True, True, False, False, False]


def test_first_run__second_tenant_or_archived_or_not_a_superuser__not_shown(
    superuser: User, owner: User, acme: Tenant
) -> None:
    assert "Your first tenant" in home(superuser)
    assert "Your first tenant" not in home(owner)
    services.archive_tenant(acme)
    assert first_run() is None
    services.restore_tenant(acme)
    Tenant.objects.create(slug="globex", name="Globex Homes")
    assert first_run() is None


def test_first_run__user_sees_no_tenant__page_says_whom_to_ask(
    superuser: User, outsider: User, globex: Tenant
) -> None:
    globex.memberships.all().delete()
    html = home(outsider)
    assert "You don't have access to any tenants yet" in html
    assert outsider.email in html
    assert f"mailto:{superuser.email}" in html
    assert reverse("tenants:add") not in html


def test_sign_in__no_users_yet__page_says_how_to_add_the_first(db: None) -> None:
    command = "manage.py person add you@example.com"
    login = reverse("account_login")
    assert command in Client().get(login).content.decode()
    someone = User(email="someone@example.com", name="Someone")
    someone.set_password(PASSWORD)
    someone.save()
    assert command not in Client().get(login).content.decode()
