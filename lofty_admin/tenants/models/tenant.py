"""Tenants and groups of tenants."""

import uuid
from typing import TYPE_CHECKING

from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from lofty_admin.audit.log.record import TenantRef
from lofty_admin.core.searching import FoldedField

if TYPE_CHECKING:
    from lofty_admin.tenants.models.access import Membership
    from lofty_admin.tenants.models.connection import Connection

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
