from django.urls import path

from lofty_admin.tenants import connect_views, credential_views, people_views, views

urlpatterns = [
    path("", views.home, name="home"),
    path("tenants/add/", views.tenant_add, name="tenant_add"),
    path("t/<slug:slug>/", views.tenant, name="tenant"),
    path("t/<slug:slug>/edit/", views.tenant_edit, name="tenant_edit"),
    path("t/<slug:slug>/archive/", views.tenant_archive, name="tenant_archive"),
    path("t/<slug:slug>/restore/", views.tenant_restore, name="tenant_restore"),
    path("t/<slug:slug>/credential/", credential_views.credential, name="credential"),
    path(
        "t/<slug:slug>/credential/test/", credential_views.credential_test, name="credential_test"
    ),
    path(
        "t/<slug:slug>/credential/replace/",
        credential_views.credential_replace,
        name="credential_replace",
    ),
    path(
        "t/<slug:slug>/credential/remove/",
        credential_views.credential_remove,
        name="credential_remove",
    ),
    path("t/<slug:slug>/credential/agent/", credential_views.agent, name="credential_agent"),
    path("t/<slug:slug>/credential/connect/", connect_views.connect, name="connect"),
    path("t/<slug:slug>/credential/connect/cancel/", connect_views.cancel, name="connect_cancel"),
    path(
        "t/<slug:slug>/credential/connect/confirm/", connect_views.confirm, name="connect_confirm"
    ),
    path("oauth/lofty/callback", connect_views.callback, name="oauth_callback"),
    path("t/<slug:slug>/people/", people_views.people, name="people"),
    path("t/<slug:slug>/people/<int:pk>/role/", people_views.member_role, name="member_role"),
    path("t/<slug:slug>/people/<int:pk>/remove/", people_views.member_remove, name="member_remove"),
]
