from django.urls import path

from lofty_admin.agentsettings import copy_views, views

urlpatterns = [
    path("t/<slug:slug>/settings/", views.settings_page, name="settings"),
    path("t/<slug:slug>/settings/hours/", views.hours, name="hours"),
    path("t/<slug:slug>/settings/review/", views.review, name="review"),
    path("t/<slug:slug>/settings/apply/", views.apply_plan, name="apply"),
    path("t/<slug:slug>/settings/copy/", copy_views.copy, name="copy"),
    path("t/<slug:slug>/operations/<uuid:operation_id>/", views.operation_page, name="operation"),
    path("t/<slug:slug>/operations/<uuid:operation_id>/check/", views.check_now, name="check_now"),
    path(
        "t/<slug:slug>/operations/<uuid:operation_id>/settle/",
        views.close_as_seen,
        name="close_as_seen",
    ),
    path("t/<slug:slug>/operations/<uuid:operation_id>/merge/", views.merge_page, name="merge"),
    path("t/<slug:slug>/operations/<uuid:operation_id>/again/", views.try_again, name="try_again"),
]
