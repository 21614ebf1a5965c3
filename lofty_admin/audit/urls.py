"""URLs of the pages about the whole log, under /audit/."""

from django.urls import path

from lofty_admin.audit import views

app_name = "audit"
urlpatterns = [
    path("verification/", views.verification, name="verification"),
]
