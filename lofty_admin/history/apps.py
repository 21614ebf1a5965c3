"""The history as people read it: browse, compare, go back, take away. The log itself is `audit`."""

from django.apps import AppConfig


class HistoryConfig(AppConfig):
    name = "lofty_admin.history"
    label = "history"
    verbose_name = "History"
