"""URLs of the pages about the whole log, under /audit/."""

from django.urls import path

from lofty_admin.audit import views

urlpatterns = [
    path("verification/", views.verification, name="audit_verification"),
]
