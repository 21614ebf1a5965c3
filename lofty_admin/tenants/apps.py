from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "lofty_admin.tenants"
    label = "tenants"
    verbose_name = "Tenants"
