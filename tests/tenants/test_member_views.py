"""Managing a tenant's members, over the pages."""

from django.urls import reverse
from django.utils.translation import override

from lofty_admin.accounts.models import User
from lofty_admin.audit.models import AuditEvent
from lofty_admin.tenants.models import Connection, Role, Tenant
from tests.support.lofty_users import kinds
from tests.support.users import signed_in


def give(manager: User, email: str, role: int = Role.EDITOR, **more: str) -> str:
    data = {"email": email, "role": str(role), **more}
    url = reverse("tenants:members", args=["acme"])
    return signed_in(manager).post(url, data, follow=True).content.decode()


def test_users__members__listed(owner: User, viewer: User, outsider: User) -> None:
    html = signed_in(owner).get(reverse("tenants:members", args=["acme"])).content.decode()
    assert viewer.email in html
    assert outsider.email not in html


def test_give_access__known_address_in_capitals__added(
    owner: User, outsider: User, acme: Tenant
) -> None:
    assert "is now editor" in give(owner, outsider.email.upper())
    assert acme.memberships.get(user=outsider).role == Role.EDITOR
    assert kinds() == ["member.added"]


def test_give_access__unknown_or_deactivated__says_what_to_do(
    owner: User, outsider: User, acme: Tenant
) -> None:
    assert "invite them first" in " ".join(give(owner, "stranger@example.com").split())
    User.objects.filter(pk=outsider.pk).update(is_active=False)
    assert "No user has this e-mail address" in give(owner, outsider.email)
    assert acme.memberships.count() == 1


def test_give_access__other_names_in_the_post__change_nothing(
    owner: User, outsider: User, acme: Tenant
) -> None:
    give(owner, outsider.email, is_superuser="1", tenant="globex", user=str(owner.pk))
    outsider.refresh_from_db()
    assert not outsider.is_superuser
    assert acme.memberships.get(user=owner).role == Role.MANAGER


def test_give_access__role_that_does_not_exist__refused(
    owner: User, outsider: User, acme: Tenant
) -> None:
    assert "not one of the available choices" in give(owner, outsider.email, role=99)
    assert acme.memberships.count() == 1


def test_change_role__other_member__changed(owner: User, viewer: User, acme: Tenant) -> None:
    member = acme.memberships.get(user=viewer)
    url = reverse("tenants:member_role", args=["acme", member.pk])
    signed_in(owner).post(url, {"role": "20"})
    member.refresh_from_db()
    assert member.role == Role.EDITOR
    signed_in(owner).post(url, {"role": "99"})
    member.refresh_from_db()
    assert member.role == Role.EDITOR


def test_remove__other_member__out_at_once(owner: User, viewer: User, acme: Tenant) -> None:
    watching = signed_in(viewer)
    assert watching.get("/t/acme/").status_code == 302
    member = acme.memberships.get(user=viewer)
    url = reverse("tenants:member_remove", args=["acme", member.pk])
    signed_in(owner).post(url, {"confirmed": "1"})
    assert watching.get("/t/acme/").status_code == 404


def test_last_manager__by_the_page__kept_with_the_reason(owner: User, acme: Tenant) -> None:
    member = acme.memberships.get(user=owner)
    client = signed_in(owner)
    for name, data in (
        ("tenants:member_remove", {"confirmed": "1"}),
        ("tenants:member_role", {"role": "10"}),
    ):
        url = reverse(name, args=["acme", member.pk])
        assert "last manager" in client.post(url, data, follow=True).content.decode()
    member.refresh_from_db()
    assert member.role == Role.MANAGER


def test_own_role__given_up__lands_on_the_list(owner: User, viewer: User, acme: Tenant) -> None:
    give(owner, viewer.email, role=Role.MANAGER)
    member = acme.memberships.get(user=owner)
    url = reverse("tenants:member_remove", args=["acme", member.pk])
    answer = signed_in(owner).post(url, {"confirmed": "1"})
    assert answer.headers["Location"] == "/"


def test_give_access__page_in_spanish__record_in_english(
    owner: User, outsider: User, acme: Tenant
) -> None:
    client = signed_in(owner)
    client.cookies["django_language"] = "es"
    data = {"email": outsider.email, "role": str(Role.EDITOR)}
    answer = client.post(
        reverse("tenants:members", args=["acme"]), data, follow=True
    ).content.decode()
    assert f"Ahora {outsider} es editor de {acme}." in answer
    assert "Qué puede hacer cada rol" in answer
    (event,) = AuditEvent.objects.filter(kind="member.added")
    assert event.content["after"] == {"role": "Editor"}
    with override("es"):
        assert str(Connection(kind="api_key", last_four="4242")) == "API key ending in 4242"
