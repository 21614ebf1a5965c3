"""Groups of tenants: who may change them, and that every change is recorded."""

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from lofty_admin.accounts.models import User
from lofty_admin.audit.models import AuditEvent
from lofty_admin.tenants import services
from lofty_admin.tenants.errors import ChangeNotAllowed
from lofty_admin.tenants.groups import add_group, delete_group, rename_group
from lofty_admin.tenants.models import Group, Tenant
from tests.support.lofty_users import kinds
from tests.support.users import signed_in

EVIL = "<img src=x onerror=alert(1)>{{7*7}}"


@pytest.fixture
def west(db: None) -> Group:
    return Group.objects.create(slug="west", name="West coast")


def edit(user: User, **data: object) -> str:
    fields = {"name": "Acme Realty", "note": "", **data}
    answer = signed_in(user).post(reverse("tenants:edit", args=["acme"]), fields, follow=True)
    return answer.content.decode()


def test_groups__superuser__adds_renames_and_deletes_each_recorded(superuser: User) -> None:
    client = signed_in(superuser)
    assert "No groups yet" in client.get(reverse("tenants:groups")).content.decode()
    client.post(reverse("tenants:groups"), {"name": "West coast"})
    assert Group.objects.get().slug == "west-coast"
    client.post(reverse("tenants:group", args=["west-coast"]), {"name": "West", "slug": "west"})
    assert "West" in client.get(reverse("tenants:group", args=["west"])).content.decode()
    client.post(reverse("tenants:group_delete", args=["west"]))
    assert not Group.objects.exists()
    assert kinds() == ["group.added", "group.changed", "group.deleted"]
    changed = AuditEvent.objects.get(kind="group.changed").content
    assert (changed["before"]["slug"], changed["after"]["slug"]) == ("west-coast", "west")


def test_group__same_names_again__no_record(west: Group) -> None:
    assert rename_group(west, slug="west", name="West coast ") is False
    assert kinds() == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "Other", "slug": "west"}, "already has this short name"),
        ({"name": "Other", "slug": "A B"}, "lowercase letters"),
        ({"name": "房地产"}, "can&#x27;t be derived from this name"),
        ({"name": ""}, "required"),
    ],
)
@pytest.mark.parametrize("page", ["tenants:groups", "tenants:group"])
def test_group__bad_input__says_why_and_changes_nothing(
    superuser: User, west: Group, fields: dict[str, str], words: str, page: str
) -> None:
    Group.objects.create(slug="east", name="East")
    url = reverse(page, args=["east"] if page == "tenants:group" else [])
    assert words in signed_in(superuser).post(url, fields).content.decode()
    assert set(Group.objects.values_list("slug", "name")) == {
        ("west", "West coast"),
        ("east", "East"),
    }
    assert kinds() == []


def test_group__with_tenants__is_not_deleted(superuser: User, west: Group, acme: Tenant) -> None:
    west.tenants.add(acme)
    url = reverse("tenants:group_delete", args=["west"])
    html = signed_in(superuser).post(url, follow=True).content.decode()
    assert "still has tenants" in html
    assert "Acme Realty" in html
    assert Group.objects.get() == west


def test_group__deleted_by_another_user_meanwhile__says_so(west: Group) -> None:
    delete_group(Group.objects.get())
    for change in (lambda: delete_group(west), lambda: rename_group(west, slug="x", name="X")):
        with pytest.raises(ChangeNotAllowed, match="has already deleted this group"):
            change()


def test_add_group__short_name_taken__refused(west: Group) -> None:
    with pytest.raises(ValidationError):
        add_group(slug="west", name="Another")


@pytest.mark.parametrize("who", ["owner", "viewer", "outsider"])
@pytest.mark.parametrize("page", ["tenants:groups", "tenants:group", "tenants:group_delete"])
def test_groups__not_a_superuser__403_and_recorded(
    who: str, page: str, west: Group, acme: Tenant, request: pytest.FixtureRequest
) -> None:
    client = signed_in(request.getfixturevalue(who))
    url = reverse(page, args=[] if page == "tenants:groups" else ["west"])
    assert client.post(url, {"name": "Mine"}).status_code == 403
    assert kinds() == ["access.refused"]
    assert Group.objects.get() == west


def test_groups__hostile_name__shown_as_text(superuser: User, acme: Tenant) -> None:
    group = add_group(slug="evil", name=EVIL)
    group.tenants.add(acme)
    client = signed_in(superuser)
    pages = [
        reverse("tenants:groups"),
        reverse("tenants:group", args=["evil"]),
        "/t/acme/edit/",
        "/",
    ]
    for page in pages:
        assert "<img" not in client.get(page).content.decode()


def test_edit__superuser__groups_and_manual_only_saved_and_recorded(
    superuser: User, acme: Tenant, west: Group
) -> None:
    assert "Saved." in edit(superuser, groups=[str(west.pk)], manual_only="on")
    acme.refresh_from_db()
    assert (acme.manual_only, list(acme.groups.all())) == (True, [west])
    content = AuditEvent.objects.get(kind="tenant.changed").content
    assert (content["before"]["groups"], content["after"]["groups"]) == ([], ["west"])
    assert (content["before"]["manual_only"], content["after"]["manual_only"]) == (False, True)
    assert "Nothing was changed." in edit(superuser, groups=[str(west.pk)], manual_only="on")
    assert edit(superuser).count("Manual only") == 1  # the form's own label, no badge any more
    assert list(acme.groups.all()) == []


def test_edit__manager__sees_groups_but_cannot_change_them(
    owner: User, acme: Tenant, west: Group
) -> None:
    acme.groups.add(west)
    html = signed_in(owner).get(reverse("tenants:edit", args=["acme"])).content.decode()
    assert "West coast" in html
    edit(owner, groups=[], manual_only="on")
    acme.refresh_from_db()
    assert (acme.manual_only, list(acme.groups.all())) == (True, [west])


def test_edit__unknown_group__refused_and_nothing_changed(
    superuser: User, acme: Tenant, west: Group
) -> None:
    html = edit(superuser, name="Other", groups=["11111111-1111-4111-8111-111111111111"])
    assert "This group no longer exists" in html
    acme.refresh_from_db()
    assert acme.name == "Acme Realty"


def test_edit__archived__groups_and_state_cannot_be_changed(
    superuser: User, acme: Tenant, west: Group
) -> None:
    services.archive_tenant(acme)
    edit(superuser, groups=[str(west.pk)], manual_only="on")
    acme.refresh_from_db()
    assert (acme.manual_only, list(acme.groups.all())) == (False, [])


def test_manual_only__tenant_pages__carry_a_badge(viewer: User, acme: Tenant) -> None:
    assert "Manual only" not in signed_in(viewer).get("/t/acme/history/").content.decode()
    services.change_tenant(acme, name=acme.name, note="", manual_only=True)
    assert "Manual only" in signed_in(viewer).get("/t/acme/history/").content.decode()
