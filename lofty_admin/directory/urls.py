from django.http import HttpResponse
from django.urls import path

urlpatterns = [
    path("t/<slug:slug>/names/", lambda r, slug: HttpResponse(), name="names"),
    path(
        "t/<slug:slug>/names/<str:kind>/search",
        lambda r, slug, kind: HttpResponse(),
        name="names_search",
    ),
]
