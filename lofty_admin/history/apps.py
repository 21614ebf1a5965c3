"""The history for users: browse, compare, restore, export. The log itself is in `audit`."""

from django.apps import AppConfig


class HistoryConfig(AppConfig):
    name = "lofty_admin.history"
    label = "history"
    verbose_name = "History"
