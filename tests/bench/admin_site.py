"""Django's own admin over the same log, to measure beside: its changelist and nothing else."""

from django.contrib import admin
from django.http import HttpRequest
from django.urls import path

from lofty_admin.audit.models import AuditEvent


class AuditEventAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic only in the stubs
    list_display = ("at", "actor_name", "kind", "subject", "outcome", "tenant_name")
    list_filter = ("kind", "outcome")
    search_fields = ("reason", "subject", "actor_name", "tenant_name")
    ordering = ("-seq",)
    list_per_page = 50
    show_full_result_count = True


class Site(admin.AdminSite):
    def has_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def get_log_entries(self, request: HttpRequest) -> list[object]:  # type: ignore[override]
        return []  # its own table of actions is not what is measured


site = Site(name="admin")
site.register(AuditEvent, AuditEventAdmin)
urlpatterns = [path("admin/", site.urls)]
