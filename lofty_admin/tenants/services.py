"""What can be done to a tenant. Each change and its record stand or fall together.

A pasted token is tried at Lofty (`check_token`) before the transaction that stores it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.text import slugify

from lofty_admin.accounts.models import User
from lofty_admin.audit.context import current_actor
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.record import record
from lofty_admin.audit.secrets import secret_fingerprint
from lofty_admin.lofty.client import LoftyClient, Me, Scheme, clean_token
from lofty_admin.lofty.errors import LoftyError, Unauthorised
from lofty_admin.lofty.exchange import Budget
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.tenants import vault
from lofty_admin.tenants.calls import NoCredential, client_for, endpoint
from lofty_admin.tenants.models import Credential, Group, Membership, Role, Tenant

_NEW_TOKEN_REFUSED = (
    "Lofty does not accept this token.",
    "Check that the kind of token is right, and copy the token again from Lofty.",
)


class NotDone(Exception):
    """A change that is not allowed as things are. Nothing was changed; the text may be shown."""


class NeedsConsent(NotDone):
    """A change that is allowed, but only if it is meant. `questions` says what is odd about it."""

    def __init__(self, questions: Iterable[str]) -> None:
        self.questions = tuple(questions)
        super().__init__(" ".join(self.questions))


class NotAdded(NotDone):
    """One of several tenants was refused, so none was added; `place` says which, from 0."""

    def __init__(self, place: int, words: str) -> None:
        self.place = place
        super().__init__(words)


@dataclass(frozen=True)
class CheckedToken:
    """A token and whose it is. `lofty_user` is empty when it was not tried at Lofty."""

    scheme: Scheme
    token: str = field(repr=False)
    lofty_user: dict[str, JSON]
    budget: Budget | None = None

    @property
    def fingerprint(self) -> str:
        return secret_fingerprint(self.token)


@dataclass(frozen=True)
class NewTenant:
    slug: str
    name: str
    note: str = ""
    checked: CheckedToken | None = None
    groups: tuple[Group, ...] = ()


@dataclass(frozen=True)
class _Added:
    """What is in the database already and not yet in the log."""

    tenant: Tenant
    credential: Credential | None
    described: dict[str, JSON]


def check_token(scheme: Scheme, pasted: str) -> CheckedToken:
    """Ask Lofty whose token this is (GET /v1.0/me). Raises LoftyError; stores nothing."""
    client = LoftyClient(endpoint(), scheme, pasted)
    try:
        owner = lofty_user(client.me())
    except Unauthorised as error:
        # The error's own words are about a token that worked before.
        message, advice = _NEW_TOKEN_REFUSED
        raise type(error)(message, advice=advice, exchange=error.exchange) from None
    return CheckedToken(scheme, clean_token(pasted), owner, client.budget)


def unchecked_token(scheme: Scheme, pasted: str) -> CheckedToken:
    """A token that is stored without asking Lofty. Raises BadToken if it cannot be one."""
    return CheckedToken(scheme, clean_token(pasted), {})


def lofty_user(me: Me) -> dict[str, JSON]:
    """What is kept of Lofty's answer; absent things are null."""
    name = " ".join(part for part in (me.first_name, me.last_name) if part)
    return {
        "name": name or None,
        "email": me.email,
        "team_id": me.team_id,
        "role": me.role_name,
        "time_zone": me.time_zone,
        "member_user_id": me.member_user_id,
    }


def suggest_slug(name: str) -> str:
    """A short name made from `name`; "" when nothing can be made of it. It may be taken."""
    return slugify(name).replace("_", "-")[:50].strip("-")


def add_tenant(
    *,
    slug: str,
    name: str,
    note: str = "",
    checked: CheckedToken | None = None,
    meant: bool = False,
) -> Tenant:
    """Add a tenant, with its first credential if there is one.

    Raises ValidationError for a bad or taken short name or an empty name, and NeedsConsent when
    the token is odd and the change is not said to be `meant`.
    """
    new = NewTenant(slug=slug, name=name, note=note, checked=checked)
    with transaction.atomic():
        added = _insert(new, meant=meant)
        _record_added(added)
    return added.tenant


def add_tenants(new: Iterable[NewTenant]) -> list[Tenant]:
    """Add all of them, or none; in their order.

    Raises NotAdded, which says about which one, for what `add_tenant` refuses.
    """
    with transaction.atomic():
        added = [_insert_or_say(place, one) for place, one in enumerate(new)]
        # Only now, as every other writer of the log waits from here to the end.
        for one in added:
            _record_added(one)
    return [one.tenant for one in added]


def change_tenant(
    tenant: Tenant,
    *,
    name: str,
    note: str,
    manual_only: bool | None = None,
    groups: Collection[Group] | None = None,
) -> bool:
    """Change a tenant's own data; None leaves it as it is. Nothing of it is at Lofty.

    False, and no record, when everything is as it was already.
    """
    with transaction.atomic():
        row = _locked(tenant)
        before = _described(row)
        row.name, row.note = name.strip(), note.strip()
        row.manual_only = row.manual_only if manual_only is None else manual_only
        row.full_clean()
        if groups is not None:
            row.groups.set(groups)
        if _described(row) == before:
            return False
        row.save(update_fields=["name", "note", "manual_only"])
        record(
            Kind.TENANT_CHANGED,
            tenant=row.ref,
            outcome=Outcome.DONE,
            before=before,
            after=_described(row),
        )
    return True


def archive_tenant(tenant: Tenant) -> None:
    """Nothing can be changed any more until `restore_tenant`. Nothing is deleted."""
    with transaction.atomic():
        row = _locked(tenant)
        Tenant.objects.filter(pk=row.pk).update(status=Tenant.Status.ARCHIVED)
        record(Kind.TENANT_ARCHIVED, tenant=row.ref, outcome=Outcome.DONE)


def restore_tenant(tenant: Tenant) -> None:
    """Undo `archive_tenant`. Raises NotDone when the tenant is not archived."""
    with transaction.atomic():
        row = Tenant.objects.select_for_update().get(pk=tenant.pk)
        if not row.is_archived:
            raise NotDone(f"{row.name} is not archived.")
        Tenant.objects.filter(pk=row.pk).update(status=Tenant.Status.ACTIVE)
        record(Kind.TENANT_RESTORED, tenant=row.ref, outcome=Outcome.DONE)


def set_credential(tenant: Tenant, checked: CheckedToken, *, meant: bool = False) -> Credential:
    """Put a token in the place of the one in use, if any; the old one is erased.

    Raises NotDone for an archived tenant, NeedsConsent when the token is another Lofty user's than
    before or serves another tenant too, and the change is not said to be `meant`.
    """
    with transaction.atomic():
        row = _locked(tenant)
        if not meant:
            _ask_about(row, checked)
        old = _retire(row)
        new = _store(row, checked)
        kind = Kind.CREDENTIAL_REPLACED if old else Kind.CREDENTIAL_ADDED
        _record_credential(kind, row, before=old, after=new)
    return new


def remove_credential(tenant: Tenant) -> None:
    """Erase the token in use. Raises NotDone when there is none."""
    with transaction.atomic():
        row = _locked(tenant)
        old = _retire(row)
        if old is None:
            raise NotDone(f"{row.name} has no token to remove.")
        _record_credential(Kind.CREDENTIAL_REMOVED, row, before=old)


def test_credential(tenant: Tenant) -> Credential:
    """Try the stored token at Lofty (GET /v1.0/me), note whose it is and how it went.

    Raises LoftyError when it does not work and NoCredential when there is none to try.
    """
    credential = tenant.credential
    if credential is None:
        raise NoCredential(f"{tenant.name} has no Lofty token yet.")
    client = client_for(tenant, credential=credential)
    try:
        owner = lofty_user(client.me())
    except LoftyError as error:
        _record_test(tenant, credential, Outcome.REFUSED, error.message)
        raise
    with transaction.atomic():
        Credential.objects.filter(pk=credential.pk).update(lofty_user=owner)
        _record_test(tenant, credential, Outcome.DONE, "Lofty accepts it.")
    credential.refresh_from_db()
    return credential


def grant(tenant: Tenant, user: User, role: Role) -> Membership:
    """Give `user` this role in the tenant, whether or not they had another one.

    Raises NotDone for an archived tenant, a deactivated person, the role they have already, and
    for lowering the last manager.
    """
    with transaction.atomic():
        row = _locked(tenant)
        if not user.is_active:
            raise NotDone(f"{user} is deactivated and cannot be given access.")
        held = row.memberships.filter(user=user).first()
        if held and held.role == role:
            raise NotDone(f"{user} is {role.label.lower()} already.")
        before = Role(held.role) if held else None
        if before is Role.MANAGER:
            _keep_one_manager(row, user)
        membership, _ = Membership.objects.update_or_create(
            user=user, tenant=row, defaults={"role": role}
        )
        _record_member(row, user, before, role)
    return membership


def remove_member(membership: Membership) -> None:
    """Take away a person's access. Raises NotDone for an archived tenant and the last manager."""
    with transaction.atomic():
        row = _locked(membership.tenant)
        held = row.memberships.select_related("user").filter(pk=membership.pk).first()
        if held is None:
            raise NotDone("This person has no access any more.")
        if held.role == Role.MANAGER:
            _keep_one_manager(row, held.user)
        held.delete()
        _record_member(row, held.user, Role(held.role), None)


def _locked(tenant: Tenant) -> Tenant:
    row = Tenant.objects.select_for_update().get(pk=tenant.pk)
    if row.is_archived:
        raise NotDone(f"{row.name} is archived and cannot be changed. Restore it first.")
    return row


def _keep_one_manager(tenant: Tenant, leaving: User) -> None:
    managers = tenant.memberships.filter(role=Role.MANAGER, user__is_active=True)
    if not managers.exclude(user=leaving).exists():
        raise NotDone(f"{leaving} is the last manager of {tenant.name}. Make another one first.")


def _insert_or_say(place: int, new: NewTenant) -> _Added:
    try:
        return _insert(new)
    except ValidationError as error:
        words = " ".join(error.messages)
    except NotDone as error:
        words = str(error)
    raise NotAdded(place, words)


def _insert(new: NewTenant, *, meant: bool = False) -> _Added:
    tenant = Tenant(slug=new.slug, name=new.name.strip(), note=new.note.strip())
    tenant.full_clean()
    if new.checked and not meant:
        _ask_about(tenant, new.checked)
    tenant.save(force_insert=True)
    if new.groups:
        tenant.groups.set(new.groups)
    credential = _store(tenant, new.checked) if new.checked else None
    return _Added(tenant, credential, _described(tenant))


def _record_added(added: _Added) -> None:
    ref = added.tenant.ref
    record(Kind.TENANT_ADDED, tenant=ref, outcome=Outcome.DONE, after=added.described)
    if added.credential:
        _record_credential(Kind.CREDENTIAL_ADDED, added.tenant, after=added.credential)


def _ask_about(tenant: Tenant, checked: CheckedToken) -> None:
    questions = [*_owner_question(tenant, checked), *_sharing_question(tenant, checked)]
    if questions:
        raise NeedsConsent(questions)


def _owner_question(tenant: Tenant, checked: CheckedToken) -> Iterable[str]:
    last = tenant.credentials.order_by("-version").first()
    if last is None or not last.lofty_user or not checked.lofty_user:
        return
    who = ("team_id", "member_user_id")
    if any(last.lofty_user.get(key) != checked.lofty_user.get(key) for key in who):
        now = checked.lofty_user.get("name") or checked.lofty_user.get("email") or "somebody else"
        yield (
            f"This token belongs to {now}; the one before belonged to"
            f" {last.owner_name or 'somebody else'}. The console would change another Sales Agent."
        )


def _sharing_question(tenant: Tenant, checked: CheckedToken) -> Iterable[str]:
    others = Credential.objects.filter(retired_at=None).exclude(tenant_id=tenant.pk)
    same = Q(fingerprint=checked.fingerprint)
    user_id = checked.lofty_user.get("member_user_id")
    if user_id is not None:
        same |= Q(
            lofty_user__member_user_id=user_id,
            lofty_user__team_id=checked.lofty_user.get("team_id"),
        )
    if others.filter(same).exists():
        yield (
            "Another tenant in this console already uses this token or another token of the same"
            " Lofty user. Both would change the same Sales Agent."
        )


def _retire(tenant: Tenant) -> Credential | None:
    old = tenant.credential
    if old is not None:
        old.retired_at, old.sealed = timezone.now(), b""
        old.save(update_fields=["retired_at", "sealed"])
    return old


def _store(tenant: Tenant, checked: CheckedToken) -> Credential:
    newest = tenant.credentials.order_by("-version").first()
    credential = Credential(
        tenant=tenant,
        scheme=checked.scheme.value,
        version=newest.version + 1 if newest else 1,
        last_four=checked.token[-4:] if len(checked.token) >= 16 else "",
        fingerprint=checked.fingerprint,
        lofty_user=checked.lofty_user,
        added_by=current_actor().name[:300],
        last_good_at=timezone.now() if checked.lofty_user else None,
    )
    if checked.budget:
        credential.budget_limit = checked.budget.limit
        credential.budget_remaining = checked.budget.remaining
        credential.budget_reset_at = checked.budget.reset_at
    credential.sealed = vault.seal(
        checked.token,
        table=Credential._meta.db_table,
        column="sealed",
        owner=credential.id,
        version=credential.version,
    )
    credential.save(force_insert=True)
    return credential


def _described(tenant: Tenant) -> dict[str, JSON]:
    return {
        "slug": tenant.slug,
        "name": tenant.name,
        "note": tenant.note,
        "manual_only": tenant.manual_only,
        "groups": sorted(tenant.groups.values_list("slug", flat=True)),
    }


def _credential_described(credential: Credential | None) -> dict[str, JSON] | None:
    if credential is None:
        return None
    return {
        "id": str(credential.id),
        "version": credential.version,
        "scheme": credential.scheme,
        "last_four": credential.last_four,
        "fingerprint": credential.fingerprint,
        "lofty_user": credential.lofty_user,
    }


def _record_credential(
    kind: Kind, tenant: Tenant, *, before: Credential | None = None, after: Credential | None = None
) -> None:
    record(
        kind,
        tenant=tenant.ref,
        subject=str(after or before),
        outcome=Outcome.DONE,
        before=_credential_described(before),
        after=_credential_described(after),
    )


def _record_test(tenant: Tenant, credential: Credential, outcome: Outcome, what: str) -> None:
    record(
        Kind.CREDENTIAL_TESTED,
        tenant=tenant.ref,
        subject=str(credential),
        outcome=outcome,
        detail={"credential": str(credential.id), "result": what},
    )


def _record_member(tenant: Tenant, user: User, before: Role | None, after: Role | None) -> None:
    kind = Kind.MEMBER_CHANGED if before and after else Kind.MEMBER_ADDED
    if after is None:
        kind = Kind.MEMBER_REMOVED
    record(
        kind,
        tenant=tenant.ref,
        subject=user.email,
        outcome=Outcome.DONE,
        before={"role": before.label} if before else None,
        after={"role": after.label} if after else None,
    )
