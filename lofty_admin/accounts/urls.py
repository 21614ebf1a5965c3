"""The few of allauth's pages this console has. What is not listed does not exist."""

from allauth.account import views
from django.urls import path
from django.views.decorators.http import require_POST

urlpatterns = [
    path("login/", views.login, name="account_login"),
    path("logout/", require_POST(views.logout), name="account_logout"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("password/change/", views.password_change, name="account_change_password"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
]
