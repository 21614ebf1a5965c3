"""All searches follow the same rules, and folded names follow their names."""

from collections.abc import Callable
from html import unescape
from uuid import UUID

import pytest
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as budget
from hypothesis import strategies as st

from lofty_admin.accounts.models import User
from lofty_admin.agentsettings.models import SettingsSnapshot
from lofty_admin.agentsettings.snapshots import summary_fields
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.log.record import TenantRef, record
from lofty_admin.audit.search.query import Filter, count, fetch_page
from lofty_admin.core.searching import NO_WORDS
from lofty_admin.core.text import is_wordless
from lofty_admin.directory.models import Entry, EntryKind
from lofty_admin.directory.names import search
from lofty_admin.fleet.palette import Place
from lofty_admin.fleet.palette import find as find_in_palette
from lofty_admin.fleet.tenant_list import Wanted
from lofty_admin.fleet.tenant_list import find as find_tenants
from lofty_admin.tenants import groups
from lofty_admin.tenants import services as tenant_services
from lofty_admin.tenants.access.permissions import search_by_name
from lofty_admin.tenants.access.user_list import find as find_people
from lofty_admin.tenants.models import Tenant
from tests.support.users import make_user, signed_in

pytestmark = pytest.mark.django_db
NAMES = ["Łukasz Żółć", "Straße 7", "Søren Æbelø", "İstanbul Işık", "Đặng-Văn", "O'Brien & Sons"]
TYPED = ["lukasz ZOLC", "strasse", "soren aebelo", "istanbul isik", "dang van", "o\u2019brien sons"]
Search = Callable[[str], set[object]]


@pytest.fixture
def searches(superuser: User) -> dict[str, Search]:
    """Each search of the console over the same names: text -> what it finds."""
    tenants = [tenant_services.add_tenant(slug=f"t{n}", name=name) for n, name in enumerate(NAMES)]
    for n, name in enumerate(NAMES):
        make_user(f"p{n}@example.com", name)
        record(Kind.SIGNED_IN, subject=name, tenant=TenantRef(UUID(int=n + 1), "x", "y"))
    here = tenants[0]
    Entry.objects.keep(
        [Entry.build(here, EntryKind.AGENT, n + 1, name) for n, name in enumerate(NAMES)]
    )
    for tenant, name in zip(tenants, reversed(NAMES), strict=True):
        SettingsSnapshot.objects.create(
            tenant=tenant, read_at=tenant.created_at, **summary_fields({"assistantName": name})
        )
    place = Place.of(superuser, "")
    return {
        "home": lambda text: set(find_tenants(Tenant.objects.all(), Wanted(q=text))),
        "palette": lambda text: {
            (item.label, item.url)
            for group in find_in_palette(place, text)[0]
            for item in group.items
        },
        "copy and person": lambda text: set(search_by_name(Tenant.objects.all(), text)),
        "people": lambda text: set(find_people(text=text, state="")),
        "names": lambda text: {name.id for name in search(here, EntryKind.AGENT, text)},
        "history": lambda text: {event.seq for event in fetch_page(Filter(None, text=text)).events},
        "export": lambda text: set(range(count(Filter(None, text=text), 10**6))),
    }


@pytest.mark.parametrize(("name", "typed"), list(zip(NAMES, TYPED, strict=True)))
def test_every_search__other_accents_and_capitals__found(
    searches: dict[str, Search], name: str, typed: str
) -> None:
    for where, find in searches.items():
        assert find(typed), where
        assert find(typed) == find(name), where
        assert len(find(typed)) < len(find("")), where


@budget(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    text=st.one_of(st.sampled_from([*NAMES, *TYPED, "a", "o", "1"]), st.text(max_size=6)),
    more=st.text(max_size=4),
)
def test_every_search__text_added__never_finds_more(
    searches: dict[str, Search], text: str, more: str
) -> None:
    for where, find in searches.items():
        if where == "names" and len(text) > 190:
            continue
        results = find(text)
        assert not (is_wordless(text) and results), where
        if not is_wordless(text):
            assert find(text + more) <= results, where


PAGES = {
    "home": "/?q={}",
    "Ctrl-K": "/find/?q={}",
    "people": "/people/?q={}",
    "one person": "/people/{person}/?q={}",
    "history": "/audit/?q={}",
    "history of a tenant": "/t/acme/history/?q={}",
    "names": "/t/acme/names/?q={}",
    "copy": "/t/acme/settings/copy/?q={}",
}


@pytest.mark.parametrize("where", PAGES)
@pytest.mark.parametrize("typed", ["-", "%25", "%00", "%F0%9F%8E%89", "%E2%80%8B"])
def test_every_page__nothing_to_search_for__says_why(
    where: str, typed: str, superuser: User, acme: Tenant, globex: Tenant
) -> None:
    address = PAGES[where].replace("{person}", str(superuser.pk)).replace("{}", typed)
    html = unescape(signed_in(superuser).get(address).content.decode())
    assert str(NO_WORDS) in html
    assert "Globex" not in html.replace("Globex Homes</option>", "")


def test_export__nothing_to_search_for__exports_nothing(superuser: User, acme: Tenant) -> None:
    client: Client = signed_in(superuser)
    answer = client.post("/audit/export/?q=-", {"format": "csv"}, follow=True)
    html = unescape(answer.content.decode())
    assert "Nothing was exported." in html
    assert str(NO_WORDS) in html


def test_order__by_the_letters_without_accents(superuser: User) -> None:
    for n, name in enumerate(["Zebra", "Émile", "apple", "Łódź", "Élan", "Mango", "öl"]):
        Tenant.objects.create(slug=f"t{n}", name=name)
        make_user(f"p{n}@example.com", name)
    expected = ["apple", "Élan", "Émile", "Łódź", "Mango", "öl", "Zebra"]
    assert [tenant.name for tenant in Tenant.objects.all()] == expected
    assert [user.name for user in find_people(text="", state="") if user != superuser] == expected


def test_folded_names__every_way_to_change_a_name__follow(
    superuser: User, settings: object
) -> None:
    tenant = tenant_services.add_tenant(slug="a", name="Łódź", note="Straße")
    assert (tenant.folded, tenant.note_folded) == ("lodz", "strasse")
    tenant_services.change_tenant(tenant, name="Ærø", note="İ")
    tenant.refresh_from_db()
    assert (tenant.folded, tenant.note_folded) == ("aero", "i")
    group = groups.add_group(slug="g", name="Écija")
    groups.rename_group(group, slug="g", name="Ñora")
    group.refresh_from_db()
    assert group.folded == "nora"
    user = User.objects.add_person("JOSE@example.com", name="José", password=None)
    assert user.folded == "jose\njose@example.com"
