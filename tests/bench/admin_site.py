"""Django's own admin over the same data, for comparison: the log's list, and a change form.

The change form is that of tables made for the bench only: a Sales Agent that points to agents,
offices and ponds, once with `filter_horizontal` and once with `autocomplete_fields`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from django import forms
from django.apps import AppConfig, apps
from django.contrib import admin
from django.db import connection, models
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.i18n import JavaScriptCatalog
from pytest_django import Settings

from lofty_admin.audit.models import AuditEvent
from tests import bench

ADMIN_TAGS = ("admin_list", "admin_modify", "admin_urls")
TAGS = "django.contrib.admin.templatetags"
LISTS = ("agents", "offices", "ponds")
FOLDERS = [Path(module.__file__ or "").parent for module in (admin, forms)]


class Named(models.Model):
    name = models.CharField(max_length=300)

    objects: ClassVar[models.Manager["Named"]] = models.Manager()

    class Meta:
        abstract = True
        app_label = "bench"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Agent(Named):
    class Meta(Named.Meta):
        abstract = False


class Office(Named):
    class Meta(Named.Meta):
        abstract = False


class Pond(Named):
    class Meta(Named.Meta):
        abstract = False


class SalesAgent(models.Model):
    """The settings that matter for the weight of a form; the admin gets the easier job."""

    assistant_name = models.CharField(max_length=200)
    virtual_number = models.CharField(max_length=200)
    agent_experience = models.TextField()
    text_channel = models.BooleanField(default=True)
    email_channel = models.BooleanField(default=True)
    website_channel = models.BooleanField(default=True)
    start_active_hour = models.IntegerField(default=8)
    end_active_hour = models.IntegerField(default=20)
    agents: "models.ManyToManyField[Agent, Any]" = models.ManyToManyField(Agent)
    offices: "models.ManyToManyField[Office, Any]" = models.ManyToManyField(Office)
    ponds: "models.ManyToManyField[Pond, Any]" = models.ManyToManyField(Pond)

    objects: ClassVar[models.Manager["SalesAgent"]] = models.Manager()

    class Meta:
        app_label = "bench"

    def __str__(self) -> str:
        return self.assistant_name


class AuditEventAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic only in the stubs
    list_display = ("at", "actor_name", "kind", "subject", "outcome", "tenant_name")
    list_filter = ("kind", "outcome")
    search_fields = ("reason", "subject", "actor_name", "tenant_name")
    ordering = ("-seq",)
    list_per_page = 50
    show_full_result_count = True


class NamedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic only in the stubs
    search_fields = ("name",)


class HorizontalAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic only in the stubs
    filter_horizontal = LISTS


class AutocompleteAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic only in the stubs
    autocomplete_fields = LISTS


class Site(admin.AdminSite):
    def has_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def get_log_entries(self, request: HttpRequest) -> list[object]:  # type: ignore[override]
        return []  # its own table of actions is not what is measured

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[object]:
        return []  # the bench's tables are no app

    def i18n_javascript(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        whole = JavaScriptCatalog().get(request)  # of the apps there are: admin is none here
        assert isinstance(whole, HttpResponse)
        return whole


def _site(name: str, form: type[admin.ModelAdmin]) -> Site:  # type: ignore[type-arg]
    made = Site(name=name)
    made.register(SalesAgent, form)
    made.register([Agent, Office, Pond], NamedAdmin)
    return made


site = Site(name="admin")
site.register(AuditEvent, AuditEventAdmin)
horizontal = _site("horizontal", HorizontalAdmin)
autocomplete = _site("autocomplete", AutocompleteAdmin)
urlpatterns = [
    path("admin/", site.urls),
    path("horizontal/", horizontal.urls),
    path("autocomplete/", autocomplete.urls),
]


def use_admin(settings: Settings) -> None:
    """From here on requests go to these sites instead of the console."""
    settings.ROOT_URLCONF = __name__
    ours = "lofty_admin."
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if not name.startswith(ours)]
    settings.STATICFILES_DIRS = [*settings.STATICFILES_DIRS, FOLDERS[0] / "static"]
    settings.TEMPLATES = [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [folder / "templates" for folder in FOLDERS],
            "OPTIONS": {
                # As if the admin were installed, which the job queue does not let one do later.
                "libraries": {name: f"{TAGS}.{name}" for name in ADMIN_TAGS},
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ],
            },
        }
    ]


@contextmanager
def _installed() -> Iterator[None]:
    """The tables above as an app, which Django asks for what points to what."""
    config = AppConfig("tests.bench", bench)
    config.apps = apps
    apps.app_configs["bench"] = config
    config.import_models()
    apps.clear_cache()
    try:
        yield
    finally:
        del apps.app_configs["bench"]
        apps.clear_cache()


@contextmanager
def sales_agent(names: dict[str, list[str]], picked: dict[str, int]) -> Iterator[int]:
    """Fill tables of the bench's own; the id of a Sales Agent with the first of each picked."""
    listed: tuple[type[Named], ...] = (Agent, Office, Pond)
    tables: tuple[type[models.Model], ...] = (*listed, SalesAgent)
    with _installed():
        with connection.schema_editor() as editor:
            for table in tables:
                editor.create_model(table)
        try:
            agent = SalesAgent.objects.create(assistant_name="Anna", agent_experience="10 years")
            for model, what in zip(listed, LISTS, strict=True):
                rows = model.objects.bulk_create(model(name=name) for name in names[what])
                getattr(agent, what).set(rows[: picked[what]])
            yield agent.pk
        finally:
            with connection.schema_editor() as editor:
                for table in reversed(tables):
                    editor.delete_model(table)
