"""Tokens and roles need a recent sign-in or re-authentication."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.cache import cache
from django.urls import reverse

from lofty_admin.accounts.models import User
from lofty_admin.audit.models import AuditEvent
from lofty_admin.tenants.credentials import sales_agent
from lofty_admin.tenants.groups import add_group
from lofty_admin.tenants.models import Connection, Membership, Role, Tenant
from tests.support.lofty_users import Lofty
from tests.support.oauth_pages import lofty_sends_back
from tests.support.second_factor import later
from tests.support.users import PASSWORD, signed_in

LATER = 16 * 60
SECRET = "a-token-that-must-not-be-kept-0123456789"
Posted = tuple[str, list[object], dict[str, str]]


def _replace(member: Membership) -> Posted:
    return "tenants:connection_replace", ["acme"], {"scheme": "api_key", "token": SECRET}


def _remove(member: Membership) -> Posted:
    return "tenants:connection_remove", ["acme"], {"sure": "on"}


def _accept_agent(member: Membership) -> Posted:
    agent = sales_agent.found_agent(member.tenant)
    return "tenants:connection_agent", ["acme"], {"sales_agent_id": str(agent), "sure": "on"}


def _connect(member: Membership) -> Posted:
    return "tenants:connect", ["acme"], {}


def _add(member: Membership) -> Posted:
    return (
        "tenants:members",
        ["acme"],
        {"email": "outsider@example.com", "role": str(Role.MANAGER.value)},
    )


def _role(member: Membership) -> Posted:
    return "tenants:member_role", ["acme", member.pk], {"role": str(Role.MANAGER.value)}


def _take_away(member: Membership) -> Posted:
    return "tenants:member_remove", ["acme", member.pk], {"confirmed": "1"}


@pytest.mark.parametrize(
    "posted", [_replace, _remove, _accept_agent, _connect, _add, _role, _take_away]
)
def test_old_session__sensitive_post__asks_first_and_does_nothing(
    owner: User,
    viewer: User,
    outsider: User,
    connection: Connection,
    app: Lofty,
    posted: Callable[[Membership], Posted],
) -> None:
    cache.clear()
    name, place, data = posted(Membership.objects.get(user=viewer))
    before = everything(connection)
    client = signed_in(owner)
    with later(LATER):
        answer = client.post(reverse(name, args=place), data)
        asked = urlsplit(answer.headers["Location"])
        assert asked.path == reverse("account_reauthenticate")
        back = parse_qs(asked.query)["next"][0]
        assert SECRET not in repr(dict(client.session))
        client.post(asked.path, {"password": PASSWORD, "next": back})
        page = client.get(back).content.decode()
        assert "Nothing was changed yet" in page
    assert everything(connection) == before


def everything(connection: Connection) -> tuple[str, bytes, int]:
    connection.refresh_from_db()
    members = repr(list(Membership.objects.order_by("pk").values()))
    return members, bytes(connection.sealed), AuditEvent.objects.count()


def test_old_session__connection_confirmed__asked_first_and_it_still_waits(
    owner: User, acme: Tenant, app: Lofty
) -> None:
    cache.clear()
    client = signed_in(owner)
    client.post(reverse("tenants:connect", args=["acme"]))
    client.get(lofty_sends_back(app, "acme"))
    page = reverse("tenants:connect_confirm", args=["acme"])
    with later(LATER):
        answer = client.post(page, {"right": "on"})
        asked = urlsplit(answer.headers["Location"])
        assert asked.path == reverse("account_reauthenticate")
        assert parse_qs(asked.query)["next"] == [page]
        assert acme.connection is None
        client.post(asked.path, {"password": PASSWORD, "next": page})
        client.post(page, {"right": "on"})
    assert acme.connection is not None


@pytest.mark.parametrize("name", ["tenants:connection", "tenants:members"])
def test_old_session__only_looking__not_asked(owner: User, acme: Tenant, name: str) -> None:
    client = signed_in(owner)
    with later(LATER):
        assert client.get(reverse(name, args=["acme"])).status_code == 200


@pytest.mark.parametrize(
    ("address", "data"),
    [
        ("/groups/", {"name": "East", "slug": "east"}),
        ("/groups/west/", {"name": "West coast", "slug": "west"}),
        ("/groups/west/delete/", {}),
        ("/t/acme/edit/", {"name": "Acme Realty", "groups": "{group}"}),
        ("/tenants/add/", {"name": "Initech", "scheme": "api_key", "token": SECRET}),
        ("/people/invite/", {"email": "new@example.com"}),
    ],
)
def test_old_session__sensitive_post_of_a_superuser__asks_first_and_does_nothing(
    superuser: User,
    acme: Tenant,
    address: str,
    data: dict[str, str],
) -> None:
    group = add_group(slug="west", name="West")
    client = signed_in(superuser)
    seq = AuditEvent.objects.count()
    with later(LATER):
        answer = client.post(address, {k: v.format(group=group.pk) for k, v in data.items()})
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("account_reauthenticate"))
    assert AuditEvent.objects.count() == seq
    assert list(acme.groups.all()) == []


def test_old_session__name_of_a_tenant__changed_without_asking(
    superuser: User, acme: Tenant
) -> None:
    client = signed_in(superuser)
    with later(LATER):
        client.post("/t/acme/edit/", {"name": "Acme Two"})
    acme.refresh_from_db()
    assert acme.name == "Acme Two"
