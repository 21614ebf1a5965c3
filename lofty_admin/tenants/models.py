"""Tenant, its Lofty credentials, and the people who may touch it."""

import uuid

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from lofty_admin.audit.record import TenantRef
from lofty_admin.lofty.client import Scheme

SLUG = r"[a-z0-9]+(?:-[a-z0-9]+)*"
RESERVED_SLUGS = frozenset({"add", "new", "all"})
slug_validator = RegexValidator(
    rf"\A{SLUG}\Z", "Use small letters a-z, digits, and single hyphens between them."
)


class Tenant(models.Model):
    """One customer of ours: one Lofty user and that user's Sales Agent settings. Never deleted.

    manual_only: only a person changes its settings, one tenant at a time; whatever changes many
    tenants at once must leave it alone.
    """

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        ARCHIVED = "archived", "Archived"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.CharField(
        "short name",
        max_length=50,
        unique=True,
        error_messages={"unique": "Another tenant has this short name already."},
        validators=[slug_validator],
    )
    name = models.CharField(max_length=120)
    note = models.TextField(blank=True, max_length=2000)
    manual_only = models.BooleanField(default=False)
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    credentials: "models.Manager[Credential]"
    memberships: "models.Manager[Membership]"

    class Meta:
        ordering = ["name", "slug"]
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
    def credential(self) -> "Credential | None":
        """The credential in use. Reads `credentials` as a whole, so that a prefetch serves it."""
        return next((row for row in self.credentials.all() if row.retired_at is None), None)

    @property
    def credential_state(self) -> "CredentialState":
        credential = self.credential
        return credential.state if credential else CredentialState.NONE


class Group(models.Model):
    """A name for several tenants, such as a plan or a region. A tenant may be in many."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.CharField(
        "short name",
        max_length=50,
        unique=True,
        error_messages={"unique": "Another group has this short name already."},
        validators=[slug_validator],
    )
    name = models.CharField(max_length=120)
    tenants = models.ManyToManyField(Tenant, related_name="groups", blank=True)

    class Meta:
        ordering = ["name"]
        verbose_name = "tenant group"

    def __str__(self) -> str:
        return self.name


class CredentialState(models.TextChoices):
    WORKS = "works", "Works"
    FAILING = "failing", "Failing"
    UNUSED = "unused", "Not used yet"
    NONE = "none", "No token"


class Credential(models.Model):
    """A token for Lofty, sealed by `vault.py`, and what is known of it.

    One per tenant is in use; the others are retired and their token is erased. `version` counts
    the tenant's tokens from 1. `lofty_user` holds what GET /v1.0/me said when the token was stored:
    name, email, team_id, role, time_zone, member_user_id. `budget_*` are the X-RateLimit headers of
    the newest answer. Times are UTC.
    """

    class SchemeChoice(models.TextChoices):
        API_KEY = Scheme.API_KEY.value, "API key"
        OAUTH = Scheme.OAUTH.value, "OAuth token"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="credentials")
    scheme = models.CharField(max_length=10, choices=SchemeChoice)
    sealed = models.BinaryField()
    version = models.PositiveIntegerField()
    last_four = models.CharField(max_length=4)
    fingerprint = models.CharField(max_length=100, db_index=True)
    lofty_user = models.JSONField(default=dict)
    added_by = models.CharField(max_length=300)
    added_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True)
    last_good_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    last_failure_at = models.DateTimeField(null=True)
    last_failure = models.CharField(max_length=300, blank=True)
    budget_limit = models.PositiveIntegerField(null=True)
    budget_remaining = models.PositiveIntegerField(null=True)
    budget_reset_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-added_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"],
                condition=models.Q(retired_at=None),
                name="one_credential_in_use_per_tenant",
            ),
            models.UniqueConstraint(fields=["tenant", "version"], name="credential_version_once"),
            models.CheckConstraint(
                condition=models.Q(retired_at=None) | models.Q(sealed=b""),
                name="credential_retired_is_erased",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_scheme_display()} ending in {self.last_four}"

    @property
    def state(self) -> "CredentialState":
        if self.failing_since:
            return CredentialState.FAILING
        return CredentialState.WORKS if self.last_good_at else CredentialState.UNUSED

    @property
    def owner_name(self) -> str:
        """Whose token this is, in words."""
        known = self.lofty_user
        return str(known.get("name") or known.get("email") or "")


class Role(models.IntegerChoices):
    """Each role may do what the ones before it may."""

    VIEWER = 10, "Viewer"
    EDITOR = 20, "Editor"
    MANAGER = 30, "Manager"


class Membership(models.Model):
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="memberships")
    role = models.PositiveSmallIntegerField(choices=Role)
    added_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-role", "user__name"]
        constraints = [
            models.UniqueConstraint(fields=["user", "tenant"], name="one_role_per_person"),
            models.CheckConstraint(
                condition=models.Q(role__in=[10, 20, 30]), name="membership_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {Role(self.role).label.lower()} of {self.tenant}"
