"""Every URL of the console, one namespace per app; pages of a tenant are under t/<slug>/."""

from django.urls import include, path
from django.views.i18n import set_language

from lofty_admin.core import probes

urlpatterns = [
    path("healthz", probes.healthz, name="healthz"),
    path("readyz", probes.readyz, name="readyz"),
    path("language/", set_language, name="set_language"),
    path("accounts/", include("lofty_admin.accounts.allauth_urls")),
    path("accounts/", include("lofty_admin.accounts.urls")),
    path("audit/", include("lofty_admin.audit.urls")),
    path("", include("lofty_admin.fleet.urls")),
    path("", include("lofty_admin.tenants.urls")),
    path("", include("lofty_admin.directory.urls")),
    path("", include("lofty_admin.agentsettings.urls")),
    path("", include("lofty_admin.history.urls")),
]
handler400 = "lofty_admin.core.error_views.bad_request"
handler403 = "lofty_admin.core.error_views.forbidden"
handler404 = "lofty_admin.core.error_views.not_found"
handler500 = "lofty_admin.core.error_views.server_error"
