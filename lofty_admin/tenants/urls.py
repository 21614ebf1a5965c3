from django.urls import path

from lofty_admin.tenants import group_views, views
from lofty_admin.tenants.access import member_views, user_views
from lofty_admin.tenants.credentials import connection_views, oauth_views

urlpatterns = [
    path("tenants/add/", views.tenant_add, name="tenant_add"),
    path("tenants/search/", views.tenant_search, name="tenant_search"),
    path("groups/", group_views.groups, name="groups"),
    path("groups/<slug:group>/", group_views.group, name="group"),
    path("groups/<slug:group>/delete/", group_views.group_delete, name="group_delete"),
    path("t/<slug:slug>/", views.tenant, name="tenant"),
    path("t/<slug:slug>/pin/", views.tenant_pin, name="tenant_pin"),
    path("t/<slug:slug>/unpin/", views.tenant_unpin, name="tenant_unpin"),
    path("t/<slug:slug>/edit/", views.tenant_edit, name="tenant_edit"),
    path("t/<slug:slug>/archive/", views.tenant_archive, name="tenant_archive"),
    path("t/<slug:slug>/restore/", views.tenant_restore, name="tenant_restore"),
    path("t/<slug:slug>/connection/", connection_views.connection, name="connection"),
    path(
        "t/<slug:slug>/connection/test/", connection_views.connection_test, name="connection_test"
    ),
    path(
        "t/<slug:slug>/connection/replace/",
        connection_views.connection_replace,
        name="connection_replace",
    ),
    path(
        "t/<slug:slug>/connection/remove/",
        connection_views.connection_remove,
        name="connection_remove",
    ),
    path("t/<slug:slug>/connection/agent/", connection_views.agent, name="connection_agent"),
    path("t/<slug:slug>/connection/connect/", oauth_views.connect, name="connect"),
    path("t/<slug:slug>/connection/connect/cancel/", oauth_views.cancel, name="connect_cancel"),
    path("t/<slug:slug>/connection/connect/confirm/", oauth_views.confirm, name="connect_confirm"),
    path("oauth/lofty/callback", oauth_views.callback, name="oauth_callback"),
    path("t/<slug:slug>/people/", member_views.people, name="people"),
    path("t/<slug:slug>/people/<int:pk>/role/", member_views.member_role, name="member_role"),
    path("t/<slug:slug>/people/<int:pk>/remove/", member_views.member_remove, name="member_remove"),
    path("people/", user_views.everybody, name="everybody"),
    path("people/invite/", user_views.person_invite, name="person_invite"),
    path("people/<int:pk>/", user_views.person, name="person"),
    path("people/<int:pk>/rights/", user_views.person_right, name="person_right"),
    path("people/<int:pk>/deactivate/", user_views.person_deactivate, name="person_deactivate"),
    path("people/<int:pk>/reactivate/", user_views.person_reactivate, name="person_reactivate"),
    path("people/<int:pk>/promote/", user_views.person_promote, name="person_promote"),
    path("people/<int:pk>/demote/", user_views.person_demote, name="person_demote"),
    path(
        "people/<int:pk>/invite-again/",
        user_views.person_invite_again,
        name="person_invite_again",
    ),
    path("people/<int:pk>/withdraw/", user_views.person_withdraw, name="person_withdraw"),
]
