"""A user's saved views of the history, and exports."""

from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from lofty_admin.core.leased_job import QUEUED, RUNNING, LeasedJob


class SavedView(models.Model):
    """A named filter of the history that only one user sees. `query`: as in the address."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views"
    )
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=2000)

    objects: ClassVar[models.Manager["SavedView"]]

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="one_view_per_name"),
        ]

    def __str__(self) -> str:
        return self.name


class Format(models.TextChoices):
    """The file format of an export. The values are the file name extensions."""

    CSV = "csv", "CSV"
    JSON_LINES = "jsonl", "JSON Lines"


class ExportState(models.TextChoices):
    """The state of an export. The first two are open: a user has at most one open export."""

    QUEUED = QUEUED, _("Queued")
    RUNNING = RUNNING, _("Running")
    DONE = "done", _("Done")
    BROKEN_OFF = "broken_off", _("Interrupted")
    REVOKED = "revoked", _("Stopped: access was lost")


class Export(LeasedJob):
    """One export of a user, who cannot start another while it runs.

    query: the filter, as in the address. up_to: the last record that belongs to it. total: how many
    events that are, None while they are counted. done: how many were returned.
    """

    STALE_AFTER = timedelta(seconds=60)

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="exports"
    )
    format = models.CharField(max_length=10, choices=Format)
    query = models.TextField(blank=True)
    up_to = models.BigIntegerField()
    total = models.PositiveBigIntegerField(null=True)
    done = models.PositiveBigIntegerField(default=0)
    started_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=10, choices=ExportState, default=ExportState.QUEUED)

    objects: ClassVar[models.Manager["Export"]]

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["user"],
                condition=models.Q(finished_at=None),
                name="one_export_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.done} of {self.total} events as {self.get_format_display()}"

    @property
    def is_running(self) -> bool:
        """Return whether it is open and was seen alive recently."""
        return self.is_open and self.is_alive

    @property
    def is_revoked(self) -> bool:
        return self.state == ExportState.REVOKED

    @property
    def is_done(self) -> bool:
        return self.state == ExportState.DONE
