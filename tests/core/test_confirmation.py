"""Actions that are hard to undo ask first, on a page that works without JavaScript."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from lofty_admin.accounts.models import Invitation, User
from lofty_admin.audit.models import AuditEvent
from lofty_admin.tenants.models import Tenant
from lofty_admin.tenants.services import archive_tenant
from tests.support.second_factor import later
from tests.support.users import make_user, signed_in

Case = tuple[str, list[Any], dict[str, str]]


@pytest.fixture(
    params=[
        *("archive", "deactivate", "promote", "demote", "withdraw", "remove", "everywhere"),
        *("all tenants", "deny", "take away"),
    ]
)
def case(request: pytest.FixtureRequest, acme: Tenant, viewer: User) -> Case:
    member = acme.memberships.get(user=viewer)
    acme_alone = {"where": "tenant", "tenant": "acme"}
    cases: dict[str, Case] = {
        "archive": ("tenants:archive", ["acme"], {}),
        "deactivate": ("tenants:user_deactivate", [viewer.pk], {}),
        "promote": ("tenants:user_promote", [viewer.pk], {}),
        "demote": ("tenants:user_demote", [other_superuser().pk], {}),
        "withdraw": ("tenants:user_withdraw", [invited().pk], {}),
        "remove": ("tenants:member_remove", ["acme", member.pk], {}),
        "everywhere": ("accounts:sessions_end", [], {"all": "1"}),
        "all tenants": ("tenants:user_grant", [viewer.pk], {"where": "all", "level": "20"}),
        "deny": ("tenants:user_grant", [viewer.pk], {**acme_alone, "level": "denied"}),
        "take away": ("tenants:user_grant", [viewer.pk], {**acme_alone, "level": "nothing"}),
    }
    return cases[request.param]


def other_superuser() -> User:
    return make_user("second@example.com", "Second Root", superuser=True)


def invited() -> User:
    user = make_user("invited@example.com", "")
    user.set_unusable_password()
    user.save()
    Invitation.objects.create(user=user, email=user.email)
    return user


def hidden(html: str) -> dict[str, str]:
    """What the page's form sends."""
    matches = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', html)
    return {name: value for name, value in matches if name != "csrfmiddlewaretoken"}


def test_button__pressed__asks_first_and_changes_nothing(superuser: User, case: Case) -> None:
    name, arguments, data = case
    client = signed_in(superuser)
    answer = client.post(reverse(name, args=arguments), data, follow=True)
    assert answer.status_code == 200
    again = client.get(answer.request["PATH_INFO"], data)  # Reload, and Back to it
    assert again.status_code == 200
    assert "Nothing was changed yet." in answer.content.decode()
    assert not AuditEvent.objects.exists()


def test_page__confirmed__done(superuser: User, viewer: User, case: Case) -> None:
    name, arguments, data = case
    client = signed_in(superuser)
    url = reverse(name, args=arguments)
    sent = hidden(client.post(url, data, follow=True).content.decode())
    assert data.items() <= sent.items()
    if name == "tenants:user_promote":
        sent["typed"] = f" {viewer.email} "
    assert client.post(url, sent).status_code == 302
    if name != "accounts:sessions_end":
        assert AuditEvent.objects.count() == 1


@pytest.mark.parametrize("typed", ["", "viewer", "other@example.com", "v\u0131ewer@example.com"])
def test_superuser__address_typed_wrongly__nothing_changes(
    superuser: User, viewer: User, typed: str
) -> None:
    url = reverse("tenants:user_promote", args=[viewer.pk])
    sent = {"confirmed": "1", "typed": typed}
    html = signed_in(superuser).post(url, sent, follow=True).content.decode()
    assert "That doesn't match" in html
    viewer.refresh_from_db()
    assert not viewer.is_superuser


@pytest.mark.parametrize(
    "name",
    [
        "tenants:user_promote",
        "tenants:user_demote",
        "tenants:user_deactivate",
        "tenants:user_reactivate",
        "tenants:user_grant",
        "tenants:user_invite_again",
        "tenants:user_withdraw",
    ],
)
def test_trust__given_in_an_old_session__proof_is_asked_first(
    superuser: User, viewer: User, name: str
) -> None:
    client = signed_in(superuser)
    data = {"confirmed": "1", "typed": viewer.email, "where": "all", "level": "30"}
    with later(16 * 60):
        answer = client.post(reverse(name, args=[viewer.pk]), data)
    assert answer.status_code == 302
    assert "/again/" in answer.headers["Location"]
    assert not AuditEvent.objects.exists()


def test_role__in_one_tenant__is_given_at_once(
    superuser: User, outsider: User, acme: Tenant
) -> None:
    url = reverse("tenants:user_grant", args=[outsider.pk])
    data = {"where": "tenant", "tenant": "acme", "level": "20"}
    signed_in(superuser).post(url, data)
    assert acme.memberships.filter(user=outsider).exists()


def test_restoring__in_an_old_session__proof_is_asked_first(superuser: User, acme: Tenant) -> None:
    archive_tenant(acme)
    client = signed_in(superuser)
    with later(16 * 60):
        answer = client.post(reverse("tenants:restore", args=["acme"]))
    assert "/again/" in answer.headers["Location"]
    acme.refresh_from_db()
    assert acme.is_archived


def test_confirmation__outsider__sees_no_name(client: Client, outsider: User, acme: Tenant) -> None:
    answer = signed_in(outsider).post(reverse("tenants:archive", args=["acme"]))
    assert answer.status_code == 404
    assert acme.name not in answer.content.decode()
