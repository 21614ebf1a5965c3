"""The list, adding, editing, archiving (reliability W6, W11)."""

import pytest
from django.http import HttpResponse
from django.urls import reverse

from lofty_admin.accounts.models import User
from lofty_admin.lofty.client import Scheme
from lofty_admin.tenants import services
from lofty_admin.tenants.models import Credential, Tenant
from lofty_admin.tenants.views import PAGE_LENGTH
from tests.conftest import signed_in
from tests.tenants.conftest import TOKEN, Lofty, kinds


def home(user: User, query: str = "") -> str:
    return signed_in(user).get(reverse("home") + query).content.decode()


def add(user: User, **fields: str) -> HttpResponse:
    data = {"name": "Initech Homes", "scheme": "api_key", **fields}
    answer: HttpResponse = signed_in(user).post(reverse("tenant_add"), data, follow=True)  # type: ignore[assignment]  # the test client's subclass
    return answer


def test_home__member__own_tenants_only(owner: User, globex: Tenant) -> None:
    html = home(owner)
    assert "Acme Realty" in html
    assert "Globex" not in html


def test_home__superuser__all(superuser: User, acme: Tenant, globex: Tenant) -> None:
    html = home(superuser)
    assert "Acme Realty" in html
    assert "Globex" in html


def test_home__token_in_use__whose_and_how_it_does(owner: User, credential: Credential) -> None:
    html = home(owner)
    assert "Works" in html
    assert credential.owner_name in html


def test_home__nothing_to_see__teaches(superuser: User) -> None:
    assert "Add your first tenant" in home(superuser)
    superuser.is_superuser = False
    superuser.save()
    html = home(superuser)
    assert "No tenant is open to you yet" in html
    assert superuser.email in html


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", {"Acme Realty", "Globex Homes"}),
        ("?q=GLOB", {"Globex Homes"}),
        ("?q=realty+ACME", {"Acme Realty"}),
        ("?q=vip", {"Globex Homes"}),
        ("?q=nothing", set()),
        ("?token=none", {"Globex Homes"}),
        ("?token=works", {"Acme Realty"}),
        ("?token=failing", set()),
        ("?status=archived", {"Hooli"}),
        ("?status=all", {"Acme Realty", "Globex Homes", "Hooli"}),
        ("?status=all&token=unused", {"Hooli"}),
        ("?status=odd&token=odd&page=odd", {"Acme Realty", "Globex Homes"}),
    ],
)
def test_home__filter_in_the_address__is_applied(
    superuser: User, globex: Tenant, credential: Credential, query: str, shown: set[str]
) -> None:
    services.change_tenant(globex, name="Globex Homes", note="A VIP")
    hooli = services.add_tenant(
        slug="hooli",
        name="Hooli",
        checked=services.unchecked_token(Scheme.OAUTH, "some-token"),
    )
    services.archive_tenant(hooli)
    table = home(superuser, query).partition('id="content"')[2]
    assert {name for name in ("Acme Realty", "Globex Homes", "Hooli") if name in table} == shown


def test_home__search_for_the_lofty_user__found(
    superuser: User, globex: Tenant, credential: Credential
) -> None:
    table = home(superuser, f"?q={credential.lofty_user['email']}").partition('id="content"')[2]
    assert "Acme Realty" in table
    assert "Globex" not in table


def test_home__many_tenants__pages_that_keep_the_filter_and_few_queries(
    superuser: User, django_assert_max_num_queries: pytest.FixtureRequest
) -> None:
    rows = [Tenant(slug=f"t{n:03}", name=f"Tenant {n:03}") for n in range(PAGE_LENGTH + 5)]
    Tenant.objects.bulk_create(rows)
    client = signed_in(superuser)
    with django_assert_max_num_queries(9):  # type: ignore[operator]  # pytest-django's fixture
        html = client.get(reverse("home") + "?q=tenant").content.decode()
    assert "?q=tenant&amp;page=2" in html
    assert "Tenant 054" in home(superuser, "?q=tenant&page=2")


def test_home__hostile_names__shown_as_text(superuser: User) -> None:
    evil = "<img src=x onerror=alert(1)>{{7*7}}</script>"
    services.add_tenant(slug="evil", name=evil, note=evil)
    html = home(superuser, "?q=%22%3E%3Cimg") + home(superuser)
    assert "<img" not in html
    assert "{{7*7}}" in html


def test_add__with_token__added_and_whose_it_is_shown(superuser: User, lofty: Lofty) -> None:
    html = add(superuser, token=TOKEN, note="From the fair").content.decode()
    tenant = Tenant.objects.get()
    assert (tenant.slug, tenant.note) == ("initech-homes", "From the fair")
    assert tenant.credential is not None
    assert tenant.credential.owner_name in html
    assert TOKEN not in html


def test_add__without_token__added(superuser: User) -> None:
    assert "Paste one to begin" in add(superuser).content.decode()
    assert Tenant.objects.get().credential is None


def test_add__bad_token__everything_typed_is_kept_but_the_token(
    superuser: User, lofty: Lofty
) -> None:
    bad = "nobody-has-this-token-0123456789"
    answer = add(superuser, slug="initech", note="From the fair", token=bad)
    html = answer.content.decode()
    for kept in ('value="Initech Homes"', 'value="initech"', "From the fair"):
        assert kept in html
    assert bad not in html
    assert "no-store" in answer.headers["Cache-Control"]
    assert "Nothing was stored" in html
    assert not Tenant.objects.exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"slug": "acme"}, "has this short name already"),
        ({"slug": "A B"}, "small letters"),
        ({"slug": "add"}, "kept for the console"),
        ({"name": "房地产"}, "No short name can be made"),
        ({"name": " "}, "required"),
    ],
)
def test_add__bad_input__says_why_and_adds_nothing(
    superuser: User, acme: Tenant, fields: dict[str, str], words: str
) -> None:
    assert words in add(superuser, **fields).content.decode()
    assert list(Tenant.objects.all()) == [acme]


def test_add__other_names_in_the_post__change_nothing(superuser: User) -> None:
    add(superuser, status="archived", id="1", created_at="2000-01-01")
    tenant = Tenant.objects.get()
    assert not tenant.is_archived
    assert tenant.created_at.year > 2000


def test_edit__name_and_note__saved_and_nothing_else(owner: User, acme: Tenant) -> None:
    data = {"name": "Acme", "note": "VIP", "slug": "other", "status": "archived"}
    html = signed_in(owner).post(reverse("tenant_edit", args=["acme"]), data, follow=True)
    assert "Saved." in html.content.decode()
    acme.refresh_from_db()
    assert (acme.name, acme.note, acme.slug, acme.status) == ("Acme", "VIP", "acme", "active")
    assert kinds() == ["tenant.changed"]


def test_archive_and_restore__superuser__done_and_recorded(superuser: User, acme: Tenant) -> None:
    client = signed_in(superuser)
    for name, status in (("tenant_archive", "archived"), ("tenant_restore", "active")):
        client.post(reverse(name, args=["acme"]))
        acme.refresh_from_db()
        assert acme.status == status
    assert kinds() == ["tenant.archived", "tenant.restored"]


def test_archive__twice__says_so(superuser: User, acme: Tenant) -> None:
    client = signed_in(superuser)
    url = reverse("tenant_archive", args=["acme"])
    client.post(url)
    assert "is archived and cannot be changed" in client.post(url, follow=True).content.decode()
