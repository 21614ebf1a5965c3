from django.apps import AppConfig


class SandboxConfig(AppConfig):
    name = "lofty_admin.sandbox"
    label = "sandbox"
    verbose_name = "Practice Lofty"
