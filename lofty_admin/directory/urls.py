from django.urls import include, path

from lofty_admin.directory import views

app_name = "directory"
tenant_urls = [
    path("names/", views.names, name="names"),
    path("names/refresh/", views.names_refresh, name="refresh"),
    path("names/freshness/", views.names_freshness, name="freshness"),
    path("names/source/", views.name_source, name="name_source"),
    path("names/<slug:kind>/search", views.names_search, name="search"),
    path("names/<slug:kind>/pasted", views.names_pasted, name="pasted"),
    path("names/<slug:kind>/picked", views.names_picked, name="picked"),
    path("names/<slug:kind>/office/<int:office_id>", views.names_of_office, name="office"),
]
urlpatterns = [
    path("t/<slug:slug>/", include(tenant_urls)),
]
