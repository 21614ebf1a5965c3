"""What can be done to a tenant and its token, and what is refused."""

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError

from lofty_admin.accounts.models import User
from lofty_admin.audit.models import AuditEvent
from lofty_admin.lofty.client import Scheme
from lofty_admin.lofty.errors import BadToken, LoftyError, Unauthorised, Unreachable, WrongScheme
from lofty_admin.tenants import services
from lofty_admin.tenants.calls import NoCredential, calls_left
from lofty_admin.tenants.models import (
    Credential,
    CredentialState,
    Membership,
    Role,
    Tenant,
)
from tests.tenants.conftest import NEXT_TOKEN, OTHER_TOKEN, TOKEN, Lofty, kinds


def checked(token: str = TOKEN, scheme: Scheme = Scheme.API_KEY) -> services.CheckedToken:
    return services.check_token(scheme, token)


def test_check_token__good__says_whose_it_is(db: None, lofty: Lofty) -> None:
    found = checked()
    assert found.lofty_user["name"]
    assert "@" in str(found.lofty_user["email"])
    assert isinstance(found.lofty_user["member_user_id"], int)
    assert found.budget is not None
    assert found.budget.limit == 60
    assert TOKEN not in repr(found)


@pytest.mark.parametrize(
    ("token", "scheme", "error"),
    [
        ("nobody-has-this-token", Scheme.API_KEY, Unauthorised),
        (TOKEN, Scheme.OAUTH, WrongScheme),
        ("two words", Scheme.API_KEY, BadToken),
    ],
)
def test_check_token__bad__says_why_without_the_token(
    db: None, lofty: Lofty, token: str, scheme: Scheme, error: type[LoftyError]
) -> None:
    with pytest.raises(error) as caught:
        checked(token, scheme)
    assert token not in f"{caught.value!r} {caught.value.advice} {caught.value.exchange}"


def test_check_token__lofty_is_down__not_sent(db: None) -> None:
    with pytest.raises(Unreachable):
        checked()


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Acme Realty, Inc.", "acme-realty-inc"), ("Über Häuser", "uber-hauser"), ("房地产", "")],
)
def test_suggest_slug__name__short_name(name: str, slug: str) -> None:
    assert services.suggest_slug(name) == slug


def test_add_tenant__with_token__both_stored_and_recorded(db: None, lofty: Lofty) -> None:
    tenant = services.add_tenant(slug="acme", name=" Acme ", checked=checked())
    assert tenant.credential is not None
    assert tenant.credential.state is CredentialState.WORKS
    assert (tenant.name, tenant.credential.last_four) == ("Acme", "WXYZ")
    assert kinds() == ["tenant.added", "credential.added"]
    assert calls_left(tenant).remaining == 58


@pytest.mark.parametrize(
    "slug", ["", "Acme", "a b", "-a", "a-", "a--b", "ä", "a\n", "../a", "x" * 51]
)
def test_add_tenant__bad_short_name__refused(db: None, slug: str) -> None:
    with pytest.raises(ValidationError):
        services.add_tenant(slug=slug, name="Acme")
    assert not Tenant.objects.exists()


def test_add_tenant__short_name_taken__refused(acme: Tenant) -> None:
    with pytest.raises(ValidationError, match="has this short name already"):
        services.add_tenant(slug="acme", name="Another")


def test_change_tenant__nothing_different__no_record(acme: Tenant) -> None:
    assert services.change_tenant(acme, name="Acme Realty ", note="") is False
    assert kinds() == []
    assert services.change_tenant(acme, name="Acme", note="VIP") is True
    event = AuditEvent.objects.get()
    assert event.content["before"]["name"] == "Acme Realty"
    after = {"slug": "acme", "name": "Acme", "note": "VIP", "manual_only": False, "groups": []}
    assert event.content["after"] == after


def test_archived__every_change__refused_until_restored(
    acme: Tenant, viewer: User, outsider: User, credential: Credential
) -> None:
    services.archive_tenant(acme)
    member = acme.memberships.get(user=viewer)
    for change in (
        lambda: services.change_tenant(acme, name="Other", note=""),
        lambda: services.set_credential(acme, checked(NEXT_TOKEN)),
        lambda: services.remove_credential(acme),
        lambda: services.grant(acme, outsider, Role.VIEWER),
        lambda: services.remove_member(member),
        lambda: services.archive_tenant(acme),
    ):
        with pytest.raises(services.NotDone, match="archived"):
            change()
    services.restore_tenant(acme)
    services.change_tenant(acme, name="Other", note="")
    with pytest.raises(services.NotDone, match="not archived"):
        services.restore_tenant(acme)


def test_set_credential__same_user__replaced_and_old_one_erased(
    acme: Tenant, credential: Credential
) -> None:
    new = services.set_credential(acme, checked(NEXT_TOKEN))
    credential.refresh_from_db()
    assert (bytes(credential.sealed), credential.retired_at is None) == (b"", False)
    assert (new.version, acme.credential) == (2, new)
    assert kinds() == ["credential.added", "credential.replaced"]
    after = AuditEvent.objects.latest("seq").content["after"]
    assert (after["version"], after["fingerprint"]) == (2, new.fingerprint)


def test_set_credential__another_lofty_user__asks_first(
    acme: Tenant, credential: Credential
) -> None:
    other = checked(OTHER_TOKEN, Scheme.OAUTH)
    with pytest.raises(services.NeedsConsent, match="another Sales Agent") as caught:
        services.set_credential(acme, other)
    assert len(caught.value.questions) == 2  # the user and the Sales Agent
    assert acme.credential == credential
    assert services.set_credential(acme, other, meant=True).scheme == "oauth"


def test_set_credential__another_lofty_user_after_removal__still_asks(
    acme: Tenant, credential: Credential
) -> None:
    services.remove_credential(acme)
    with pytest.raises(services.NeedsConsent, match="another Sales Agent"):
        services.set_credential(acme, checked(OTHER_TOKEN, Scheme.OAUTH))


@pytest.mark.parametrize("token", [TOKEN, NEXT_TOKEN], ids=["same token", "same Lofty user"])
def test_set_credential__used_by_another_tenant__asks_without_naming_it(
    acme: Tenant, globex: Tenant, credential: Credential, token: str
) -> None:
    with pytest.raises(services.NeedsConsent, match="Another tenant") as caught:
        services.set_credential(globex, checked(token))
    assert "acme" not in str(caught.value).lower()
    assert globex.credential is None
    assert services.set_credential(globex, checked(token), meant=True).version == 1


def test_add_tenant__token_of_another_tenant__asks_and_adds_nothing(
    acme: Tenant, credential: Credential
) -> None:
    with pytest.raises(services.NeedsConsent):
        services.add_tenant(slug="second", name="Second", checked=checked())
    assert not Tenant.objects.filter(slug="second").exists()


def test_remove_credential__in_use__erased_and_recorded(
    acme: Tenant, credential: Credential
) -> None:
    services.remove_credential(acme)
    credential.refresh_from_db()
    assert bytes(credential.sealed) == b""
    assert acme.credential_state is CredentialState.NONE
    with pytest.raises(services.NotDone, match="no token"):
        services.remove_credential(acme)
    assert kinds() == ["credential.added", "credential.removed"]


def test_credential__database__refuses_two_in_use_and_a_kept_old_one(
    acme: Tenant, credential: Credential
) -> None:
    from django.db import transaction

    with pytest.raises(IntegrityError), transaction.atomic():
        Credential.objects.create(tenant=acme, scheme="oauth", sealed=b"x", version=2)
    with pytest.raises(IntegrityError), transaction.atomic():
        Credential.objects.update(retired_at=credential.added_at)


def test_test_credential__works__owner_is_learnt_and_recorded(acme: Tenant, lofty: Lofty) -> None:
    services.set_credential(acme, services.unchecked_token(Scheme.API_KEY, TOKEN))
    assert acme.credential_state is CredentialState.UNUSED
    tested = services.test_credential(acme)
    assert tested.owner_name
    assert tested.state is CredentialState.WORKS
    assert kinds() == ["credential.added", "credential.tested"]


def test_test_credential__dead__failing_and_recorded(
    acme: Tenant, credential: Credential, lofty: Lofty
) -> None:
    lofty.change("acme", revoke_all=True)
    with pytest.raises(Unauthorised):
        services.test_credential(acme)
    assert acme.credential_state is CredentialState.FAILING
    assert kinds() == ["credential.added", "credential.failed", "credential.tested"]


def test_test_credential__none__nothing_sent(acme: Tenant, lofty: Lofty) -> None:
    with pytest.raises(NoCredential):
        services.test_credential(acme)
    assert lofty.calls_made("acme") == 0


def test_grant__new_then_other_then_same__recorded_as_it_was(acme: Tenant, outsider: User) -> None:
    services.grant(acme, outsider, Role.VIEWER)
    services.grant(acme, outsider, Role.EDITOR)
    with pytest.raises(services.NotDone, match="editor already"):
        services.grant(acme, outsider, Role.EDITOR)
    assert Membership.objects.get(tenant=acme).role == Role.EDITOR
    assert kinds() == ["member.added", "member.changed"]
    last = AuditEvent.objects.latest("seq").content
    assert (last["before"], last["after"]) == ({"role": "Viewer"}, {"role": "Editor"})


def test_last_manager__lowered_or_removed__refused(acme: Tenant, owner: User, viewer: User) -> None:
    with pytest.raises(services.NotDone, match="last manager"):
        services.grant(acme, owner, Role.EDITOR)
    with pytest.raises(services.NotDone, match="last manager"):
        services.remove_member(acme.memberships.get(user=owner))
    services.grant(acme, viewer, Role.MANAGER)
    services.remove_member(acme.memberships.get(user=owner))
    assert [member.user for member in acme.memberships.all()] == [viewer]


def test_last_manager__the_other_one_is_deactivated__refused(
    acme: Tenant, owner: User, viewer: User
) -> None:
    services.grant(acme, viewer, Role.MANAGER)
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    with pytest.raises(services.NotDone, match="last manager"):
        services.remove_member(acme.memberships.get(user=owner))


def test_grant__deactivated_person__refused(acme: Tenant, outsider: User) -> None:
    outsider.is_active = False
    outsider.save()
    with pytest.raises(services.NotDone, match="deactivated"):
        services.grant(acme, outsider, Role.VIEWER)


def test_any_change__cannot_be_recorded__is_not_made(
    acme: Tenant, outsider: User, credential: Credential, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise DatabaseError("the record is not writable")

    fresh = checked(NEXT_TOKEN)
    monkeypatch.setattr(services, "record", refuse)
    for change in (
        lambda: services.add_tenant(slug="second", name="Second"),
        lambda: services.change_tenant(acme, name="Other", note=""),
        lambda: services.archive_tenant(acme),
        lambda: services.set_credential(acme, fresh),
        lambda: services.remove_credential(acme),
        lambda: services.grant(acme, outsider, Role.VIEWER),
    ):
        with pytest.raises(DatabaseError):
            change()
    acme.refresh_from_db()
    assert (acme.name, acme.status) == ("Acme Realty", "active")
    assert acme.credential == credential
    assert bytes(Credential.objects.get().sealed)
    assert not acme.memberships.exists()
    assert not Tenant.objects.filter(slug="second").exists()
