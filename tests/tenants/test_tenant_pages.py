"""Adding, editing, archiving (reliability W6, W11)."""

import pytest
from django.http import HttpResponse
from django.urls import reverse

from lofty_admin.accounts.models import User
from lofty_admin.tenants.models import Tenant
from tests.conftest import signed_in
from tests.tenants.conftest import TOKEN, Lofty, kinds


def add(user: User, **fields: str) -> HttpResponse:
    data = {"name": "Initech Homes", "scheme": "api_key", **fields}
    answer: HttpResponse = signed_in(user).post(reverse("tenant_add"), data, follow=True)  # type: ignore[assignment]  # the test client's subclass
    return answer


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
