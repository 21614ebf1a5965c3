"""The tenant switcher of every page: its list comes when it is opened."""

import pytest
from django.test import Client
from django.urls import reverse

from lofty_admin.accounts.models import User
from lofty_admin.tenants.models import Tenant
from lofty_admin.tenants.views import SWITCHER_LENGTH
from tests.conftest import signed_in


def listed(user: User, text: str = "") -> str:
    return signed_in(user).get(reverse("switcher"), {"q": text}).content.decode()


def test_switcher__member__own_tenants(owner: User, globex: Tenant) -> None:
    assert "Acme Realty" in listed(owner)
    assert "Globex" not in listed(owner) + listed(owner, "globex")


def test_switcher__anonymous__signs_in_first(acme: Tenant) -> None:
    answer = Client().get(reverse("switcher"))
    assert answer.status_code == 302
    assert b"Acme" not in answer.content


def test_switcher__text__every_word_in_name_or_short_name(
    superuser: User, acme: Tenant, globex: Tenant
) -> None:
    assert "Globex" not in listed(superuser, "real acme")
    assert "Acme Realty" in listed(superuser, "REAL acme")
    assert "No tenant of this name" in listed(superuser, "acme homes")
    assert "No tenant of this name" in listed(superuser, "\x00<img>")


def test_switcher__nothing_to_see__says_so(superuser: User) -> None:
    assert "No tenant is open to you yet" in listed(superuser)


def test_switcher__very_many__bounded_and_says_so(superuser: User) -> None:
    rows = [Tenant(slug=f"t{n}", name=f"T {n:03}") for n in range(SWITCHER_LENGTH + 1)]
    Tenant.objects.bulk_create(rows)
    html = listed(superuser)
    assert html.count('dropdown-item"') == SWITCHER_LENGTH
    assert "There are more" in html
    assert "There are more" not in listed(superuser, "T 00")


@pytest.mark.parametrize("path", ["/groups/", "/tenants/add/"])
def test_switcher__any_page__costs_no_list(superuser: User, acme: Tenant, path: str) -> None:
    html = signed_in(superuser).get(path).content.decode()
    assert reverse("switcher") in html
    assert "Acme Realty" not in html
