"""Fresh keys for a deployment, as lines for its environment file."""

import base64
import secrets
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from lofty_admin.audit.checkpoint import public_key_of
from lofty_admin.tenants.vault import KEY_BYTES


class Command(BaseCommand):
    help = "Print a fresh set of keys. Nothing is stored: keep what is printed, and keep it secret."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        today = f"k{timezone.now():%Y%m%d}"
        self.stdout.write(f"SECRET_KEY={secrets.token_urlsafe(64)}")
        self.stdout.write(f"VAULT_KEYS={today}:{_fresh_key()}")
        self.stdout.write(f"AUDIT_KEYS={today}:{_fresh_key()}")
        self.stdout.write(f"FINGERPRINT_KEY={_fresh_key()}")
        signing_key = secrets.token_bytes(KEY_BYTES)
        public_key = base64.b64encode(public_key_of(signing_key)).decode()
        self.stdout.write("# For the worker's environment only:")
        self.stdout.write(f"AUDIT_SIGNING_KEY={base64.b64encode(signing_key).decode()}")
        self.stdout.write("# For the console, and for whoever verifies the audit log:")
        self.stdout.write(f"AUDIT_PUBLIC_KEYS={public_key}")


def _fresh_key() -> str:
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
