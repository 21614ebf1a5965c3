"""What can be done to a tenant. Each change and its record stand or fall together.

A pasted token is tried at Lofty (`check_token`) before the transaction that stores it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

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
from lofty_admin.lofty.errors import (
    Forbidden,
    GrantRefused,
    LoftyError,
    NoSalesAgent,
    NotFound,
    ScopeMissing,
    Unauthorised,
)
from lofty_admin.lofty.exchange import Budget
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.oauth import read_expiry
from lofty_admin.tenants import health, probing
from lofty_admin.tenants.calls import NoCredential, client_for, endpoint, require_calls
from lofty_admin.tenants.models import (
    Credential,
    CredentialKind,
    Health,
    Membership,
    Role,
    Tenant,
)
from lofty_admin.tenants.reach import oauth_client
from lofty_admin.tenants.renewal import REFRESH_LIFE, access_end, marks_of
from lofty_admin.tenants.sealing import seal_into

_NEW_TOKEN_REFUSED = (
    "Lofty does not accept this token.",
    "Check that the kind of token is right, and copy the token again from Lofty.",
)
CALLS_OF_A_TEST = 2  # whose it is, and the settings


class NotDone(Exception):
    """A change that is not allowed as things are. Nothing was changed; the text may be shown."""


class NeedsConsent(NotDone):
    """A change that is allowed, but only if it is meant. `questions` says what is odd about it."""

    def __init__(self, questions: Iterable[str]) -> None:
        self.questions = tuple(questions)
        super().__init__(" ".join(self.questions))


@dataclass(frozen=True)
class CheckedToken:
    """A new credential and whose it is. `lofty_user` is empty when it was not tried at Lofty.

    token: what is sent to Lofty. refresh_token, customer_key: what gets the next one, by kind.
    health: what reading the settings told; sales_agent_id: whose they are, if they could be read.
    """

    kind: CredentialKind
    token: str = field(repr=False)
    lofty_user: dict[str, JSON]
    budget: Budget | None = None
    health: Health = Health.UNKNOWN
    sales_agent_id: int | None = None
    refresh_token: str = field(default="", repr=False)
    customer_key: str = field(default="", repr=False)
    access_expires_at: datetime | None = None

    @property
    def scheme(self) -> Scheme:
        return Scheme.API_KEY if self.kind is CredentialKind.API_KEY else Scheme.OAUTH

    @property
    def shown(self) -> str:
        """The secret a person knows it by: the one that was pasted, if one was."""
        return self.customer_key or self.token

    @property
    def fingerprint(self) -> str:
        return secret_fingerprint(self.shown)

    @property
    def expires_at(self) -> datetime | None:
        """When a person has to do something. What a token says of itself is a hint, no more."""
        if self.kind is CredentialKind.CONNECTION:
            # Without a refresh token nothing follows the access token.
            return timezone.now() + REFRESH_LIFE if self.refresh_token else self.access_expires_at
        return read_expiry(self.shown)


def check_token(kind: CredentialKind | Scheme, pasted: str) -> CheckedToken:
    """Ask Lofty whose token this is and for which Sales Agent. Raises LoftyError; stores nothing.

    Of an API key used by the OAuth app, a first access token is got with it.
    """
    kind, token = CredentialKind(kind), clean_token(pasted)
    if kind is CredentialKind.CLIENT_CREDENTIALS:
        return ask_lofty(_token_for(token))
    return ask_lofty(CheckedToken(kind, token, {}))


def unchecked_token(scheme: Scheme, pasted: str) -> CheckedToken:
    """A pasted token to store without asking Lofty. Raises BadToken if it cannot be one."""
    return CheckedToken(CredentialKind(scheme), clean_token(pasted), {})


def ask_lofty(given: CheckedToken) -> CheckedToken:
    """The same with what Lofty says of it (GET /v1.0/me, GET the settings). Raises LoftyError."""
    client = LoftyClient(endpoint(), given.scheme, given.token)
    try:
        owner = lofty_user(client.me())
        found, agent = _settings_of(client)
    except Unauthorised as error:
        # The error's own words are about a token that worked before.
        message, advice = _NEW_TOKEN_REFUSED
        raise type(error)(message, advice=advice, exchange=error.exchange) from None
    return replace(
        given, lofty_user=owner, health=found, sales_agent_id=agent, budget=client.budget
    )


def _settings_of(client: LoftyClient) -> tuple[Health, int | None]:
    """Whether the settings can be read, and whose they are. Trouble of Lofty's is raised."""
    try:
        return Health.WORKS, client.get_settings().id
    except (ScopeMissing, Forbidden, NoSalesAgent, NotFound) as error:
        return health.health_of(error), None


def _token_for(customer_key: str) -> CheckedToken:
    try:
        tokens = oauth_client().client_credentials(customer_key)
    except GrantRefused as error:
        message, advice = _NEW_TOKEN_REFUSED
        raise GrantRefused(message, advice=advice, exchange=error.exchange) from None
    return CheckedToken(
        CredentialKind.CLIENT_CREDENTIALS,
        tokens.access_token,
        {},
        customer_key=customer_key,
        access_expires_at=access_end(tokens),
    )


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
    tenant = Tenant(slug=slug, name=name.strip(), note=note.strip())
    tenant.full_clean()
    with transaction.atomic():
        if checked and not meant:
            _ask_about(tenant, checked)
        tenant.save(force_insert=True)
        credential = _store(tenant, checked) if checked else None
        record(Kind.TENANT_ADDED, tenant=tenant.ref, outcome=Outcome.DONE, after=_described(tenant))
        if credential:
            _record_credential(Kind.CREDENTIAL_ADDED, tenant, after=credential)
    return tenant


def change_tenant(tenant: Tenant, *, name: str, note: str) -> bool:
    """Change name and note; False, and no record, when both are as they were already."""
    with transaction.atomic():
        row = _locked(tenant)
        before = _described(row)
        row.name, row.note = name.strip(), note.strip()
        row.full_clean()
        if _described(row) == before:
            return False
        row.save(update_fields=["name", "note"])
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

    Raises NotDone for an archived tenant, NeedsConsent when `questions_about` has any and the
    change is not said to be `meant`.
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
    """Try the stored token at Lofty: whose it is, for which Sales Agent, and how it went.

    Raises LoftyError when it does not work, NoCredential when there is none to try, and WrongAgent,
    which is one, when it opens another Sales Agent than the tenant's.
    """
    credential = Credential.objects.filter(tenant=tenant, retired_at=None).first()
    if credential is None:
        raise NoCredential(f"{tenant.name} has no Lofty token yet.")
    require_calls(tenant, CALLS_OF_A_TEST)
    try:
        client = client_for(tenant, credential=credential)
        owner = lofty_user(client.me())
        Credential.objects.filter(pk=credential.pk).update(lofty_user=owner)
        probing.look(credential, client)
    except LoftyError as error:
        health.note_error(tenant, credential, error)
        _record_test(tenant, credential, Outcome.REFUSED, error.message)
        raise
    except NoCredential as error:
        probing.checked(credential)
        _record_test(tenant, credential, Outcome.REFUSED, str(error))
        raise
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


def questions_about(tenant: Tenant, checked: CheckedToken) -> tuple[str, ...]:
    """What is odd about giving this tenant this token; nothing, mostly."""
    return (
        *_owner_question(tenant, checked),
        *_agent_question(tenant, checked),
        *_sharing_question(tenant, checked),
        *_working_question(checked),
    )


def _ask_about(tenant: Tenant, checked: CheckedToken) -> None:
    if questions := questions_about(tenant, checked):
        raise NeedsConsent(questions)


def _owner_question(tenant: Tenant, checked: CheckedToken) -> Iterable[str]:
    known = (row for row in tenant.credentials.order_by("-version") if row.lofty_user)
    last = next(known, None)
    if last is None or not checked.lofty_user:
        return
    who = ("team_id", "member_user_id")
    if any(last.lofty_user.get(key) != checked.lofty_user.get(key) for key in who):
        now = checked.lofty_user.get("name") or checked.lofty_user.get("email") or "somebody else"
        yield (
            f"This token belongs to {now}; the one before belonged to"
            f" {last.owner_name or 'somebody else'}. The console would change another Sales Agent."
        )


def _agent_question(tenant: Tenant, checked: CheckedToken) -> Iterable[str]:
    known, found = tenant.sales_agent_id, checked.sales_agent_id
    if known is not None and found is not None and known != found:
        yield (
            f"This token opens the Sales Agent {found}; this tenant's is {known}. From now on the"
            " other one would be shown and changed here."
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
    if checked.sales_agent_id is not None:
        same |= Q(tenant__sales_agent_id=checked.sales_agent_id)
    if others.filter(same).exists():
        yield (
            "Another tenant in this console already uses this token or another token of the same"
            " Lofty user. Both would change the same Sales Agent."
        )


def _working_question(checked: CheckedToken) -> Iterable[str]:
    if checked.health in (Health.SCOPE_MISSING, Health.FORBIDDEN):
        yield (
            "Lofty knows this token but does not let it read the Sales Agent settings. With it"
            " nothing could be shown or changed here."
        )
    elif checked.health == Health.NO_AGENT:
        yield (
            "This token's user has no Sales Agent in Lofty. Until there is one, nothing can be"
            " shown or changed here."
        )


def _retire(tenant: Tenant) -> Credential | None:
    old = tenant.credential
    if old is not None:
        old.retired_at = timezone.now()
        old.sealed = old.sealed_refresh = old.sealed_key = b""
        old.save(update_fields=["retired_at", "sealed", "sealed_refresh", "sealed_key"])
    return old


def _store(tenant: Tenant, checked: CheckedToken) -> Credential:
    credential = _unsealed(tenant, checked)
    secrets = {
        "sealed": checked.token,
        "sealed_refresh": checked.refresh_token,
        "sealed_key": checked.customer_key,
    }
    for column, secret in secrets.items():
        seal_into(credential, column, secret)
    credential.save(force_insert=True)
    if checked.sales_agent_id is not None:
        tenant.sales_agent_id = checked.sales_agent_id
        tenant.save(update_fields=["sales_agent_id"])
    return credential


def _unsealed(tenant: Tenant, checked: CheckedToken) -> Credential:
    newest = tenant.credentials.order_by("-version").first()
    last_four, fingerprint = marks_of(checked.shown)
    asked_at = timezone.now() if checked.lofty_user else None
    credential = Credential(
        tenant=tenant,
        kind=checked.kind,
        scheme=checked.scheme.value,
        version=newest.version + 1 if newest else 1,
        last_four=last_four,
        fingerprint=fingerprint,
        lofty_user=checked.lofty_user,
        added_by=current_actor().name[:300],
        expires_at=checked.expires_at,
        access_expires_at=checked.access_expires_at,
        health=checked.health,
        health_note=health.meaning_of(checked.health)[:300],
        health_since=asked_at,
        checked_at=asked_at,
        last_good_at=asked_at,
    )
    if checked.budget:
        credential.budget_limit = checked.budget.limit
        credential.budget_remaining = checked.budget.remaining
        credential.budget_reset_at = checked.budget.reset_at
    return credential


def _described(tenant: Tenant) -> dict[str, JSON]:
    return {"slug": tenant.slug, "name": tenant.name, "note": tenant.note}


def _credential_described(credential: Credential | None) -> dict[str, JSON] | None:
    if credential is None:
        return None
    return {
        "id": str(credential.id),
        "version": credential.version,
        "kind": credential.kind,
        "scheme": credential.scheme,
        "last_four": credential.last_four,
        "fingerprint": credential.fingerprint,
        "lofty_user": credential.lofty_user,
        "sales_agent_id": credential.tenant.sales_agent_id,
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
