"""The app configs of the whole console: start-up checks, database limits, and static files."""

from django.apps import AppConfig
from django.contrib.staticfiles.apps import StaticFilesConfig
from django.db.backends.signals import connection_created

from lofty_admin.core import checks
from lofty_admin.core.database import set_session_limits


class ConsoleConfig(AppConfig):
    name = "lofty_admin.core"
    label = "console"

    def ready(self) -> None:
        checks.register_all()
        connection_created.connect(set_session_limits)


class ConsoleStaticFilesConfig(StaticFilesConfig):
    """Leave out htmx's extensions: unused, and their examples import files that do not exist."""

    ignore_patterns = [
        *StaticFilesConfig.ignore_patterns,
        "django_htmx/ext/*",
    ]
