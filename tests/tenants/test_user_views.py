"""Managing users, over the pages under /people/."""

import re
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from lofty_admin.accounts import invitations
from lofty_admin.accounts.models import Invitation, User
from lofty_admin.audit.models import AuditEvent
from lofty_admin.tenants.access import grants
from lofty_admin.tenants.access.grants import Scope
from lofty_admin.tenants.access.permissions import role_of
from lofty_admin.tenants.models import Grant, Group, Membership, Role, Tenant
from tests.support.lofty_users import kinds
from tests.support.users import make_user, signed_in

YES = {"confirmed": "1"}  # the answer to "Change the access ...?"


@pytest.fixture
def root(superuser: User) -> Client:
    return signed_in(superuser)


@pytest.fixture
def west(acme: Tenant) -> Group:
    group = Group.objects.create(slug="west", name="West")
    group.tenants.add(acme)
    return group


def text_of(client: Client, url: str, **query: str) -> str:
    html = client.get(url, query).content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", html.partition("<main")[2]).split())


def post(client: Client, name: str, user: User, **data: str) -> str:
    answer = client.post(reverse(name, args=[user.pk]), data, follow=True)
    return " ".join(answer.content.decode().split())


# --- the list -------------------------------------------------------------------------------------
def test_user_list__shows_state_rights_and_last_sign_in(
    root: Client, owner: User, outsider: User, west: Group
) -> None:
    grants.assign(outsider, Scope(group=west), Role.EDITOR)
    grants.assign(outsider, Scope(), Role.VIEWER)
    signed_in_at = timezone.now() - timedelta(days=3)
    User.objects.filter(pk=owner.pk).update(last_login=signed_in_at, is_active=False)
    invitations.invite("new@example.com", page="https://x/")
    text = text_of(root, reverse("tenants:users"))
    assert "Viewer of all tenants Editor of the group West Manager of Globex Homes" in text
    assert "owner@example.com Deactivated Manager of Acme Realty 3 days ago" in text
    assert "new@example.com Invited None yet Never" in text
    assert "root@example.com Active Superuser" in text


def test_user_list__many_single_roles_and_denials__counted(root: Client, viewer: User) -> None:
    for number in range(5):
        tenant = Tenant.objects.create(slug=f"t{number}", name=f"T{number}")
        Membership.objects.create(user=viewer, tenant=tenant, role=Role.VIEWER)
        grants.deny(
            viewer, Scope(tenant=Tenant.objects.create(slug=f"d{number}", name=f"D{number}"))
        )
    text = text_of(root, reverse("tenants:users"), q="Victor")
    assert "Viewer of 6 tenants Denied: D0, D1, D2 and 2 more" in text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"q": "OLIVIA"}, ["owner"]),
        ({"q": "viewer example.com"}, ["viewer"]),
        ({"state": "invited"}, ["new"]),
        ({"state": "expired"}, ["late"]),
        ({"state": "deactivated"}, ["gone"]),
        ({"state": "superuser"}, ["root"]),
        ({"state": "active"}, ["owner", "root", "viewer"]),
        ({"state": "nonsense"}, ["gone", "late", "new", "owner", "root", "viewer"]),
        ({"q": "unknown"}, []),
    ],
)
def test_user_list__filtered_by_the_address__only_those(
    root: Client, owner: User, viewer: User, query: dict[str, str], expected: list[str]
) -> None:
    for name in ("new", "late"):
        invitations.invite(f"{name}@example.com", page="https://x/")
    Invitation.objects.filter(email="late@example.com").update(
        made_at=timezone.now() - Invitation.LIFETIME
    )
    gone = make_user("gone@example.com", "Gus Gone")
    User.objects.filter(pk=gone.pk).update(is_active=False)
    text = text_of(root, reverse("tenants:users"), **query)
    assert sorted(set(re.findall(r"(\w+)@example.com", text))) == expected


def test_user_list__sixty_users__two_pages_and_few_queries(root: Client) -> None:
    User.objects.bulk_create(
        User(email=f"p{number}@example.com", name=f"Passel {number}", password="!")
        for number in range(60)
    )
    with CaptureQueriesContext(connection) as queries:
        page = root.get(reverse("tenants:users"), {"q": "Passel"}).content.decode()
    assert "1–50 of 60" in page
    assert "?q=Passel&amp;page=2" in page
    assert len(queries) <= 12


def test_user_list__only_one_superuser__warns(root: Client, viewer: User) -> None:
    assert "There is only one superuser." in text_of(root, reverse("tenants:users"))
    User.objects.filter(pk=viewer.pk).update(is_superuser=True)
    assert "There is only one superuser." not in text_of(root, reverse("tenants:users"))


# --- rights ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("data", "words", "role"),
    [
        ({"where": "all", "level": "20"}, "is now editor of all tenants", Role.EDITOR),
        ({"where": "group", "level": "30"}, "is now manager of the group West", Role.MANAGER),
        ({"where": "tenant", "tenant": "ACME", "level": "20"}, "now editor of Acme", Role.EDITOR),
        (
            {"where": "tenant", "tenant": "acme", "level": "denied"},
            "is denied access to Acme",
            None,
        ),
        ({"where": "group", "level": "denied"}, "is denied access to the group", None),
        ({"where": "tenant", "tenant": "acme", "level": "nothing"}, "no longer has a role", None),
    ],
)
def test_right__by_the_form__counts_at_once(
    root: Client,
    viewer: User,
    acme: Tenant,
    west: Group,
    data: dict[str, str],
    words: str,
    role: Role | None,
) -> None:
    assert words in post(
        root, "tenants:user_grant", viewer, **{"group": str(west.pk), **YES, **data}
    )
    assert role_of(viewer, acme) == role
    assert len(kinds()) == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"where": "tenant", "tenant": "nowhere", "level": "20"}, "No tenant has this name"),
        ({"where": "group", "level": "20"}, "Choose the group."),
        ({"where": "group", "group": "nonsense", "level": "20"}, "not a valid"),
        ({"where": "all", "level": "99"}, "not one of the available choices"),
        ({"where": "galaxy", "level": "20"}, "not one of the available choices"),
        ({"where": "all", "level": "nothing"}, "no longer has a role of their own for all tenants"),
        ({}, "This field is required"),
    ],
)
def test_right__wrong_input__said_on_the_page_and_nothing_changed(
    root: Client, viewer: User, data: dict[str, str], words: str
) -> None:
    html = post(root, "tenants:user_grant", viewer, **YES, **data)
    assert words in html
    assert "Victor Viewer" in html
    assert kinds() == []


def test_right__other_names_in_the_post__change_nothing(
    root: Client, viewer: User, outsider: User, superuser: User
) -> None:
    more = {"person": str(outsider.pk), "pk": str(outsider.pk), "is_superuser": "1", "role": "30"}
    post(root, "tenants:user_grant", viewer, where="all", level="10", **YES, **more)
    assert list(Grant.objects.values_list("user", "role")) == [(viewer.pk, Role.VIEWER)]
    viewer.refresh_from_db()
    assert not viewer.is_superuser


def test_page__rows__change_what_they_name(root: Client, viewer: User, west: Group) -> None:
    grants.assign(viewer, Scope(group=west), Role.VIEWER)
    html = root.get(reverse("tenants:user", args=[viewer.pk])).content.decode()
    row = html.partition("Group, including tenants")[2].partition("</form>")[0]
    data = dict(re.findall(r'name="(where|group)" value="([^"]*)"', row))
    assert data == {"where": "group", "group": str(west.pk)}
    assert '<option value="10" selected>' in row
    post(root, "tenants:user_grant", viewer, level="nothing", **YES, **data)
    assert not Grant.objects.exists()


def test_access_list__every_tenant_with_role_and_reasons__denied_ones_separately(
    root: Client, viewer: User, acme: Tenant, globex: Tenant, west: Group
) -> None:
    grants.assign(viewer, Scope(), Role.EDITOR)
    grants.deny(viewer, Scope(tenant=globex))
    text = text_of(root, reverse("tenants:user", args=[viewer.pk]))
    assert "1 tenant, denied 1." in text
    assert "Acme Realty acme Editor Editor of all tenants Viewer of this tenant" in text
    denied = text_of(root, reverse("tenants:user", args=[viewer.pk]), show="denied")
    assert "Globex Homes globex Denied Denied this tenant Editor of all tenants" in denied
    found = text_of(root, reverse("tenants:user", args=[viewer.pk]), q="glob")
    assert "No tenants match." in found


def test_access_list__superuser_and_deactivated_user__everything_and_nothing(
    root: Client, viewer: User, acme: Tenant
) -> None:
    other = make_user("second@example.com", "Second Root", superuser=True)
    assert "Acme Realty acme Manager Superuser" in text_of(root, f"/people/{other.pk}/")
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    text = text_of(root, f"/people/{viewer.pk}/")
    assert "0 tenants. Nothing while the account is deactivated." in text


def test_page__own__shows_no_way_to_change_it(root: Client, superuser: User) -> None:
    html = root.get(reverse("tenants:user", args=[superuser.pk])).content.decode()
    assert html.count('method="post"') == 2  # signing out, the language
    assert "This is you" in html


# --- the account ----------------------------------------------------------------------------------
def test_account__deactivated_and_reactivated__sessions_end_at_once(
    root: Client, viewer: User
) -> None:
    watching = signed_in(viewer)
    assert watching.get("/").status_code == 200
    assert "can no longer sign in" in post(root, "tenants:user_deactivate", viewer, confirmed="1")
    assert watching.get("/").status_code == 302
    assert "can sign in again" in post(root, "tenants:user_reactivate", viewer)
    assert kinds() == ["person.deactivated", "person.reactivated"]
    assert "not deactivated" in post(root, "tenants:user_reactivate", viewer)


def test_superuser__promoted_and_demoted__at_once(root: Client, viewer: User) -> None:
    other = signed_in(viewer)
    assert other.get("/people/").status_code == 403
    sure = {"confirmed": "1", "typed": viewer.email.upper()}
    assert "is now a superuser" in post(root, "tenants:user_promote", viewer, **sure)
    assert other.get("/people/").status_code == 200
    assert "is no longer a superuser" in post(root, "tenants:user_demote", viewer, confirmed="1")
    assert other.get("/people/").status_code == 403


@pytest.mark.parametrize("name", ["tenants:user_deactivate", "tenants:user_demote"])
def test_own_account__by_the_page__refused_with_the_reason(
    root: Client, superuser: User, name: str
) -> None:
    make_user("second@example.com", "Second Root", superuser=True)
    assert "You can&#x27;t do this to your own account" in post(
        root, name, superuser, confirmed="1"
    )
    superuser.refresh_from_db()
    assert (superuser.is_active, superuser.is_superuser) == (True, True)


def test_own_rights__by_the_page__refused(root: Client, superuser: User) -> None:
    html = post(root, "tenants:user_grant", superuser, where="all", level="30", **YES)
    assert "can&#x27;t change your own access" in html or "This is you" in html
    assert not Grant.objects.exists()


def test_invite__by_the_page__mail_with_a_link_that_works(root: Client) -> None:
    answer = root.post(reverse("tenants:user_invite"), {"email": "New@Example.com"}, follow=True)
    assert "was invited" in answer.content.decode()
    user = User.objects.get(email="new@example.com")
    assert answer.redirect_chain[-1][0] == reverse("tenants:user", args=[user.pk])
    assert "http://testserver/accounts/invitation/#" in str(mail.outbox[0].body)
    html = root.post(reverse("tenants:user_invite"), {"email": "new@example.com"}).content.decode()
    assert "Another user already has this e-mail address" in html
    assert "A new invitation was sent" in post(root, "tenants:user_invite_again", user)
    assert "was withdrawn" in post(root, "tenants:user_withdraw", user, confirmed="1")
    assert "no open invitation" in post(root, "tenants:user_withdraw", user, confirmed="1")
    assert kinds() == ["invitation.sent", "invitation.sent", "invitation.withdrawn"]
    assert not AuditEvent.objects.filter(body__contains="#")


@pytest.mark.parametrize("extra", ["superuser", "is_superuser", "password", "name"])
def test_invite__other_names_in_the_post__change_nothing(root: Client, extra: str) -> None:
    root.post(reverse("tenants:user_invite"), {"email": "new@example.com", extra: "1"})
    user = User.objects.get(email="new@example.com")
    assert (user.is_superuser, user.name, user.has_usable_password()) == (False, "", False)


def test_invite__mail_server_down__said_and_person_is_there(root: Client) -> None:
    with patch("lofty_admin.accounts.invitations.send_mail", side_effect=OSError("hunter2")):
        answer = root.post(
            reverse("tenants:user_invite"), {"email": "new@example.com"}, follow=True
        )
    html = answer.content.decode()
    assert "did not accept the e-mail" in html
    assert "The e-mail could not be sent" in html
    assert "hunter2" not in html


def test_invited__given_a_right_before_accepting__has_it_afterwards(
    root: Client, acme: Tenant
) -> None:
    root.post(reverse("tenants:user_invite"), {"email": "new@example.com"})
    user = User.objects.get(email="new@example.com")
    post(root, "tenants:user_grant", user, where="tenant", tenant="acme", level="20")
    assert role_of(user, acme) == Role.EDITOR


# --- the tenant's own page ------------------------------------------------------------------------
def test_tenant_users__by_a_group_or_everywhere__shown_but_not_changed_there(
    owner: User, viewer: User, outsider: User, superuser: User, west: Group
) -> None:
    grants.assign(outsider, Scope(group=west), Role.EDITOR)
    grants.deny(viewer, Scope())
    html = signed_in(owner).get(reverse("tenants:members", args=["acme"])).content.decode()
    text = " ".join(re.sub(r"<[^>]+>", " ", html).split())
    assert "Una Outsider outsider@example.com Editor Editor of the group West" in text
    assert "Denied Denied all tenants Viewer of this tenant" in text
    assert "Rosa Root root@example.com Everything Superuser" in text
    assert html.count("/role/") == 2


def test_person__tenant__offered_while_typing_unless_archived(
    root: Client, viewer: User, acme: Tenant, globex: Tenant
) -> None:
    Tenant.objects.filter(pk=globex.pk).update(status=Tenant.Status.ARCHIVED)
    html = root.get(reverse("tenants:user", args=[viewer.pk])).content.decode()
    (address,) = re.findall(r'data-tenant-search="([^"]+)"', html)
    assert [item["name"] for item in root.get(f"{address}&q=e").json()["items"]] == [acme.name]
