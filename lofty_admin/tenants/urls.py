from django.urls import path

from lofty_admin.tenants import credential_views, group_views, people_views, views

urlpatterns = [
    path("tenants/add/", views.tenant_add, name="tenant_add"),
    path("tenants/switcher/", views.switcher, name="switcher"),
    path("groups/", group_views.groups, name="groups"),
    path("groups/<slug:group>/", group_views.group, name="group"),
    path("groups/<slug:group>/delete/", group_views.group_delete, name="group_delete"),
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
    path("t/<slug:slug>/people/", people_views.people, name="people"),
    path("t/<slug:slug>/people/<int:pk>/role/", people_views.member_role, name="member_role"),
    path("t/<slug:slug>/people/<int:pk>/remove/", people_views.member_remove, name="member_remove"),
]
