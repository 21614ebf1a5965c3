from django.urls import include, path

from lofty_admin.fleet import import_views, palette_views, views

app_name = "fleet"
import_urls = [
    path("", import_views.import_list, name="import"),
    path("template.csv", import_views.import_template, name="import_template"),
    path("<uuid:pk>/", import_views.import_run, name="import_run"),
    path("<uuid:pk>/start/", import_views.import_start, name="import_start"),
    path("<uuid:pk>/forget/", import_views.import_forget, name="import_forget"),
]
tenant_urls = [
    path("beside/", palette_views.neighbor_tenant, name="neighbor_tenant"),
]
urlpatterns = [
    path("", views.home, name="home"),
    path("find/", palette_views.palette, name="palette"),
    path("tenants/import/", include(import_urls)),
    path("t/<slug:slug>/", include(tenant_urls)),
]
