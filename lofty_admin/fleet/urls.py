from django.urls import path

from lofty_admin.fleet import views

urlpatterns = [
    path("", views.home, name="home"),
]
