"""An uploaded list of tenants, and the result for each row."""

import json
import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from lofty_admin.core import vault
from lofty_admin.core.leased_job import QUEUED, RUNNING, WAITING, LeasedJob
from lofty_admin.fleet.import_csv import Line
from lofty_admin.lofty.client import Scheme
from lofty_admin.tenants.models import Connection, Health, Tenant

KEPT_FOR = timedelta(hours=1)


class ImportState(models.TextChoices):
    READ = "read", _("Not started")
    QUEUED = QUEUED, _("Queued")
    RUNNING = RUNNING, _("Being added")
    WAITING = WAITING, _("Paused")
    DONE = "done", _("Done")


class Import(LeasedJob):
    """A list that only `person` may see.

        READ -> QUEUED -> RUNNING -> DONE -> QUEUED to retry what failed
                            |   ^
                            v   |  until `resume_at`: Lofty accepts no more calls for now
                          WAITING

    expires_at: when the upload is erased. message: why it ended early, if it did.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="imports"
    )
    state = models.CharField(max_length=10, choices=ImportState, default=ImportState.READ)
    all_or_nothing = models.BooleanField(default=True)
    message = models.TextField(blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    rows: "models.Manager[ImportRow]"

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=ImportState.values), name="import_state_known"
            )
        ]

    def __str__(self) -> str:
        return f"List of {self.created_at:%Y-%m-%d %H:%M} UTC"


class RowState(models.TextChoices):
    BAD = "bad", _("Can't be added")
    READY = "ready", _("Not tried")
    CHECKED = "checked", _("Not added")
    ADDED = "added", _("Added")
    FAILED = "failed", _("Failed")


class ImportRow(models.Model):
    """A row of a list. `sealed` has everything uploaded, and is erased once the tenant exists.

    The other columns are what may be shown; nothing is added from them. number: line of the list.
    message: what is wrong with the row, or unexpected. lofty_user, health, sales_agent_id: as in a
    CheckedToken, once the token was verified. name_is_meant: confirmed although another tenant or
    row has this name.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    parent = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="rows")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=120, blank=True)
    slug = models.CharField(max_length=50, blank=True)
    groups = models.TextField(blank=True)
    kind = models.CharField(max_length=10, blank=True, choices=Connection.SchemeChoice)
    sealed = models.BinaryField()
    state = models.CharField(max_length=10, choices=RowState)
    message = models.TextField(blank=True)
    lofty_user = models.JSONField(default=dict)
    health = models.CharField(max_length=20, choices=Health, default=Health.UNKNOWN)
    sales_agent_id = models.BigIntegerField(null=True)
    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.PROTECT, related_name="+")
    name_is_meant = models.BooleanField(default=False)
    version = 1  # sealed once and never changed

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["parent", "number"], name="import_row_once"),
            models.CheckConstraint(
                condition=models.Q(state__in=RowState.values), name="import_row_state_known"
            ),
            models.CheckConstraint(
                condition=~models.Q(state=RowState.ADDED) | models.Q(sealed=b""),
                name="import_row_added_is_erased",
            ),
        ]

    def __str__(self) -> str:
        return f"Row {self.number}"

    def seal(self, line: Line) -> None:
        """Seal `line` so that it opens only for this row and this user."""
        data = {
            "person": self.parent.person_id,
            "name": line.name,
            "slug": line.slug,
            "scheme": line.scheme.value if line.scheme else None,
            "token": line.token,
            "groups": line.groups,
        }
        self.sealed = vault.seal(json.dumps(data), **self._place())

    def open(self) -> Line:
        """Return the sealed line. Raises VaultError if changed, erased, or another user's."""
        data = json.loads(vault.open_sealed(self.sealed, **self._place()))
        if data["person"] != self.parent.person_id:
            raise vault.VaultError("This row was uploaded by another user.")
        scheme = Scheme(data["scheme"]) if data["scheme"] else None
        return Line(
            self.number, data["name"], data["slug"], scheme, data["token"], tuple(data["groups"])
        )

    def _place(self) -> dict[str, Any]:
        place = {"table": self._meta.db_table, "column": "sealed"}
        return {**place, "owner": self.id, "version": self.version}
