"""The filter of the history: from the address to `audit.search.query.Filter`, and in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from functools import cached_property
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from lofty_admin.agentsettings.fields import BY_NAME
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.models import actor_in_words
from lofty_admin.audit.search.query import Filter, choices
from lofty_admin.core.long_select import LongSelect, Rows
from lofty_admin.core.searching import SearchField, search_problem
from lofty_admin.core.text import fold
from lofty_admin.core.timezones import begin_of, reader_zone
from lofty_admin.history.days import DayField, end_of
from lofty_admin.tenants.access.permissions import is_superuser, visible_tenants
from lofty_admin.tenants.access.tenant_choice import TenantField, label_of
from lofty_admin.tenants.http import SignedInRequest
from lofty_admin.tenants.models import Tenant

PAGING = ("before", "after")
PRESETS = ((_("Today"), 0), (_("7 days"), 6), (_("30 days"), 29), (_("90 days"), 89))
MOST_OFFERED = 300
LONGEST_TEXT = 200
NOT_THERE = _("No events for this {field}.")
_Choices = list[tuple[str, str]]
_Tenant = tuple[UUID, str, str]  # id, short name, name


def _readable(request: SignedInRequest) -> list[_Tenant] | None:
    """Return the tenants whose events this user may read, by name; None for a superuser: all."""
    if is_superuser(request.user):
        return None
    return list(visible_tenants(request.user).values_list("pk", "slug", "name"))


def scope_of(request: SignedInRequest) -> frozenset[UUID] | None:
    """Return the ids of the tenants the user may read; None for a superuser."""
    return _ids(_readable(request))


def _ids(tenants: list[_Tenant] | None) -> frozenset[UUID] | None:
    return None if tenants is None else frozenset(pk for pk, _slug, _name in tenants)


def _chosen(label: Any) -> forms.ChoiceField:
    nothing = {"invalid_choice": format_lazy(NOT_THERE, field=label)}
    widget = LongSelect(attrs={"class": "form-select"})
    return forms.ChoiceField(label=label, required=False, widget=widget, error_messages=nothing)


class FilterForm(forms.Form):
    """The filter form. It offers only values that occur in events the user may read."""

    tenant = _chosen(_("Tenant"))
    actor = _chosen(_("User"))
    kind = _chosen(_("Event"))
    outcome = _chosen(_("Outcome"))
    setting = _chosen(_("Setting changed"))
    since = DayField(_("From"))
    until = DayField(_("To"))
    q = SearchField(label=_("Search"), longest=LONGEST_TEXT)

    def __init__(
        self, data: QueryDict, seen: list[_Tenant] | None, tenant: Tenant | None, zone: tzinfo
    ) -> None:
        """Create the form.

        seen: the tenants the user may read, None for all; tenant: the one whose list this is.
        """
        super().__init__(data)
        self.scope, self.zone = _ids(seen), zone
        self.narrow = None if tenant is None else tenant.id
        self._offer(choices(frozenset({tenant.id}) if tenant else self.scope))
        if tenant is not None:
            del self.fields["tenant"]
        else:
            self._offer_tenants(seen)

    def _offer(self, found: dict[str, _Choices]) -> None:
        self._set("actor", gettext("Anyone"), _by_label(found.get("actor", [])))
        self._set("kind", gettext("Any event"), _in_words(found.get("kind", []), Kind.choices))
        self._set(
            "outcome", gettext("Any outcome"), _in_words(found.get("outcome", []), Outcome.choices)
        )
        settings = [(name, setting.label) for name, setting in BY_NAME.items()]
        self._set("setting", gettext("Any setting"), _in_words(found.get("setting", []), settings))

    def _offer_tenants(self, seen: list[_Tenant] | None) -> None:
        if seen is None:
            named = list(Tenant.objects.values_list("slug", "name")[: MOST_OFFERED + 1])
        else:
            named = [(slug, name) for _pk, slug, name in seen]
        if len(named) > MOST_OFFERED:
            field = TenantField(label=_("Tenant"))
            field.among = self._readable_tenants()
            self.fields["tenant"] = field
            return
        self._set("tenant", gettext("All tenants"), named)

    def _set(self, name: str, all_label: str, offered: _Choices) -> None:
        self.fields[name].choices = Rows([("", all_label), *offered])  # type: ignore[attr-defined]  # of a ChoiceField

    def _readable_tenants(self) -> QuerySet[Tenant]:
        readable = Tenant.objects.all()
        return readable if self.scope is None else readable.filter(pk__in=self.scope)

    def clean_tenant(self) -> Tenant | None:
        given = self.cleaned_data["tenant"]
        if isinstance(given, Tenant) or not given:
            return given or None
        found = self._readable_tenants().filter(slug=given).first()
        if found is None:
            raise forms.ValidationError(NOT_THERE.format(field=self.fields["tenant"].label))
        return found

    @property
    def tenant_candidates(self) -> list[Tenant]:
        """Return the tenants to choose from when the typed text is ambiguous."""
        self.is_valid()
        return getattr(self.fields.get("tenant"), "candidates", [])

    @property
    def tenant_typed(self) -> str:
        """Return what a tenant field is filled in with."""
        self.is_valid()
        chosen = self.cleaned_data.get("tenant")
        return label_of(chosen) if chosen else self.data.get("tenant", "")

    def clean_q(self) -> str:
        text: str = self.cleaned_data["q"]
        if len(self.data.get("q", "")) > LONGEST_TEXT:
            words = _("Enter at most %(most)s characters.")
            raise forms.ValidationError(words % {"most": LONGEST_TEXT})
        if problem := search_problem(text):
            raise forms.ValidationError(problem)
        return text

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        since, until = data.get("since"), data.get("until")
        if since and until and since > until:
            raise forms.ValidationError(_("The start date is after the end date."))
        return data

    @property
    def filters(self) -> Filter:
        """Return the filter of a valid form."""
        data = self.cleaned_data
        since, until = data["since"], data["until"]
        found = Filter(
            self.scope,
            actor=data["actor"],
            kind=data["kind"],
            outcome=data["outcome"],
            setting=data["setting"],
            since=begin_of(since, self.zone) if since else None,
            until=end_of(until, self.zone) if until else None,
            text=data["q"],
        )
        chosen = data.get("tenant")
        tenant_id = chosen.id if chosen else self.narrow
        return found.narrowed_to(tenant_id) if tenant_id else found

    @property
    def in_use(self) -> list[tuple[str, str]]:
        """Return (field name, "Person: Emil Editor") for everything that is set."""
        if not self.is_valid():
            return []
        return [
            (name, f"{field.label}: {_label(field, self.cleaned_data[name])}")
            for name, field in self.fields.items()
            if self.cleaned_data.get(name)
        ]


def _label(field: forms.Field, value: Any) -> str:
    if isinstance(field, forms.ChoiceField) and isinstance(value, str):
        return str(dict(field.choices).get(value, value))  # type: ignore[arg-type]  # a flat list
    return str(value)


def _by_label(found: _Choices) -> _Choices:
    named = [
        (value, actor_in_words(value.partition(":")[0], label) or gettext("Not signed in"))
        for value, label in found
    ]
    return sorted(named, key=lambda one: fold(one[1]))


def _in_words(found: _Choices, known: Iterable[tuple[str, Any]]) -> _Choices:
    """Return labels in the order of `known`; unknown values come last, unchanged."""
    values = {value for value, _ in found}
    named = [(value, _sentence(str(label))) for value, label in known if value in values]
    return named + [(value, value) for value in sorted(values - {value for value, _ in named})]


def _sentence(label: str) -> str:
    return label[:1].upper() + label[1:]


@dataclass(frozen=True)
class Address:
    """Links that keep the filter: `query` is the filter as in the address, without the page."""

    query: QueryDict

    @classmethod
    def of(cls, request: SignedInRequest) -> "Address":
        query = request.GET.copy()
        for name in [*PAGING, *(name for name in query if not query[name])]:
            query.pop(name, None)
        return cls(query)

    def __str__(self) -> str:
        return self.query.urlencode()

    @cached_property
    def suffix(self) -> str:
        """Return the query as it follows a path: "?q=x", or ""."""
        return f"?{self}" if self.query else ""

    def having(self, **values: object) -> str:
        """Return the query with these values replaced; "" if it is empty."""
        query = self.query.copy()
        for name, value in values.items():
            query.pop(name, None)
            if value != "":
                query[name] = str(value)
        return query.urlencode()


def presets(address: Address, zone: tzinfo) -> list[dict[str, object]]:
    """Return predefined date ranges: label, query, and whether it is in use."""
    today = timezone.now().astimezone(zone).date()
    return [
        {
            "label": label,
            "query": address.having(since=(since := today - timedelta(days=days)), until=""),
            "active": address.query.get("since") == str(since) and "until" not in address.query,
        }
        for label, days in PRESETS
    ]


def filter_of(request: SignedInRequest, tenant: Tenant | None) -> FilterForm:
    """Return the form for this address, limited to what this user may read."""
    return FilterForm(request.GET, _readable(request), tenant, reader_zone(request))
