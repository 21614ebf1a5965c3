"""What a person keeps for reading the history: views by name."""

from typing import ClassVar

from django.conf import settings
from django.db import models


class SavedView(models.Model):
    """A filter of the history under a name, seen by one person only. `query`: as in the address."""

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
