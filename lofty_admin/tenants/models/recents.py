"""What a user pinned and opened last. Both only order what that user sees."""

from django.conf import settings
from django.db import models

from lofty_admin.tenants.models.tenant import Tenant


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
