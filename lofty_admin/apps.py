"""The app config of the whole console: its start-up checks."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "lofty_admin"
    label = "console"

    def ready(self) -> None:
        from lofty_admin.core import checks

        checks.register_all()
