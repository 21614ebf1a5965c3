from django.apps import AppConfig


class DirectoryConfig(AppConfig):
    name = "lofty_admin.directory"
    label = "directory"
    verbose_name = "Names"
