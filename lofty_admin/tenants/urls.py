from django.urls import URLPattern, URLResolver, include, path

from lofty_admin.tenants import group_views, views
from lofty_admin.tenants.access import member_views, user_views
from lofty_admin.tenants.credentials import connection_views, oauth_views

app_name = "tenants"
group_urls = [
    path("", group_views.groups, name="groups"),
    path("<slug:group>/", group_views.group, name="group"),
    path("<slug:group>/delete/", group_views.group_delete, name="group_delete"),
]
user_urls = [
    path("", user_views.user_list, name="users"),
    path("invite/", user_views.person_invite, name="user_invite"),
    path("<int:pk>/", user_views.person, name="user"),
    path("<int:pk>/rights/", user_views.person_right, name="user_grant"),
    path("<int:pk>/deactivate/", user_views.person_deactivate, name="user_deactivate"),
    path("<int:pk>/reactivate/", user_views.person_reactivate, name="user_reactivate"),
    path("<int:pk>/promote/", user_views.person_promote, name="user_promote"),
    path("<int:pk>/demote/", user_views.person_demote, name="user_demote"),
    path("<int:pk>/invite-again/", user_views.person_invite_again, name="user_invite_again"),
    path("<int:pk>/withdraw/", user_views.person_withdraw, name="user_withdraw"),
]
connection_urls = [
    path("", connection_views.connection, name="connection"),
    path("test/", connection_views.connection_test, name="connection_test"),
    path("replace/", connection_views.connection_replace, name="connection_replace"),
    path("remove/", connection_views.connection_remove, name="connection_remove"),
    path("agent/", connection_views.agent, name="connection_agent"),
    path("connect/", oauth_views.connect, name="connect"),
    path("connect/cancel/", oauth_views.cancel, name="connect_cancel"),
    path("connect/confirm/", oauth_views.confirm, name="connect_confirm"),
]
member_urls = [
    path("", member_views.people, name="members"),
    path("<int:pk>/role/", member_views.member_role, name="member_role"),
    path("<int:pk>/remove/", member_views.member_remove, name="member_remove"),
]
tenant_urls: list[URLPattern | URLResolver] = [
    path("", views.tenant, name="tenant"),
    path("pin/", views.tenant_pin, name="pin"),
    path("unpin/", views.tenant_unpin, name="unpin"),
    path("edit/", views.tenant_edit, name="edit"),
    path("archive/", views.tenant_archive, name="archive"),
    path("restore/", views.tenant_restore, name="restore"),
    path("connection/", include(connection_urls)),
    path("people/", include(member_urls)),
]
urlpatterns = [
    path("tenants/add/", views.tenant_add, name="add"),
    path("tenants/search/", views.tenant_search, name="search"),
    path("oauth/lofty/callback", oauth_views.callback, name="oauth_callback"),
    path("groups/", include(group_urls)),
    path("people/", include(user_urls)),
    path("t/<slug:slug>/", include(tenant_urls)),
]
