"""Choosing a tenant by name or short name: ambiguous input asks, names are suggested."""

import re
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from lofty_admin.accounts.models import User
from lofty_admin.history import filters
from lofty_admin.tenants.access.permissions import visible_tenants
from lofty_admin.tenants.access.tenant_choice import TenantField, exactly, label_of
from lofty_admin.tenants.models import Membership, Role, Tenant
from tests.support.users import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenants(db: None) -> dict[str, Tenant]:
    names = {
        "lodz": "Łódź Homes",
        "acme": "Zeta",
        "acme-2": "Acme",
        "east": "Harbor Realty",
        "west": "harbor  réalty",
        "misleading": "Misleading (acme)",
    }
    return {slug: Tenant.objects.create(slug=slug, name=name) for slug, name in names.items()}


@pytest.mark.parametrize(
    ("typed", "slugs"),
    [
        ("lodz", ["lodz"]),
        (" LODZ homes ", ["lodz"]),
        ("Łódź Homes", ["lodz"]),
        ("Zeta (acme)", ["acme"]),
        ("acme", ["acme-2", "acme"]),
        ("Acme (acme-2)", ["acme-2"]),
        ("misleading (acme)", ["misleading"]),
        ("Harbor Realty", ["west", "east"]),
        ("harbor réalty (west)", ["west"]),
        ("harbor", []),
        ("nowhere", []),
        ("%", []),
    ],
)
def test_find_exactly__name_short_name_or_label__matching_tenants(
    tenants: dict[str, Tenant], typed: str, slugs: list[str]
) -> None:
    found = exactly(Tenant.objects.all(), typed.strip())
    assert sorted(tenant.slug for tenant in found) == sorted(slugs)


def test_find_exactly__every_label__matches_only_its_tenant(tenants: dict[str, Tenant]) -> None:
    for tenant in tenants.values():
        assert exactly(Tenant.objects.all(), label_of(tenant)) == [tenant]


def give(superuser: User, user: User, tenant: str) -> str:
    url = reverse("tenants:user_grant", args=[user.pk])
    data = {"where": "tenant", "tenant": tenant, "level": str(Role.EDITOR.value)}
    return unescape(signed_in(superuser).post(url, data, follow=True).content.decode())


def test_user_page__ambiguous_name__asks_and_grants_nothing(
    superuser: User, outsider: User, tenants: dict[str, Tenant]
) -> None:
    html = give(superuser, outsider, "harbor realty")
    assert "Several tenants match." in html
    offered = re.findall(r'<option value="([^"]*\((?:east|west)\))"', html)
    assert len(offered) == 2
    assert not Membership.objects.filter(tenant__in=tenants.values()).exists()
    assert "is now editor" in give(superuser, outsider, offered[1])
    assert Membership.objects.filter(user=outsider, tenant__in=tenants.values()).count() == 1


@pytest.mark.parametrize("typed", ["lodz homes", "LODZ", "Łódź Homes (lodz)"])
def test_user_page__name_or_short_name__accepted(
    superuser: User, outsider: User, tenants: dict[str, Tenant], typed: str
) -> None:
    assert "is now editor" in give(superuser, outsider, typed)
    assert Membership.objects.filter(user=outsider, tenant=tenants["lodz"]).exists()


@pytest.mark.parametrize(
    ("typed", "words"),
    [("", "Choose the tenant."), ("nowhere", "No tenant has this name"), ("\0", "No tenant has")],
)
def test_user_page__no_match__says_so(
    superuser: User, outsider: User, tenants: dict[str, Tenant], typed: str, words: str
) -> None:
    assert words in give(superuser, outsider, typed)


def test_field__part_of_one_name__asks_instead_of_guessing(tenants: dict[str, Tenant]) -> None:
    field = TenantField()
    field.among = Tenant.objects.all()
    with pytest.raises(Exception, match="Several tenants match"):
        field.clean("łód")
    assert field.candidates == [tenants["lodz"]]


@pytest.fixture
def many(tenants: dict[str, Tenant], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "MOST_OFFERED", 3)


@pytest.mark.parametrize("typed", ["lodz", "lodz homes", "Łódź Homes (lodz)"])
def test_history__many_tenants__filter_takes_name_and_short_name(
    superuser: User, many: None, typed: str
) -> None:
    html = unescape(signed_in(superuser).get("/audit/", {"tenant": typed}).content.decode())
    assert "Tenant: Łódź Homes" in html
    assert 'value="Łódź Homes (lodz)"' in html


def test_history__many_tenants__asks_when_it_is_not_clear(superuser: User, many: None) -> None:
    browser = signed_in(superuser)
    html = unescape(browser.get("/audit/", {"tenant": "harbor", "q": "x"}).content.decode())
    assert "Several tenants match." in html
    links = re.findall(r'href="(/audit/\?[^"]*tenant=harbor[^"]*)"', html, re.IGNORECASE)
    assert any("q=x" in link and "east" in link for link in links)
    follow = next(link for link in links if "east" in link)
    assert "Tenant: Harbor Realty" in unescape(browser.get(follow).content.decode())


def test_history__many_tenants__one_that_is_not_open_to_the_reader__not_found(
    outsider: User, many: None, tenants: dict[str, Tenant]
) -> None:
    Membership.objects.bulk_create(
        Membership(user=outsider, tenant=tenant, role=Role.VIEWER)
        for slug, tenant in tenants.items()
        if slug != "lodz"
    )
    html = signed_in(outsider).get("/audit/", {"tenant": "lodz"}).content.decode()
    assert "No tenant has this name or short name." in html
    assert "Łódź" not in html


def offered(browser: Client, text: str) -> list[str]:
    answer = browser.get("/tenants/search/", {"q": text}).json()
    return [item["value"] for item in answer["items"]]


def test_search__what_is_typed__offers_what_the_person_may_see(
    superuser: User, outsider: User, tenants: dict[str, Tenant]
) -> None:
    assert offered(signed_in(superuser), "lodz") == ["Łódź Homes (lodz)"]
    assert offered(signed_in(superuser), "acme")[:2] == ["Acme (acme-2)", "Zeta (acme)"]
    assert offered(signed_in(outsider), "lodz") == []
    assert len(offered(signed_in(outsider), "")) == visible_tenants(outsider).count()
    nothing = signed_in(superuser).get("/tenants/search/", {"q": "-"}).json()
    assert nothing["items"] == []
    assert "letter or digit" in nothing["why"]


def test_search__many_tenants__one_query_for_them(
    superuser: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    Tenant.objects.bulk_create(Tenant(slug=f"t{n}", name=f"Acme {n}") for n in range(100))
    browser = signed_in(superuser)
    with django_assert_max_num_queries(6):
        answer = browser.get("/tenants/search/", {"q": "acme"}).json()
    assert len(answer["items"]) == 20
    assert answer["more"] is True
