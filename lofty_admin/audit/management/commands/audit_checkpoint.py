"""`manage.py audit_checkpoint`: sign the current length of the audit log, and deliver it."""

import base64
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from lofty_admin.audit.proof.checkpoints import CheckpointRefused, make
from lofty_admin.audit.proof.signed_checkpoint import Checkpoint, believed_keys
from lofty_admin.audit.proof.sinks import DeliveryError, deliver


class Command(BaseCommand):
    help = (
        "Sign a checkpoint of the audit log now, print it, and deliver it and waiting "
        "ones to AUDIT_CHECKPOINT_SINK. Needs AUDIT_SIGNING_KEY."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            checkpoint = Checkpoint.parse(make().line)
            self.stdout.write(checkpoint.line)
            handed_over = deliver()
        except (CheckpointRefused, DeliveryError) as error:
            raise CommandError(str(error)) from None
        key = base64.b64encode(believed_keys()[checkpoint.key_id]).decode()
        where = settings.ENVIRONMENT.checkpoint_sink
        message = (
            f"{handed_over} delivered to {where.kind}"
            if where
            else "No sink is set: keep it yourself"
        )
        self.stderr.write(f"{message}. To verify with it: --public-key {key}")
