"""Connect a tenant through Lofty's authorization page: redirect, return with a code, confirm.

    begin -> AUTHORISING -> (Lofty sends the browser back) -> EXCHANGING -> CONFIRMING -> confirm
                  |                                                |             |
                  +---- denied, canceled, ten minutes over --------+-------------+--> end

Lofty documents no `state` parameter, so nothing in its answer identifies the tenant or user. The
authorization is bound to one browser session instead, one at a time and for ten minutes, and
nothing is attached to a tenant before a user has seen whose account it is. Until then the tokens
are sealed in the pending row; the session holds only its id.
"""

from datetime import timedelta
from urllib.parse import urlencode

from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from lofty_admin.accounts.models import User
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.core import clocks
from lofty_admin.core.vault import VaultError
from lofty_admin.lofty.errors import LoftyError
from lofty_admin.lofty.oauth import Tokens
from lofty_admin.tenants.credentials.config import oauth_app, oauth_client
from lofty_admin.tenants.credentials.secrets import open_from, seal_into
from lofty_admin.tenants.credentials.token_refresh import access_end
from lofty_admin.tenants.credentials.token_store import set_connection
from lofty_admin.tenants.credentials.token_verification import (
    CheckedToken,
    ask_lofty,
    questions_about,
)
from lofty_admin.tenants.errors import ChangeNotAllowed, archived
from lofty_admin.tenants.models import (
    LONGEST_CONNECTING,
    Connection,
    ConnectionKind,
    Health,
    PendingConnection,
    Tenant,
)

LIFE = timedelta(minutes=10)
SESSION_KEY = "lofty_connection"
Stage = PendingConnection.Stage
_LEARNT = (
    "sealed",
    "sealed_refresh",
    "access_expires_at",
    "lofty_user",
    "sales_agent_id",
    "health",
    "stage",
)


class AuthorizationUnusable(ChangeNotAllowed):
    """The tokens from Lofty cannot be decrypted. The text is English, as it is also recorded."""


def pending_of(session: SessionBase, user: User) -> PendingConnection | None:
    """Return this session's pending connection if it is the user's and has not expired."""
    pk = session.get(SESSION_KEY)
    if pk is None:
        return None
    pending = PendingConnection.objects.select_related("tenant").filter(pk=pk, user=user).first()
    return None if pending is None or pending.is_over else pending


def begin(session: SessionBase, tenant: Tenant, user: User, redirect_uri: str) -> PendingConnection:
    """Bind a new connection of this tenant to this browser session.

    Raises ChangeNotAllowed without an OAuth app, for an archived tenant, and while another
    connection is pending.
    """
    if oauth_app() is None:
        raise ChangeNotAllowed(_("This console is not registered as an OAuth app in Lofty."))
    if pending_of(session, user):
        raise ChangeNotAllowed(_("This browser is already connecting with Lofty."))
    with transaction.atomic():
        if Tenant.objects.select_for_update().get(pk=tenant.pk).is_archived:
            raise ChangeNotAllowed(archived(tenant))
        pending = PendingConnection.objects.create(
            tenant=tenant, user=user, redirect_uri=redirect_uri, ends_at=timezone.now() + LIFE
        )
        record(Kind.CONNECTION_BEGUN, tenant=tenant.ref, outcome=Outcome.DONE)
    session[SESSION_KEY] = str(pending.pk)
    return pending


def authorise_url() -> str:
    """Return the address of Lofty's page where its user authorizes this console."""
    app = oauth_app()
    return f"{app.authorize_url}?{urlencode({'clientId': app.client_id})}" if app else ""


def exchange(pending: PendingConnection, code: str) -> PendingConnection:
    """Exchange the code, find out whose account it is, and keep the tokens sealed until `confirm`.

    Raises ChangeNotAllowed if an answer from Lofty was already used for it or it was canceled, and
    LoftyError. After an error nothing of the pending connection is left.
    """
    begun = PendingConnection.objects.filter(pk=pending.pk, stage=Stage.AUTHORISING)
    if not begun.update(stage=Stage.EXCHANGING):
        raise ChangeNotAllowed(_("Lofty's response was already used."))
    try:
        tokens = oauth_client().exchange_code(code, pending.redirect_uri)
        found = ask_lofty(_checked(tokens))
    except LoftyError as error:
        end(pending, error.message)
        raise
    _keep(pending, found)
    return pending


def _checked(tokens: Tokens) -> CheckedToken:
    return CheckedToken(
        ConnectionKind.CONNECTION,
        tokens.access_token,
        {},
        refresh_token=tokens.refresh_token or "",
        access_expires_at=access_end(tokens),
    )


def _keep(pending: PendingConnection, found: CheckedToken) -> None:
    """Store the checked tokens. Raises ChangeNotAllowed if it was canceled or expired meanwhile."""
    seal_into(pending, "sealed", found.token)
    seal_into(pending, "sealed_refresh", found.refresh_token)
    pending.access_expires_at = found.access_expires_at
    pending.lofty_user = found.lofty_user
    pending.sales_agent_id, pending.health = found.sales_agent_id, found.health
    pending.stage = Stage.CONFIRMING
    still = PendingConnection.objects.filter(pk=pending.pk, stage=Stage.EXCHANGING)
    if not still.update(**{name: getattr(pending, name) for name in _LEARNT}):
        raise ChangeNotAllowed(_("Connecting was canceled before Lofty responded."))


def checked_of(pending: PendingConnection) -> CheckedToken:
    """Return the tokens to confirm. Raises AuthorizationUnusable if they don't decrypt."""
    try:
        access, refresh = open_from(pending, "sealed"), _refresh_token(pending)
    except VaultError as error:
        reason = str(error)
    else:
        return CheckedToken(
            ConnectionKind.CONNECTION,
            access,
            pending.lofty_user,
            health=Health(pending.health),
            sales_agent_id=pending.sales_agent_id,
            refresh_token=refresh,
            access_expires_at=pending.access_expires_at,
        )
    raise AuthorizationUnusable(f"Lofty's response can't be used. {reason} Start again.")


def _refresh_token(pending: PendingConnection) -> str:
    return open_from(pending, "sealed_refresh") if pending.sealed_refresh else ""


def questions(pending: PendingConnection) -> tuple[str, ...]:
    """Return what is unexpected about this account for this tenant."""
    return questions_about(pending.tenant, checked_of(pending))


def confirm(pending: PendingConnection, *, meant: bool) -> Connection:
    """Attach the connection to its tenant and replace the current connection.

    Raises ChangeNotAllowed if it no longer awaits confirmation, and ConfirmationRequired when there
    are `questions` and the change is not confirmed by `meant`.
    """
    with transaction.atomic():
        waiting = PendingConnection.objects.select_for_update(of=("self",))
        row = waiting.filter(pk=pending.pk, stage=Stage.CONFIRMING).first()
        if row is None or row.is_over:
            raise ChangeNotAllowed(_("This connection is no longer waiting to be confirmed."))
        found = checked_of(row)
        row.delete()
        return set_connection(pending.tenant, found, meant=meant)


def end(pending: PendingConnection, why: str) -> None:
    """Delete the pending connection and its tokens, and record the failure. Safe to call twice."""
    with transaction.atomic():
        gone, _rows = PendingConnection.objects.filter(pk=pending.pk).delete()
        if gone:
            record(
                Kind.CONNECTION_ENDED,
                tenant=pending.tenant.ref,
                outcome=Outcome.REFUSED,
                detail={"because": why},
            )


def sweep() -> int:
    """End the pending connections that have expired. Returns how many."""
    is_over = clocks.is_over("ends_at", timezone.now(), LONGEST_CONNECTING)
    over = PendingConnection.objects.select_related("tenant").filter(is_over)
    for pending in over:
        end(pending, "Ten minutes had passed.")
    return len(over)
