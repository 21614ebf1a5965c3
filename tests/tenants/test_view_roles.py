"""Which role may open which page of this app, address by address."""

import pytest
from django.test import Client
from django.urls import reverse

from lofty_admin.accounts.models import User
from lofty_admin.audit.models import AuditEvent
from lofty_admin.tenants import services
from lofty_admin.tenants.access.permissions import role_of, visible_tenants
from lofty_admin.tenants.models import Role, Tenant
from tests.support.lofty_users import kinds
from tests.support.routes import ROUTES
from tests.support.users import signed_in

READING = dict.fromkeys(["tenants:tenant", "tenants:pin", "tenants:unpin"], Role.VIEWER)
SUPERUSER_ONLY = {"tenants:archive", "tenants:restore"}
IN_TENANT = sorted(
    route.name for route in ROUTES if route.in_tenant and route.name.startswith("tenants:")
)
POST_ONLY = SUPERUSER_ONLY | {
    "tenants:pin",
    "tenants:unpin",
    "tenants:connection_test",
    "tenants:connection_replace",
    "tenants:connection_remove",
    "tenants:connection_agent",
    "tenants:connect_cancel",
    "tenants:member_role",
    "tenants:member_remove",
}


def visit(client: Client, name: str, tenant: Tenant) -> int:
    arguments = [tenant.slug, 987654] if name.startswith("tenants:member_") else [tenant.slug]
    url = reverse(name, args=arguments)
    return (client.post(url) if name in POST_ONLY else client.get(url)).status_code


@pytest.mark.parametrize("name", IN_TENANT)
def test_outsider__every_address__404_and_recorded(name: str, acme: Tenant, outsider: User) -> None:
    assert visit(signed_in(outsider), name, acme) == 404
    event = AuditEvent.objects.get()
    assert (event.kind, event.tenant_slug, event.actor_id) == (
        "access.refused",
        "acme",
        str(outsider.pk),
    )


@pytest.mark.parametrize("name", sorted(set(IN_TENANT) - set(READING)))
@pytest.mark.parametrize("who", ["viewer", "editor"])
def test_too_low_a_role__every_address__403_and_recorded(
    name: str, who: str, acme: Tenant, request: pytest.FixtureRequest
) -> None:
    user = request.getfixturevalue(who)
    assert visit(signed_in(user), name, acme) == 403
    assert kinds() == ["access.refused"]


@pytest.mark.parametrize("name", sorted(SUPERUSER_ONLY))
def test_manager__what_only_superusers_do__403(name: str, acme: Tenant, owner: User) -> None:
    assert visit(signed_in(owner), name, acme) == 403


@pytest.mark.parametrize("name", sorted(set(IN_TENANT) - SUPERUSER_ONLY))
def test_manager__every_other_address__not_refused(name: str, acme: Tenant, owner: User) -> None:
    expected = 404 if name.startswith("tenants:member_") else {200, 302}
    answered = visit(signed_in(owner), name, acme)
    assert answered == expected or answered in (expected if isinstance(expected, set) else ())
    assert "access.refused" not in kinds()


def test_viewer__tenant_address__leads_to_the_settings(acme: Tenant, viewer: User) -> None:
    answer = signed_in(viewer).get(reverse("tenants:tenant", args=["acme"]))
    assert answer.headers["Location"] == reverse("agentsettings:settings", args=["acme"])


@pytest.mark.parametrize("who", ["owner", "viewer", "outsider"])
def test_add_tenant__not_a_superuser__403(
    who: str, acme: Tenant, request: pytest.FixtureRequest
) -> None:
    client = signed_in(request.getfixturevalue(who))
    page = client.get(reverse("tenants:add"))
    assert page.status_code == 403
    assert b"ask a manager of the tenant or a superuser" in page.content
    assert client.post(reverse("tenants:add"), {"name": "Mine"}).status_code == 403
    subjects = AuditEvent.objects.order_by("seq").values_list("subject", flat=True)
    assert list(subjects) == ["GET /tenants/add/", "POST /tenants/add/"]
    assert not Tenant.objects.filter(name="Mine").exists()


def test_unknown_tenant__anybody__404_without_a_record(superuser: User, outsider: User) -> None:
    for user in (superuser, outsider):
        assert signed_in(user).get("/t/nowhere/people/").status_code == 404
    assert kinds() == []


def test_member_of_another_tenant__by_a_manager__404_and_untouched(
    acme: Tenant, globex: Tenant, owner: User, outsider: User
) -> None:
    theirs = globex.memberships.get(user=outsider)
    for name in ("tenants:member_role", "tenants:member_remove"):
        url = reverse(name, args=["acme", theirs.pk])
        assert signed_in(owner).post(url, {"role": 10}).status_code == 404
    assert globex.memberships.get(user=outsider).role == Role.MANAGER


def test_superuser__everywhere__manager(acme: Tenant, superuser: User) -> None:
    assert role_of(superuser, acme) == Role.MANAGER
    assert signed_in(superuser).get(reverse("tenants:members", args=["acme"])).status_code == 200


def test_deactivated__even_superuser__nothing(acme: Tenant, superuser: User) -> None:
    superuser.is_active = False
    assert role_of(superuser, acme) is None
    assert not visible_tenants(superuser).exists()


@pytest.mark.parametrize("name", sorted(POST_ONLY - SUPERUSER_ONLY - READING.keys()))
def test_archived__write_by_a_manager__403(name: str, acme: Tenant, owner: User) -> None:
    services.archive_tenant(acme)
    assert visit(signed_in(owner), name, acme) == 403


@pytest.mark.parametrize("name", ["tenants:edit", "tenants:connection", "tenants:members"])
def test_archived__pages__are_shown_without_forms_that_write(
    name: str, acme: Tenant, owner: User
) -> None:
    services.archive_tenant(acme)
    html = signed_in(owner).get(reverse(name, args=["acme"])).content.decode()
    assert html.count('method="post"') == 3  # signing out, pinning, the language
