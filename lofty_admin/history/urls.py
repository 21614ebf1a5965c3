from django.urls import include, path

from lofty_admin.history import compare, export_views, receipt, views

app_name = "history"
all_tenants_urls = [
    path("", views.history_all, name="list_all"),
    path("events/<uuid:event_id>/", views.event_anywhere, name="event_anywhere"),
    path("export/", export_views.export_all, name="export_all"),
    path("views/", views.view_save, name="view_save"),
    path("views/<int:pk>/delete/", views.view_delete, name="view_delete"),
]
tenant_urls = [
    path("history/", views.history, name="list"),
    path("history/export/", export_views.export, name="export"),
    path("receipt/", receipt.receipt, name="receipt"),
    path("history/compare/", compare.compare, name="compare"),
    path("history/<uuid:event_id>/", views.event, name="event"),
    path("history/<uuid:event_id>/go-back/", views.go_back, name="go_back"),
    path("history/<uuid:event_id>/undo/", views.undo, name="undo"),
]
urlpatterns = [
    path("audit/", include(all_tenants_urls)),
    path("t/<slug:slug>/", include(tenant_urls)),
]
