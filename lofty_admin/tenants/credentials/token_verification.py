"""Verify a token at Lofty before it is stored: find its owner and anything unexpected about it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from lofty_admin.accounts.models import User
from lofty_admin.audit.context import current_actor
from lofty_admin.audit.log.secrets import secret_fingerprint
from lofty_admin.lofty.client import LoftyClient, Me, Scheme, clean_token
from lofty_admin.lofty.errors import (
    BadToken,
    BudgetSpent,
    Forbidden,
    GrantRefused,
    LoftyError,
    NoSalesAgent,
    NotFound,
    RateLimited,
    ScopeMissing,
    Unauthorised,
)
from lofty_admin.lofty.exchange import Budget
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.oauth import read_expiry
from lofty_admin.tenants.credentials import health
from lofty_admin.tenants.credentials.config import endpoint, oauth_client
from lofty_admin.tenants.credentials.token_refresh import REFRESH_LIFE, access_end
from lofty_admin.tenants.errors import ConfirmationRequired
from lofty_admin.tenants.models import NOT_READ, Connection, ConnectionKind, Health, Tenant

_NEW_TOKEN_REFUSED = (
    "Lofty does not accept this token.",
    "Check that the kind of token is right, and copy the token again from Lofty.",
)


class OwnPassword(BadToken):
    """The pasted token is the password of the user who pasted it: browsers fill it in."""

    default_message = gettext_noop(
        "This is your password for this console, not a Lofty token. Nothing was sent or "
        "saved. Copy the token in Lofty and paste it here."
    )
    default_advice = gettext_noop("Copy the token in Lofty and paste it here.")


@dataclass(frozen=True)
class CheckedToken:
    """A new token and its owner at Lofty. `lofty_user` is empty when Lofty was not asked.

    token: the value sent to Lofty. refresh_token, customer_key: what obtains the next token,
    depending on the kind. health: the result of reading the settings. sales_agent_id: the Sales
    Agent whose settings they are, if they could be read.
    """

    kind: ConnectionKind
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
        return Scheme.API_KEY if self.kind is ConnectionKind.API_KEY else Scheme.OAUTH

    @property
    def shown(self) -> str:
        """Return the secret a user recognizes: the one that was pasted, if any."""
        return self.customer_key or self.token

    @property
    def fingerprint(self) -> str:
        return secret_fingerprint(self.shown)

    @property
    def expires_at(self) -> datetime | None:
        """Return when a user has to act. The expiry a token reports about itself is only a hint."""
        if self.kind is ConnectionKind.CONNECTION:
            # Without a refresh token, nothing replaces the access token when it expires.
            return timezone.now() + REFRESH_LIFE if self.refresh_token else self.access_expires_at
        return read_expiry(self.shown)


def check_token(kind: ConnectionKind | Scheme, pasted: str) -> CheckedToken:
    """Ask Lofty who owns this token and which Sales Agent it opens. Stores nothing.

    For an API key used by the OAuth app, fetch a first access token with it. Raises LoftyError.
    """
    kind, token = ConnectionKind(kind), _pasted_token(pasted)
    if kind is ConnectionKind.CLIENT_CREDENTIALS:
        return ask_lofty(_token_for(token))
    return ask_lofty(CheckedToken(kind, token, {}))


def unchecked_token(scheme: Scheme, pasted: str) -> CheckedToken:
    """Return a pasted token to store without asking Lofty. Raises BadToken if it cannot be one."""
    return CheckedToken(ConnectionKind(scheme), _pasted_token(pasted), {})


def _pasted_token(pasted: str) -> str:
    """Return the token without blanks. Raises BadToken, and OwnPassword for the actor's password.

    Every pasted token passes here, so no form, list, or job can send a user's password to Lofty.
    """
    token, actor = clean_token(pasted), current_actor()
    if actor.kind == "person" and actor.id.isdecimal():
        user = User.objects.filter(pk=int(actor.id)).first()
        if user is not None and user.check_password(token):
            raise OwnPassword
    return token


def ask_lofty(given: CheckedToken) -> CheckedToken:
    """Return `given` completed by Lofty's answers (GET the settings, GET /v1.0/me).

    If the settings can be read, the owner may stay unknown: see `owner_of`. Raises LoftyError.
    """
    client = LoftyClient(endpoint(), given.scheme, given.token)
    try:
        found, agent = _settings_of(client)
        owner = owner_of(client) if found == Health.WORKS else lofty_user(client.me())
    except Unauthorised as error:
        # The default message of this error is about a token that worked before.
        message, advice = _NEW_TOKEN_REFUSED
        raise type(error)(message, advice=advice, exchange=error.exchange) from None
    return replace(
        given, lofty_user=owner, health=found, sales_agent_id=agent, budget=client.budget
    )


def _settings_of(client: LoftyClient) -> tuple[Health, int | None]:
    """Return the health and, if the settings can be read, their Sales Agent's id.

    Raises LoftyError when Lofty itself has a problem.
    """
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
        ConnectionKind.CLIENT_CREDENTIALS,
        tokens.access_token,
        {},
        customer_key=customer_key,
        access_expires_at=access_end(tokens),
    )


def owner_of(client: LoftyClient) -> dict[str, JSON]:
    """Return the owner of a token that opens the settings, or why Lofty did not name one.

    Lofty may remove GET /v1.0/me, or fail there alone. Raises RateLimited and BudgetSpent.
    """
    try:
        return lofty_user(client.me())
    except (RateLimited, BudgetSpent):
        raise
    except LoftyError as error:
        return {NOT_READ: error.message}


def belongs_to(connection: Connection) -> str:
    """Describe in a sentence who owns the token, or why Lofty did not name the owner."""
    if why := connection.owner_not_read:
        return _(
            "Lofty didn't say who the token belongs to: %(why)s Everything else works. "
            "Only the name and the time zone are unknown."
        ) % {"why": why}
    return _("The token belongs to %(owner)s.") % {"owner": connection.owner_name or _("a user")}


def is_owner_known(user: Mapping[str, JSON]) -> bool:
    return bool(user) and NOT_READ not in user


def lofty_user(me: Me) -> dict[str, JSON]:
    """Return the fields of Lofty's answer that are kept; missing ones are null."""
    name = " ".join(part for part in (me.first_name, me.last_name) if part)
    return {
        "name": name or None,
        "email": me.email,
        "team_id": me.team_id,
        "role": me.role_name,
        "time_zone": me.time_zone,
        "member_user_id": me.member_user_id,
    }


def questions_about(tenant: Tenant, checked: CheckedToken) -> tuple[str, ...]:
    """Return what is unexpected about giving this tenant this token; usually empty."""
    return (
        *_owner_question(tenant, checked),
        *_agent_question(tenant, checked),
        *_sharing_question(tenant, checked),
        *_working_question(checked),
    )


def ask_about(tenant: Tenant, checked: CheckedToken) -> None:
    if questions := questions_about(tenant, checked):
        raise ConfirmationRequired(questions)


def _owner_question(tenant: Tenant, checked: CheckedToken) -> Iterable[str]:
    rows = tenant.connections.order_by("-version")
    last = next((row for row in rows if is_owner_known(row.lofty_user)), None)
    if last is None or not is_owner_known(checked.lofty_user):
        return
    who = ("team_id", "member_user_id")
    if any(last.lofty_user.get(key) != checked.lofty_user.get(key) for key in who):
        else_ = _("another user")
        now = checked.lofty_user.get("name") or checked.lofty_user.get("email") or else_
        yield _(
            "This token belongs to %(now)s. The current one belongs to %(before)s. The "
            "console would change a different Sales Agent."
        ) % {"now": now, "before": last.owner_name or else_}


def _agent_question(tenant: Tenant, checked: CheckedToken) -> Iterable[str]:
    known, found = tenant.sales_agent_id, checked.sales_agent_id
    if known is not None and found is not None and known != found:
        yield _(
            "This token opens Sales Agent %(found)s, but this tenant uses %(known)s. From "
            "now on, %(found)s would be shown and changed here."
        ) % {"found": found, "known": known}


def _sharing_question(tenant: Tenant, checked: CheckedToken) -> Iterable[str]:
    others = Connection.objects.filter(retired_at=None).exclude(tenant_id=tenant.pk)
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
            "Another tenant already uses this token, or another token of the same Lofty "
            "user. Both would change the same Sales Agent."
        )


def _working_question(checked: CheckedToken) -> Iterable[str]:
    if checked.health in (Health.SCOPE_MISSING, Health.FORBIDDEN):
        yield _(
            "Lofty accepts this token but doesn't let it read Sales Agent settings, so "
            "nothing could be shown or changed here."
        )
    elif checked.health == Health.NO_AGENT:
        yield _(
            "The Lofty user of this token has no Sales Agent. Until there is one, nothing "
            "can be shown or changed here."
        )
