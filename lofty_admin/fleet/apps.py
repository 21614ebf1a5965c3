from django.apps import AppConfig


class FleetConfig(AppConfig):
    name = "lofty_admin.fleet"
    label = "fleet"
    verbose_name = "All tenants"
