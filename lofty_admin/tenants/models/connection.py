"""A tenant's connection to Lofty, and what is known about it.

    Connection ---- ConnectionHealth   whether it works, by Lofty's answers
               ---- TokenRefresh       who fetches its next access token, and how that goes
               ---- RateLimit          how many calls are left

Each connection has one row of each. The parts change with every call to Lofty, the connection only
with its token. To change a part depending on the connection, lock the connection's row first.
"""

import uuid
from datetime import datetime, timedelta

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext, ngettext, override
from django.utils.translation import gettext_lazy as _

from lofty_admin.core import clocks
from lofty_admin.core.searching import FoldedField
from lofty_admin.lofty.client import Scheme
from lofty_admin.tenants.models.tenant import Tenant

STALE_AFTER = timedelta(hours=48)  # the probe runs once a day
WARN_BEFORE = timedelta(days=30)
RENEW_BEFORE = timedelta(minutes=10)
NOT_READ = "not_read"


class ConnectionKind(models.TextChoices):
    """How the console got its access to Lofty. The last two get new tokens automatically."""

    API_KEY = "api_key", _("API key")
    ACCESS_TOKEN = "oauth", _("OAuth token")
    CONNECTION = "connection", _("OAuth connection")
    CLIENT_CREDENTIALS = "client_credentials", _("API key used by the OAuth app")


RENEWING = (ConnectionKind.CONNECTION, ConnectionKind.CLIENT_CREDENTIALS)


class Health(models.TextChoices):
    """What the newest probe, or a call that shows as much, found out about a connection."""

    UNKNOWN = "unknown", _("Not checked yet")
    WORKS = "works", _("Works")
    DEAD = "dead", _("Refused by Lofty")
    WRONG_SCHEME = "wrong_scheme", _("Wrong type or revoked")
    SCOPE_MISSING = "scope_missing", _("Missing permission")
    FORBIDDEN = "forbidden", _("Not allowed")
    NO_AGENT = "no_agent", _("No Sales Agent")
    WRONG_AGENT = "wrong_agent", _("Another Sales Agent")
    AUTHORISE_AGAIN = "authorise_again", _("Reconnect needed")
    NOT_RENEWED = "not_renewed", _("Could not be renewed")
    UNREADABLE = "unreadable", _("Can't be decrypted")
    LIMITED = "limited", _("API calls used up")
    LOFTY_DOWN = "lofty_down", _("Lofty unavailable")


class Connection(models.Model):
    """A tenant's way into Lofty: its sealed secrets, and whose they are.

    One per tenant is in use; the others are retired and their secrets are erased. `version` counts
    the tenant's tokens from 1, including refreshed ones, and binds every sealed column of the row.

    `scheme` is how the token in `sealed` is sent. `sealed_refresh` is a connection's refresh token,
    `sealed_key` the API key with which the OAuth app gets tokens. `lofty_user` holds the answer of
    GET /v1.0/me when the token was stored: name, email, team_id, role, time_zone, member_user_id;
    or, under the key NOT_READ, why only that could not be read.

    `expires_at`: when a user has to act; None if unknown. `access_expires_at`: when the token in
    use expires, if the console gets the next one itself. Times are UTC.
    """

    class SchemeChoice(models.TextChoices):
        API_KEY = Scheme.API_KEY.value, _("API key")
        OAUTH = Scheme.OAUTH.value, _("OAuth token")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="connections")
    kind = models.CharField(max_length=20, choices=ConnectionKind, default=ConnectionKind.API_KEY)
    scheme = models.CharField(max_length=10, choices=SchemeChoice)
    sealed = models.BinaryField()
    sealed_refresh = models.BinaryField(default=bytes)
    sealed_key = models.BinaryField(default=bytes)
    version = models.PositiveIntegerField()
    last_four = models.CharField(max_length=4)
    fingerprint = models.CharField(max_length=100, db_index=True)
    lofty_user = models.JSONField(default=dict)
    owner_folded = FoldedField(of=("lofty_user__name", "lofty_user__email"))
    added_by = models.CharField(max_length=300)
    added_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    access_expires_at = models.DateTimeField(null=True)

    health: "ConnectionHealth"
    token_refresh: "TokenRefresh"
    rate_limit: "RateLimit"

    class Meta:
        # The name is part of what binds every sealed column, so it cannot change (core/vault.py).
        db_table = "tenants_credential"
        ordering = ["-added_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"],
                condition=models.Q(retired_at=None),
                name="one_credential_in_use_per_tenant",
            ),
            models.UniqueConstraint(fields=["tenant", "version"], name="credential_version_once"),
            models.CheckConstraint(
                condition=models.Q(retired_at=None)
                | models.Q(sealed=b"", sealed_refresh=b"", sealed_key=b""),
                name="credential_retired_is_erased",
            ),
        ]

    def __str__(self) -> str:
        with override("en"):  # the text is recorded
            return f"{self.get_kind_display()} ending in {self.last_four}"

    @property
    def owner_name(self) -> str:
        """Return the owner of this token in words."""
        known = self.lofty_user
        return str(known.get("name") or known.get("email") or "")

    @property
    def owner_not_read(self) -> str:
        """Return why Lofty did not name the token's owner; "" if it did, or was not asked."""
        return str(self.lofty_user.get(NOT_READ) or "")

    @property
    def renews_itself(self) -> bool:
        return self.kind in RENEWING

    @property
    def days_left(self) -> int | None:
        """Return whole days until `expires_at`, negative when past; None when it is unknown."""
        return None if self.expires_at is None else (self.expires_at - timezone.now()).days

    @property
    def expires_soon(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now() + WARN_BEFORE

    @property
    def is_past(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def warnings(self) -> list[str]:
        """Return what a user should look at, in plain words; empty when all is well."""
        found = []
        if self.health.status not in (Health.WORKS, Health.UNKNOWN):
            found.append(str(Health(self.health.status).label))
        if self.is_past:
            found.append(gettext("Expired"))
        elif self.expires_soon:
            found.append(_ends_in(self.days_left or 0))
        if self.health.is_stale and not (self.health.failing_since and not self.health.checked_at):
            checked = self.health.checked_at is not None
            found.append(
                gettext("Not checked for two days") if checked else gettext("Not checked yet")
            )
        return found

    def ends_within(self, span: timedelta, now: datetime) -> bool:
        """Return whether the access token, if refreshed automatically, expires within `span`."""
        ends = self.access_expires_at
        return self.renews_itself and ends is not None and ends <= now + span


def _ends_in(days: int) -> str:
    return ngettext("Expires in %(days)s day", "Expires in %(days)s days", days) % {"days": days}


class ConnectionHealth(models.Model):
    """Whether a connection works: see tenants/credentials/health.py.

    note: the reason for `status` in words, "" if it works. since: when `status` began. checked_at:
    the last probe. found_agent_id: the Sales Agent behind the token when that is not the tenant's.
    last_good_at: the last call that Lofty answered. failing_since: None unless the token itself
    fails; a time in which Lofty is down does not end it.
    """

    connection = models.OneToOneField(
        Connection, on_delete=models.CASCADE, primary_key=True, related_name="health"
    )
    status = models.CharField(max_length=20, choices=Health, default=Health.UNKNOWN)
    note = models.CharField(max_length=300, blank=True)
    since = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    found_agent_id = models.BigIntegerField(null=True)
    last_good_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    last_failure_at = models.DateTimeField(null=True)
    last_failure = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return self.get_status_display()

    @property
    def is_stale(self) -> bool:
        """Return whether `status` is too old to rely on: the daily probe has not run."""
        if self.checked_at is None:
            return True
        return not clocks.is_recent(self.checked_at, timezone.now(), STALE_AFTER)

    @property
    def is_sound(self) -> bool:
        """Return whether it may be shown as green: it works, and was checked recently."""
        return self.status == Health.WORKS and not self.is_stale and not self.failing_since


class TokenRefresh(models.Model):
    """How a connection gets its next access token: see tenants/credentials/token_refresh.py.

    refreshed_at: the last success. fence: counts the claims, so that a process that lost its claim
    cannot record anything. lease_until: while one process refreshes. not_before, failures, problem:
    the pause after failures, their number, and the last reason. authorise_again_since: Lofty
    refuses to refresh, and a user has to authorize the console again.
    """

    connection = models.OneToOneField(
        Connection, on_delete=models.CASCADE, primary_key=True, related_name="token_refresh"
    )
    refreshed_at = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True)
    authorise_again_since = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.failures} failures since {self.refreshed_at}"


class RateLimit(models.Model):
    """How many calls a connection's token has left, by the X-RateLimit headers of the last answer.

    resets_at: the end of the window. claimed_until: the end of the window in which a save needs
    what is left.
    """

    connection = models.OneToOneField(
        Connection, on_delete=models.CASCADE, primary_key=True, related_name="rate_limit"
    )
    limit = models.PositiveIntegerField(null=True)
    remaining = models.PositiveIntegerField(null=True)
    resets_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.remaining} of {self.limit} left"
