from django.urls import URLPattern, URLResolver, include, path

from lofty_admin.agentsettings import copy_views, draft_views, views

app_name = "agentsettings"
draft_urls = [
    path("", draft_views.draft_page, name="draft"),
    path("edit/", draft_views.draft_edit, name="draft_edit"),
    path("apply/", draft_views.apply_draft, name="apply"),
    path("share/", draft_views.draft_share, name="draft_share"),
    path("unshare/", draft_views.draft_unshare, name="draft_unshare"),
    path("discard/", draft_views.draft_discard, name="draft_discard"),
]
operation_urls = [
    path("", views.operation_page, name="operation"),
    path("check/", views.check_now, name="check_now"),
    path("settle/", views.close_as_seen, name="close_as_seen"),
    path("merge/", views.merge_page, name="merge"),
    path("again/", views.try_again, name="try_again"),
]
tenant_urls: list[URLPattern | URLResolver] = [
    path("settings/", views.settings_page, name="settings"),
    path("settings/hours/", views.hours, name="hours"),
    path("settings/copy/", copy_views.copy, name="copy"),
    path("settings/review/", draft_views.review, name="review"),
    path("settings/drafts/<uuid:draft_id>/", include(draft_urls)),
    path("operations/<uuid:operation_id>/", include(operation_urls)),
]
urlpatterns = [
    path("t/<slug:slug>/", include(tenant_urls)),
]
