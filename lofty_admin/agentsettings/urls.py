from django.urls import path

from lofty_admin.agentsettings import copy_views, draft_views, views

urlpatterns = [
    path("t/<slug:slug>/settings/", views.settings_page, name="settings"),
    path("t/<slug:slug>/settings/hours/", views.hours, name="hours"),
    path("t/<slug:slug>/settings/copy/", copy_views.copy, name="copy"),
    path("t/<slug:slug>/settings/review/", draft_views.review, name="review"),
    path("t/<slug:slug>/settings/drafts/<uuid:draft_id>/", draft_views.draft_page, name="draft"),
    path(
        "t/<slug:slug>/settings/drafts/<uuid:draft_id>/edit/",
        draft_views.draft_edit,
        name="draft_edit",
    ),
    path(
        "t/<slug:slug>/settings/drafts/<uuid:draft_id>/apply/",
        draft_views.apply_draft,
        name="apply",
    ),
    path(
        "t/<slug:slug>/settings/drafts/<uuid:draft_id>/share/",
        draft_views.draft_share,
        name="draft_share",
    ),
    path(
        "t/<slug:slug>/settings/drafts/<uuid:draft_id>/discard/",
        draft_views.draft_discard,
        name="draft_discard",
    ),
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
