from typing import Any

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.core.management import call_command
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "lofty_admin.accounts"
    label = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        from lofty_admin.accounts.sessions import end_all_sessions, start_clock
        from lofty_admin.audit.proof.restore_guard import restore_acknowledged

        post_migrate.connect(_create_cache_table, sender=self)
        user_logged_in.connect(start_clock)
        restore_acknowledged.connect(end_all_sessions)


def _create_cache_table(using: str, **kwargs: Any) -> None:
    # The sign-in throttle counts in the database's cache, across all processes.
    call_command("createcachetable", database=using, verbosity=0)
