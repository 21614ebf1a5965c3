"""A user's saved views of the history, and exports."""

from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from lofty_admin.core import clocks


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


class Ending(models.TextChoices):
    DONE = "done", _("Done")
    BROKEN_OFF = "broken_off", _("Interrupted")
    REVOKED = "revoked", _("Stopped: access was lost")


class Export(models.Model):
    """One export of a user, who cannot start another while it runs.

    query: the filter, as in the address. up_to: the last record that belongs to it. total: how many
    events that are, None while they are counted. done: how many were returned. heartbeat_at: when
    it was last seen alive. ended_at: None while it runs.
    """

    DEAD_AFTER = timedelta(seconds=60)

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="exports"
    )
    format = models.CharField(max_length=10, choices=Format)
    query = models.TextField(blank=True)
    up_to = models.BigIntegerField()
    total = models.PositiveBigIntegerField(null=True)
    done = models.PositiveBigIntegerField(default=0)
    started_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=12, choices=Ending, blank=True)

    objects: ClassVar[models.Manager["Export"]]

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["user"],
                condition=models.Q(ended_at=None),
                name="one_export_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.done} of {self.total} events as {self.get_format_display()}"

    @property
    def is_running(self) -> bool:
        """Return whether it is open and was seen alive recently."""
        alive = clocks.is_recent(self.heartbeat_at, timezone.now(), self.DEAD_AFTER)
        return self.ended_at is None and alive

    @property
    def is_revoked(self) -> bool:
        return self.outcome == Ending.REVOKED

    @property
    def is_done(self) -> bool:
        return self.outcome == Ending.DONE
