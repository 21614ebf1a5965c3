"""The audit log: who did what, when, and with what outcome; append-only and hash-chained."""

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.db.models.signals import post_migrate


class AuditConfig(AppConfig):
    name = "lofty_admin.audit"
    label = "audit"

    def ready(self) -> None:
        from lofty_admin.audit import checks
        from lofty_admin.audit.log import triggers

        post_migrate.connect(triggers.restore, sender=self)
        register(checks.triggers_stand, Tags.database)
        register(checks.role_is_not_owner, Tags.database, deploy=True)
        register(checks.checkpoints_are_signed, Tags.security, deploy=True)
        register(checks.anchor_is_readable, Tags.security)
