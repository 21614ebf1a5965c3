from django.urls import path

from lofty_admin.directory import views

urlpatterns = [
    path("t/<slug:slug>/names/", views.names, name="names"),
    path("t/<slug:slug>/names/refresh/", views.names_refresh, name="names_refresh"),
    path("t/<slug:slug>/names/freshness/", views.names_freshness, name="names_freshness"),
    path("t/<slug:slug>/names/source/", views.name_source, name="name_source"),
    path("t/<slug:slug>/names/<slug:kind>/search", views.names_search, name="names_search"),
    path("t/<slug:slug>/names/<slug:kind>/pasted", views.names_pasted, name="names_pasted"),
    path(
        "t/<slug:slug>/names/<slug:kind>/office/<int:office_id>",
        views.names_of_office,
        name="names_of_office",
    ),
]
