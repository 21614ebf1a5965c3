"""Choose one tenant by its name or short name, where there are too many for a menu."""

import re
from typing import Any

from django import forms
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.urls import reverse
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from lofty_admin.core.searching import searched
from lofty_admin.core.text import fold
from lofty_admin.tenants.access.permissions import search_by_name
from lofty_admin.tenants.models import Tenant

MOST_OFFERED = 20
LONGEST = 200
_IN_BRACKETS = re.compile(r"(.*)\(([a-z0-9-]+)\)\Z", re.DOTALL)


def _search_url(query: str) -> str:
    return reverse("tenants:search") + query


_lazy_search_url = lazy(_search_url, str)  # forms are defined before the URLs are loaded


def label_of(tenant: Tenant) -> str:
    """Return name and short name, which the field is filled in with: no two tenants look alike."""
    return f"{tenant.name} ({tenant.slug})"


def suggestions(among: QuerySet[Tenant], text: str) -> list[Tenant]:
    """Return tenants to offer for the text typed so far; MOST_OFFERED + 1 if there are more.

    Exact names come first, then names that begin with the text, then the rest by name.
    """
    typed = fold(text)
    rank = Case(
        When(Q(folded=typed) | Q(slug=typed), then=Value(0)),
        When(Q(folded__startswith=typed) | Q(slug__startswith=typed), then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    return list(search_by_name(among, text).order_by(rank, "folded", "slug")[: MOST_OFFERED + 1])


def exactly(among: QuerySet[Tenant], text: str) -> list[Tenant]:
    """Return the tenants with exactly this name, short name, or label; several may share a name."""
    if match := _IN_BRACKETS.match(text):
        labelled = among.filter(slug=match[2]).first()
        if labelled is not None and labelled.folded == fold(match[1]):
            return [labelled]
    typed = fold(text)
    return list(among.filter(Q(slug=typed) | Q(folded=typed))[: MOST_OFFERED + 1])


class TenantField(forms.CharField):
    """A tenant typed by name or short name: cleans to a Tenant, or None if it is left empty.

    If the text matches no tenant exactly, or several, the field asks: it becomes a menu of
    `candidates`. With JavaScript, names are suggested while typing (static/tenant_picker.js).
    """

    default_error_messages = {
        "unknown": gettext_lazy("No tenant has this name or short name."),
        "several": gettext_lazy("Several tenants match. Choose one."),
    }

    def __init__(self, *, active_only: bool = False, **options: Any) -> None:
        """Create the field. active_only: suggest no archived tenants."""
        self.active_only = active_only
        super().__init__(**{"required": False, **options})
        self.among: QuerySet[Tenant] = Tenant.objects.none()
        self.candidates: list[Tenant] = []

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {
            "autocomplete": "off",
            "maxlength": str(LONGEST),
            "data-tenant-search": _lazy_search_url("?status=active" if self.active_only else ""),
        }

    def clean(self, value: Any) -> Any:
        text = searched(value, LONGEST)
        if not text:
            return super().clean(text) or None
        found = exactly(self.among, text)
        if len(found) == 1:
            return found[0]
        self.candidates = (found or suggestions(self.among, text))[:MOST_OFFERED]
        if not self.candidates:
            raise forms.ValidationError(self.error_messages["unknown"], code="unknown")
        offered = [(label_of(tenant), label_of(tenant)) for tenant in self.candidates]
        self.widget = forms.Select(choices=[("", _("Choose a tenant")), *offered])
        raise forms.ValidationError(self.error_messages["several"], code="several")
