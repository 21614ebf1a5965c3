"""Tenants, their Lofty connections, and the roles of users in them."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext, ngettext, override
from django.utils.translation import gettext_lazy as _

from lofty_admin.audit.log.record import TenantRef
from lofty_admin.core import clocks
from lofty_admin.core.searching import FoldedField
from lofty_admin.lofty.client import Scheme

SLUG = r"[a-z0-9]+(?:-[a-z0-9]+)*"
RESERVED_SLUGS = frozenset({"add", "new", "all"})
slug_validator = RegexValidator(
    rf"\A{SLUG}\Z", _("Use lowercase letters a-z, digits, and single hyphens between them.")
)


class Tenant(models.Model):
    """A customer of ours: one Lofty user and that user's Sales Agent settings. Never deleted.

    manual_only: its settings are only changed by a user, one tenant at a time; changes of many
    tenants at once must leave it alone.
    """

    class Status(models.TextChoices):
        ACTIVE = "active", _("Active")
        ARCHIVED = "archived", _("Archived")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.CharField(
        _("short name"),
        max_length=50,
        unique=True,
        error_messages={"unique": _("Another tenant already has this short name.")},
        validators=[slug_validator],
    )
    name = models.CharField(max_length=120)
    folded = FoldedField(of=("name",))
    note = models.TextField(blank=True, max_length=2000)
    note_folded = FoldedField(of=("note",))
    manual_only = models.BooleanField(default=False)
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    sales_agent_id = models.BigIntegerField(null=True, editable=False)  # set at the first read

    connections: "models.Manager[Connection]"
    memberships: "models.Manager[Membership]"

    class Meta:
        ordering = ["folded", "slug"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=["active", "archived"]), name="tenant_status_known"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def ref(self) -> TenantRef:
        return TenantRef(id=self.id, slug=self.slug, name=self.name)

    @property
    def is_archived(self) -> bool:
        return self.status == self.Status.ARCHIVED

    @property
    def connection(self) -> "Connection | None":
        """Return the connection in use. Reads all of `connections`, so that a prefetch works."""
        return next((row for row in self.connections.all() if row.retired_at is None), None)

    @property
    def connection_state(self) -> "ConnectionState":
        connection = self.connection
        return connection.state if connection else ConnectionState.NONE


class Group(models.Model):
    """A named set of tenants, such as a plan or a region. A tenant may be in several."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.CharField(
        _("short name"),
        max_length=50,
        unique=True,
        error_messages={"unique": _("Another group already has this short name.")},
        validators=[slug_validator],
    )
    name = models.CharField(max_length=120)
    folded = FoldedField(of=("name",))
    tenants = models.ManyToManyField(Tenant, related_name="groups", blank=True)

    class Meta:
        ordering = ["folded", "slug"]
        verbose_name = _("tenant group")

    def __str__(self) -> str:
        return self.name


class ConnectionState(models.TextChoices):
    WORKS = "works", _("Works")
    FAILING = "failing", _("Failing")
    UNUSED = "unused", _("Not used yet")
    NONE = "none", _("No token")


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


STALE_AFTER = timedelta(hours=48)  # the probe runs once a day
WARN_BEFORE = timedelta(days=30)
RENEW_BEFORE = timedelta(minutes=10)


NOT_READ = "not_read"
LONGEST_CONNECTING = timedelta(hours=1)  # far longer than a connection can await confirmation


class Connection(models.Model):
    """A tenant's access to Lofty: sealed secrets, and what is known of them.

    One per tenant is in use; the others are retired and their secrets are erased. `version` counts
    the tenant's tokens from 1, including refreshed ones, and binds every sealed column of the row.

    `scheme` is how the token in `sealed` is sent. `sealed_refresh` is a connection's refresh token,
    `sealed_key` the API key with which the OAuth app gets tokens. `lofty_user` holds the answer of
    GET /v1.0/me when the token was stored: name, email, team_id, role, time_zone, member_user_id;
    or, under the key NOT_READ, why only that could not be read. `budget_*` are the X-RateLimit
    headers of the newest answer; `budget_claimed_until` is the end of the window in which a save
    needs what is left. Times are UTC.

    `found_agent_id`: the Sales Agent behind it when that is not the tenant's. `expires_at`: when a
    user has to act; None if unknown. `access_expires_at`: when the token in use expires, if the
    console gets the next one itself. `renewal_*`: see token_refresh.py.
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
    renewed_at = models.DateTimeField(null=True)
    renewal_fence = models.PositiveIntegerField(default=0)
    renewal_lease_until = models.DateTimeField(null=True)
    renewal_not_before = models.DateTimeField(null=True)
    renewal_failures = models.PositiveIntegerField(default=0)
    renewal_problem = models.CharField(max_length=300, blank=True)
    authorise_again_since = models.DateTimeField(null=True)
    health = models.CharField(max_length=20, choices=Health, default=Health.UNKNOWN)
    health_note = models.CharField(max_length=300, blank=True)
    health_since = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    found_agent_id = models.BigIntegerField(null=True)
    last_good_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    last_failure_at = models.DateTimeField(null=True)
    last_failure = models.CharField(max_length=300, blank=True)
    budget_limit = models.PositiveIntegerField(null=True)
    budget_remaining = models.PositiveIntegerField(null=True)
    budget_reset_at = models.DateTimeField(null=True)
    budget_claimed_until = models.DateTimeField(null=True)

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
    def state(self) -> "ConnectionState":
        if self.failing_since:
            return ConnectionState.FAILING
        return ConnectionState.WORKS if self.last_good_at else ConnectionState.UNUSED

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
    def is_stale(self) -> bool:
        """Return whether `health` is too old to rely on: the daily probe has not run."""
        if self.checked_at is None:
            return True
        return not clocks.is_recent(self.checked_at, timezone.now(), STALE_AFTER)

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
    def is_sound(self) -> bool:
        """Return whether it may be shown as green: it works, and was checked recently."""
        return self.health == Health.WORKS and not self.is_stale and not self.failing_since

    @property
    def warnings(self) -> list[str]:
        """Return what a user should look at, in plain words; empty when all is well."""
        found = []
        if self.health not in (Health.WORKS, Health.UNKNOWN):
            found.append(str(Health(self.health).label))
        if self.is_past:
            found.append(gettext("Expired"))
        elif self.expires_soon:
            found.append(_ends_in(self.days_left or 0))
        if self.is_stale and not (self.failing_since and self.checked_at is None):
            checked = self.checked_at is not None
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


class PendingConnection(models.Model):
    """An OAuth authorization in progress, bound to one browser session: see oauth_flow.py.

    AUTHORISING until Lofty sends the browser back, EXCHANGING while its code is used, CONFIRMING
    until a user says whose account this is. Deleted when it ends, for any reason.
    """

    class Stage(models.TextChoices):
        AUTHORISING = "authorising", "At Lofty"
        EXCHANGING = "exchanging", "Asking Lofty"
        CONFIRMING = "confirming", "To be confirmed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    stage = models.CharField(max_length=12, choices=Stage, default=Stage.AUTHORISING)
    began_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField()
    redirect_uri = models.CharField(max_length=500)
    sealed = models.BinaryField(default=bytes)
    sealed_refresh = models.BinaryField(default=bytes)
    access_expires_at = models.DateTimeField(null=True)
    lofty_user = models.JSONField(default=dict)
    sales_agent_id = models.BigIntegerField(null=True)
    health = models.CharField(max_length=20, choices=Health, default=Health.UNKNOWN)
    version = 1  # its secrets are sealed once and never changed

    def __str__(self) -> str:
        return f"{self.tenant}: {self.get_stage_display()}"

    @property
    def is_over(self) -> bool:
        return not clocks.is_held(self.ends_at, timezone.now(), LONGEST_CONNECTING)


class Role(models.IntegerChoices):
    """Each role includes the permissions of the ones before it.

    `label` is for pages, in their language; the audit record has the `name`.
    """

    VIEWER = 10, _("Viewer")
    EDITOR = 20, _("Editor")
    MANAGER = 30, _("Manager")


class Membership(models.Model):
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="memberships")
    role = models.PositiveSmallIntegerField(choices=Role)
    added_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-role", "user__folded"]
        constraints = [
            models.UniqueConstraint(fields=["user", "tenant"], name="one_role_per_person"),
            models.CheckConstraint(
                condition=models.Q(role__in=[10, 20, 30]), name="membership_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {Role(self.role).label.lower()} of {self.tenant}"

    @property
    def level(self) -> str:
        """Return the role as forms send it."""
        return str(self.role)


class GrantQuerySet(models.QuerySet["Grant"]):
    def covering(self, tenant: Tenant) -> "GrantQuerySet":
        """Return the grants that cover `tenant`: its own, its groups', and those for all."""
        return self.filter(
            models.Q(tenant=tenant)
            | models.Q(group__in=tenant.groups.all())
            | models.Q(tenant=None, group=None)
        )


class Grant(models.Model):
    """A user's rights beyond single memberships; `permissions.py` computes the effective role.

    Covers a group of tenants, all tenants (neither group nor tenant), or one tenant, and then only
    as a denial. `role` None is a denial, which overrides every role.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="grants"
    )
    group = models.ForeignKey(Group, null=True, on_delete=models.PROTECT, related_name="grants")
    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.PROTECT, related_name="denials")
    role = models.PositiveSmallIntegerField(choices=Role, null=True)
    added_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = GrantQuerySet.as_manager()

    class Meta:
        ordering = ["tenant__folded", "group__folded", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["user", "group"], name="one_grant_per_group"),
            models.UniqueConstraint(fields=["user", "tenant"], name="one_denial_per_tenant"),
            models.UniqueConstraint(
                fields=["user"],
                condition=models.Q(group=None, tenant=None),
                name="one_grant_for_all_tenants",
            ),
            models.CheckConstraint(
                condition=models.Q(role=None) | models.Q(role__in=[10, 20, 30]),
                name="grant_role_known",
            ),
            models.CheckConstraint(
                condition=models.Q(tenant=None) | models.Q(group=None, role=None),
                name="grant_speaks_of_one_thing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.in_words}"

    @property
    def denies(self) -> bool:
        return self.role is None

    @property
    def level(self) -> str:
        """Return the level as forms send it."""
        return "denied" if self.role is None else str(self.role)

    @property
    def in_words(self) -> str:
        """Return the grant in words, such as "Viewer of the group West" or "Denied: Acme"."""
        if self.role is None:
            return gettext("Denied: %(place)s") % {"place": self.where}
        return role_in_words(Role(self.role), self.where)

    @property
    def where(self) -> str:
        return self.tenant.name if self.tenant else group_in_words(self.group)


def role_in_words(role: Role, place: str) -> str:
    """Return role and place in the language of the page."""
    return gettext("%(role)s of %(place)s") % {"role": role.label, "place": place}


def group_in_words(group: Group | None) -> str:
    """Return the group, or without one all tenants, as a place in the language of the page."""
    if group is None:
        return gettext("all tenants")
    return gettext("the group %(name)s") % {"name": group.name}


class Pin(models.Model):
    """A tenant a user pinned. Only that user sees the pin, and it gives no permissions."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="pins"
    )
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "tenant"], name="one_pin_per_tenant"),
        ]

    def __str__(self) -> str:
        return f"{self.user} pinned {self.tenant}"


class Visit(models.Model):
    """When a user last opened a page of a tenant, to the minute; see recents.py."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="visits"
    )
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "tenant"], name="one_visit_per_tenant"),
        ]

    def __str__(self) -> str:
        return f"{self.user} was at {self.tenant}"
