"""The app config of the whole console: its start-up checks and database limits."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "lofty_admin"
    label = "console"

    def ready(self) -> None:
        from django.db.backends.signals import connection_created

        from lofty_admin.core import checks
        from lofty_admin.core.database import set_session_limits

        checks.register_all()
        connection_created.connect(set_session_limits)
