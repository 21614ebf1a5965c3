"""The tenant switcher of every page."""

from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory

from lofty_admin.accounts.models import User
from lofty_admin.tenants.context import SWITCHER_LENGTH, switcher
from lofty_admin.tenants.models import Tenant


def names(user: User | AnonymousUser) -> list[str]:
    request = RequestFactory().get("/")
    request.user = user
    found = switcher(request)["switcher_tenants"]
    assert hasattr(found, "__iter__")
    return [tenant.name for tenant in found]


def test_switcher__member__own_tenants(owner: User, globex: Tenant) -> None:
    assert names(owner) == ["Acme Realty"]


def test_switcher__anonymous_or_no_user__nothing(acme: Tenant) -> None:
    assert names(AnonymousUser()) == []
    assert switcher(RequestFactory().get("/"))["switcher_tenants"] == []


def test_switcher__very_many__bounded(superuser: User) -> None:
    rows = [Tenant(slug=f"t{n}", name=f"T {n}") for n in range(SWITCHER_LENGTH + 1)]
    Tenant.objects.bulk_create(rows)
    assert len(names(superuser)) == SWITCHER_LENGTH
