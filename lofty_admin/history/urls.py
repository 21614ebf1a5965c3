from django.urls import path

from lofty_admin.history import compare, export_views, receipt, views

urlpatterns = [
    path("audit/", views.history_all, name="history_all"),
    path("audit/events/<uuid:event_id>/", views.event_anywhere, name="event_anywhere"),
    path("audit/export/", export_views.export_all, name="export_all"),
    path("audit/views/", views.view_save, name="view_save"),
    path("audit/views/<int:pk>/delete/", views.view_delete, name="view_delete"),
    path("t/<slug:slug>/history/", views.history, name="history"),
    path("t/<slug:slug>/history/export/", export_views.export, name="export"),
    path("t/<slug:slug>/receipt/", receipt.receipt, name="receipt"),
    path("t/<slug:slug>/history/compare/", compare.compare, name="compare"),
    path("t/<slug:slug>/history/<uuid:event_id>/", views.event, name="event"),
    path("t/<slug:slug>/history/<uuid:event_id>/go-back/", views.go_back, name="go_back"),
    path("t/<slug:slug>/history/<uuid:event_id>/undo/", views.undo, name="undo"),
]
