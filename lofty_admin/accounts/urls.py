"""The few of allauth's pages this console has, and the invited's. There are no others."""

from allauth.account import views
from django.urls import path
from django.views.decorators.http import require_POST

from lofty_admin.accounts import invitation_views

urlpatterns = [
    path("login/", views.login, name="account_login"),
    path("logout/", require_POST(views.logout), name="account_logout"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("password/change/", views.password_change, name="account_change_password"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("invitation/", invitation_views.invitation, name="invitation"),
    path("invitation/account/", invitation_views.invitation_accept, name="invitation_accept"),
]
