"""What can be done to a tenant. Each change and its record stand or fall together.

A pasted token is tried at Lofty (`check_token`) before the transaction that stores it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from lofty_admin.accounts.models import User
from lofty_admin.audit.context import current_actor, is_acting
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
    Grant,
    Group,
    Health,
    Membership,
    Role,
    Tenant,
)
from lofty_admin.tenants.reach import oauth_client
from lofty_admin.tenants.renewal import REFRESH_LIFE, access_end, marks_of
from lofty_admin.tenants.sealing import seal_into
from lofty_admin.tenants.standings import people_of

DENIED = "Denied"  # in the record
_NEW_TOKEN_REFUSED = (
    "Lofty does not accept this token.",
    "Check that the kind of token is right, and copy the token again from Lofty.",
)
CALLS_OF_A_TEST = 2  # whose it is, and the settings


class NotDone(Exception):
    """A change that is not allowed as things are. Nothing was changed; the text may be shown, and
    is in the language of the page that asked: what the record needs to say is said there."""


class NeedsConsent(NotDone):
    """A change that is allowed, but only if it is meant. `questions` says what is odd about it."""

    def __init__(self, questions: Iterable[str]) -> None:
        self.questions = tuple(questions)
        super().__init__(" ".join(self.questions))


class NotAdded(NotDone):
    """One of several tenants was refused, so none was added; `place` says which, from 0.

    may_be_meant: whether it can be added by itself, by who says that its odd token is meant.
    """

    def __init__(self, place: int, words: str, *, may_be_meant: bool = False) -> None:
        self.place, self.may_be_meant = place, may_be_meant
        super().__init__(words)


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
            raise NotDone(_("%(name)s is not archived.") % {"name": row.name})
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
            raise NotDone(_("%(name)s has no token to remove.") % {"name": row.name})
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


def grant(tenant: Tenant, user: User, role: Role, *, over_denial: bool = False) -> Membership:
    """Give `user` this role in the tenant, whether or not they had another one.

    Raises NotDone for an archived tenant, a deactivated person, the role they have already, for
    lowering the last manager, for giving oneself more, and for somebody who is denied this tenant,
    unless a superuser says that the denial ends (`over_denial`).
    """
    with transaction.atomic():
        row = _locked(tenant)
        if not user.is_active:
            raise NotDone(deactivated(user))
        held = row.memberships.filter(user=user).first()
        if held and held.role == role:
            words = {"person": user, "role": role.label.lower()}
            raise NotDone(_("%(person)s is %(role)s already.") % words)
        if held is None or held.role < role:
            refuse_oneself(user)
        if held and held.role == Role.MANAGER:
            _keep_one_manager(row, user)
        before = _end_denial(row, user, over_denial) or level(held)
        membership, _new = Membership.objects.update_or_create(
            user=user, tenant=row, defaults={"role": role}
        )
        record_right(user, before, level(membership), tenant=row)
    return membership


def remove_member(membership: Membership) -> None:
    """Take away a person's access. Raises NotDone for an archived tenant and the last manager."""
    with transaction.atomic():
        row = _locked(membership.tenant)
        held = row.memberships.select_related("user").filter(pk=membership.pk).first()
        if held is None:
            raise NotDone(_("This person has no access any more."))
        if held.role == Role.MANAGER:
            _keep_one_manager(row, held.user)
        held.delete()
        record_right(held.user, level(held), None, tenant=row)


def deny(tenant: Tenant, user: User) -> None:
    """Keep `user` out of the tenant, whatever else they may; a role in this tenant is gone.

    Raises NotDone for oneself, an archived tenant, and somebody who is denied it already.
    """
    with transaction.atomic():
        row = _locked(tenant)
        refuse_oneself(user)
        held = row.memberships.filter(user=user).first()
        _row, is_new = Grant.objects.get_or_create(user=user, tenant=row)
        if not is_new:
            words = {"person": user, "place": row.name}
            raise NotDone(_("%(person)s is denied %(place)s already.") % words)
        row.memberships.filter(user=user).delete()
        record_right(user, level(held), DENIED, tenant=row)


def lift_denial(tenant: Tenant, user: User) -> None:
    """Undo `deny`, without giving a role. Raises NotDone when there is no denial, and as `deny`."""
    with transaction.atomic():
        row = _locked(tenant)
        refuse_oneself(user)
        if _end_denial(row, user, over_denial=True) is None:
            words = {"person": user, "place": row.name}
            raise NotDone(_("%(person)s is not denied %(place)s any more.") % words)
        record_right(user, DENIED, None, tenant=row)


def level(held: Membership | Grant | None) -> str | None:
    """What somebody holds, as the record says it: a role's name, "Denied", or None for nothing."""
    if held is None:
        return None
    return DENIED if held.role is None else Role(held.role).name.capitalize()


def refuse_oneself(user: User) -> None:
    """Raises NotDone if `user` is the one who acts: nobody gives rights to themselves."""
    if is_acting(user):
        raise NotDone(_("You cannot change your own rights. Ask somebody else who may."))


def record_right(
    user: User,
    before: str | None,
    after: str | None,
    *,
    tenant: Tenant | None = None,
    scope: str | None = None,
) -> None:
    """Record that a right of `user` went from `before` to `after`, both levels (see `level`);
    `scope` says in words what it is for, if not for one tenant."""
    place: dict[str, JSON] = {"for": scope} if scope else {}
    record(
        _kind_of_change(before, after),
        tenant=tenant.ref if tenant else None,
        subject=user.email,
        outcome=Outcome.DONE,
        before={"role": before, **place} if before else None,
        after={"role": after, **place} if after else None,
    )


def deactivated(user: User) -> str:
    """Why somebody cannot be given anything."""
    return _("%(person)s is deactivated and cannot be given access.") % {"person": user}


def archived(tenant: Tenant) -> str:
    """Why nothing of a tenant can be changed."""
    words = _("%(name)s is archived and cannot be changed. Restore it first.")
    return words % {"name": tenant.name}


def _locked(tenant: Tenant) -> Tenant:
    row = Tenant.objects.select_for_update().get(pk=tenant.pk)
    if row.is_archived:
        raise NotDone(archived(row))
    return row


def _keep_one_manager(tenant: Tenant, leaving: User) -> None:
    managers = {one.user for one in people_of(tenant) if one.role == Role.MANAGER}
    if not managers - {leaving}:
        words = _("%(person)s is the last manager of %(place)s. Make another one first.")
        raise NotDone(words % {"person": leaving, "place": tenant.name})


def _insert_or_say(place: int, new: NewTenant) -> _Added:
    try:
        return _insert(new)
    except ValidationError as error:
        words = " ".join(error.messages)
    except NeedsConsent as error:
        raise NotAdded(place, str(error), may_be_meant=True) from None
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


def _end_denial(tenant: Tenant, user: User, over_denial: bool) -> str | None:
    denial = Grant.objects.filter(user=user, tenant=tenant)
    if denial and not over_denial:
        words = _("A superuser denied %(person)s this tenant. Only a superuser can change that.")
        raise NotDone(words % {"person": user})
    return DENIED if denial.delete()[0] else None


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
        else_ = _("somebody else")
        now = checked.lofty_user.get("name") or checked.lofty_user.get("email") or else_
        yield _(
            "This token belongs to %(now)s; the one before belonged to %(before)s. The console"
            " would change another Sales Agent."
        ) % {"now": now, "before": last.owner_name or else_}


def _agent_question(tenant: Tenant, checked: CheckedToken) -> Iterable[str]:
    known, found = tenant.sales_agent_id, checked.sales_agent_id
    if known is not None and found is not None and known != found:
        yield _(
            "This token opens the Sales Agent %(found)s; this tenant's is %(known)s. From now on"
            " the other one would be shown and changed here."
        ) % {"found": found, "known": known}


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
        yield _(
            "Another tenant in this console already uses this token or another token of the same"
            " Lofty user. Both would change the same Sales Agent."
        )


def _working_question(checked: CheckedToken) -> Iterable[str]:
    if checked.health in (Health.SCOPE_MISSING, Health.FORBIDDEN):
        yield _(
            "Lofty knows this token but does not let it read the Sales Agent settings. With it"
            " nothing could be shown or changed here."
        )
    elif checked.health == Health.NO_AGENT:
        yield _(
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
    asked_at = None if checked.health == Health.UNKNOWN else timezone.now()
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
        last_good_at=asked_at if checked.health == Health.WORKS else None,
    )
    if checked.budget:
        credential.budget_limit = checked.budget.limit
        credential.budget_remaining = checked.budget.remaining
        credential.budget_reset_at = checked.budget.reset_at
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


def _kind_of_change(before: str | None, after: str | None) -> Kind:
    if after == DENIED:
        return Kind.ACCESS_DENIED
    if after is None:
        return Kind.DENIAL_LIFTED if before == DENIED else Kind.MEMBER_REMOVED
    return Kind.MEMBER_CHANGED if before else Kind.MEMBER_ADDED
