"""An OAuth authorization that is not a connection yet."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from lofty_admin.core import clocks
from lofty_admin.tenants.models.connection import Health
from lofty_admin.tenants.models.tenant import Tenant

LONGEST_CONNECTING = timedelta(hours=1)  # far longer than a connection can await confirmation


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
