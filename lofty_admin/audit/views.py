"""Views of the whole log."""

import datetime as dt

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from lofty_admin.audit.access import superuser_only
from lofty_admin.audit.models import AuditDelivery
from lofty_admin.audit.proof.checkpoints import newest
from lofty_admin.audit.proof.restore_guard import compare
from lofty_admin.audit.proof.verification import verification_status
from lofty_admin.core import clocks
from lofty_admin.core.http import ConsoleRequest


@require_safe
@superuser_only
def verification(request: ConsoleRequest) -> HttpResponse:
    """Show the last verification, its age and limits, and the status of the signed checkpoints."""
    now, checkpoint = timezone.now(), newest()
    longest = dt.timedelta(minutes=2 * settings.ENVIRONMENT.checkpoint_minutes)
    context = {
        "standing": verification_status(now),
        "checkpoint": checkpoint,
        "checkpoint_is_old": checkpoint is not None
        and not clocks.is_recent(checkpoint.at, now, longest),
        "delivery": AuditDelivery.objects.first(),
        "waiting": AuditDelivery.waiting().count(),
        "comparison": compare(),
        "sink": settings.ENVIRONMENT.checkpoint_sink,
    }
    return render(request, "audit/verification.html", context)
