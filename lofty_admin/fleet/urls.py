from django.urls import path

from lofty_admin.fleet import import_views, palette_views, views

urlpatterns = [
    path("", views.home, name="home"),
    path("find/", palette_views.palette, name="palette"),
    path("t/<slug:slug>/beside/", palette_views.tenant_beside, name="tenant_beside"),
    path("tenants/import/", import_views.import_list, name="import"),
    path("tenants/import/template.csv", import_views.import_template, name="import_template"),
    path("tenants/import/<uuid:pk>/", import_views.import_run, name="import_run"),
    path("tenants/import/<uuid:pk>/start/", import_views.import_start, name="import_start"),
    path("tenants/import/<uuid:pk>/forget/", import_views.import_forget, name="import_forget"),
]
