"""Adding, editing and archiving tenants, over the pages."""

import pytest
from django.http import HttpResponse
from django.urls import reverse

from lofty_admin.accounts.models import User
from lofty_admin.tenants.models import Tenant
from tests.support.lofty_users import TOKEN, Lofty, kinds
from tests.support.users import PASSWORD, signed_in


def add(user: User, **fields: str) -> HttpResponse:
    data = {"name": "Initech Homes", "scheme": "api_key", **fields}
    answer: HttpResponse = signed_in(user).post(reverse("tenants:add"), data, follow=True)  # type: ignore[assignment]  # the test client's subclass
    return answer


def test_add__with_token__added_and_owner_is_shown(superuser: User, lofty: Lofty) -> None:
    html = add(superuser, token=TOKEN, note="From the fair").content.decode()
    tenant = Tenant.objects.get()
    assert (tenant.slug, tenant.note) == ("initech-homes", "From the fair")
    assert tenant.connection is not None
    assert tenant.connection.owner_name in html
    assert TOKEN not in html


def test_add__without_token__added(superuser: User) -> None:
    assert "To start, paste a token" in add(superuser).content.decode()
    assert Tenant.objects.get().connection is None


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
    assert "The token was not saved" in html
    assert not Tenant.objects.exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"slug": "acme"}, "already has this short name"),
        ({"slug": "A B"}, "lowercase letters"),
        ({"slug": "add"}, "reserved"),
        ({"name": "房地产"}, "can&#x27;t be derived from this name"),
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
    html = signed_in(owner).post(reverse("tenants:edit", args=["acme"]), data, follow=True)
    assert "Saved." in html.content.decode()
    acme.refresh_from_db()
    assert (acme.name, acme.note, acme.slug, acme.status) == ("Acme", "VIP", "acme", "active")
    assert kinds() == ["tenant.changed"]


def test_archive_and_restore__superuser__done_and_recorded(superuser: User, acme: Tenant) -> None:
    client = signed_in(superuser)
    for name, status in (("tenants:archive", "archived"), ("tenants:restore", "active")):
        client.post(reverse(name, args=["acme"]), {"confirmed": "1"})
        acme.refresh_from_db()
        assert acme.status == status
    assert kinds() == ["tenant.archived", "tenant.restored"]


def test_archive__twice__says_so(superuser: User, acme: Tenant) -> None:
    client = signed_in(superuser)
    url = reverse("tenants:archive", args=["acme"])
    sure = {"confirmed": "1"}
    client.post(url, sure)
    assert (
        "is archived and can&#x27;t be changed"
        in client.post(url, sure, follow=True).content.decode()
    )


LOOK_ALIKES = [
    *("acme realty", "Acmé  Realty", "Acme\u200b Realty", "\u202aAcme Realty\ufe0f"),
    *("Acme\u2800Realty", "Acme\u3164Realty", "Acme Realty\u2800", "Ac\U000e0100me\u00a0Realty"),
]


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_add__name_that_looks_like_another__asks_first_and_keeps_what_was_typed(
    superuser: User, acme: Tenant, name: str
) -> None:
    html = add(superuser, name=name, slug="second", note="From the fair").content.decode()
    assert "Another tenant already has this name: Acme Realty (acme)." in html
    for kept in (
        'value="second"',
        "From the fair",
        "Nothing was saved. If you&#x27;re sure, tick this and add it again.",
    ):
        assert kept in html
    assert Tenant.objects.count() == 1
    add(superuser, name=name, slug="second", meant="on")
    assert Tenant.objects.count() == 2


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_rename__to_a_name_that_looks_like_another__asks_first(
    superuser: User, acme: Tenant, globex: Tenant, name: str
) -> None:
    browser, url = signed_in(superuser), reverse("tenants:edit", args=["globex"])
    html = browser.post(url, {"name": name, "note": "New owner"}).content.decode()
    assert "Another tenant already has this name" in html
    assert "New owner" in html
    globex.refresh_from_db()
    assert (globex.name, globex.note) == ("Globex Homes", "")
    browser.post(url, {"name": name, "note": "New owner", "meant": "on"})
    globex.refresh_from_db()
    assert (globex.name, globex.note) == (name.strip(), "New owner")


def test_edit__a_note_of_one_of_two_with_the_same_name__does_not_ask(
    superuser: User, acme: Tenant, globex: Tenant
) -> None:
    Tenant.objects.create(slug="acme-2", name="Acme Realty")
    url = reverse("tenants:edit", args=["acme"])
    signed_in(superuser).post(url, {"name": "Acme Realty", "note": "VIP"})
    acme.refresh_from_db()
    assert acme.note == "VIP"


def test_rename__name_of_a_tenant_the_manager_cannot_see__is_not_revealed(
    owner: User, acme: Tenant, globex: Tenant
) -> None:
    url = reverse("tenants:edit", args=["acme"])
    signed_in(owner).post(url, {"name": "globex homes", "note": ""})
    acme.refresh_from_db()
    assert acme.name == "globex homes"


@pytest.mark.parametrize(
    "name", ["\u200b", "\u00ad\ufeff", "\u3164", "\u2800", "\U0001d159 \ufe0f"]
)
def test_name__that_cannot_be_seen__refused_by_both_forms(
    superuser: User, acme: Tenant, name: str
) -> None:
    assert "visible character" in add(superuser, name=name, slug="x").content.decode()
    url = reverse("tenants:edit", args=["acme"])
    assert "visible character" in signed_in(superuser).post(url, {"name": name}).content.decode()
    assert [tenant.name for tenant in Tenant.objects.all()] == ["Acme Realty"]


@pytest.mark.parametrize("page", ["tenants:add", "tenants:connection_replace"])
@pytest.mark.parametrize("typed", [TOKEN, f" {TOKEN} ", PASSWORD])
def test_token__own_password_of_the_console__refused_before_anything_is_sent(
    superuser: User, acme: Tenant, lofty: Lofty, page: str, typed: str
) -> None:
    """A browser fills it in by itself. Here it would even work at Lofty."""
    superuser.set_password(typed.strip())
    superuser.save()
    url = reverse(page, args=[acme.slug] if page == "tenants:connection_replace" else [])
    data = {"name": "Initech", "scheme": "api_key", "token": typed}
    html = signed_in(superuser).post(url, data).content.decode()
    assert "is-invalid" in html
    assert typed.strip() not in html
    assert lofty.calls_made("acme") == 0
    assert acme.connection is None
    assert Tenant.objects.count() == 1
