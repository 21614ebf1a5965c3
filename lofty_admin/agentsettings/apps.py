from django.apps import AppConfig


class AgentSettingsConfig(AppConfig):
    name = "lofty_admin.agentsettings"
    verbose_name = "Sales Agent settings"
