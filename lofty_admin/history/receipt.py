"""The customer receipt: what changed for one tenant in a period, and the proof of it.

Customers receive it, so it has no internal notes, addresses, or request ids, nothing about other
tenants, and none of Lofty's raw answers.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from django import forms
from django.core.paginator import Page, Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from lofty_admin.agentsettings.display.rows import Row
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.models import AuditCheckpoint, AuditEvent, AuditIndex
from lofty_admin.audit.proof.signed_checkpoint import Checkpoint, believed_keys
from lofty_admin.core.timezones import begin_of, reader_zone
from lofty_admin.history.days import DayField, end_of
from lofty_admin.history.describe import event_rows
from lofty_admin.tenants.access.permissions import get_tenant
from lofty_admin.tenants.http import SignedInRequest
from lofty_admin.tenants.models import Role, Tenant

PAGE = 200
LISTED = (Kind.SETTINGS_INTENT, Kind.SETTINGS_OUTCOME, Kind.SETTINGS_SEEN_CHANGED)
OUTCOMES = {
    Outcome.VERIFIED: _("Verified: read back from Lofty as requested."),
    Outcome.NOT_APPLIED: _("Not applied: Lofty kept its earlier value."),
    Outcome.REJECTED: _("Rejected: Lofty rejected it, and nothing was changed."),
    Outcome.UNKNOWN: _("Unknown: the change may or may not have been made."),
}
NOT_SETTLED = _("Unresolved: the outcome isn't known yet.")
SEEN = _("Changed directly in Lofty, not through this console. The time is when it was detected.")


class PeriodForm(forms.Form):
    """Two days, both included. Without them: this month so far."""

    since = DayField(_("From"))
    until = DayField(_("To"))

    def __init__(self, data: Any, today: date) -> None:
        super().__init__(data)
        self.today = today

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if not self.errors:
            data["until"] = data["until"] or max(self.today, data["since"] or self.today)
            data["since"] = data["since"] or data["until"].replace(day=1)
            if data["since"] > data["until"]:
                raise forms.ValidationError(_("The start date is after the end date."))
        return data


@dataclass(frozen=True)
class Change:
    """One change: `begun` is its first event, `latest` its newest, often the same one."""

    begun: AuditEvent
    latest: AuditEvent

    @property
    def is_from_outside(self) -> bool:
        return self.latest.kind == Kind.SETTINGS_SEEN_CHANGED

    @property
    def is_as_wanted(self) -> bool:
        """Return whether the values shown under "after" are those Lofty had."""
        return self.is_from_outside or self.latest.outcome == Outcome.VERIFIED

    @property
    def who(self) -> str:
        return gettext("A user of Lofty") if self.is_from_outside else self.begun.who

    @property
    def outcome(self) -> str | Promise:
        """Return the outcome in a sentence, or the raw value if this version does not know it."""
        if self.is_from_outside:
            return SEEN
        if self.latest.kind == Kind.SETTINGS_INTENT:
            return NOT_SETTLED
        return dict(OUTCOMES).get(Outcome(self.latest.outcome), "?") if self._is_known else "?"

    @property
    def _is_known(self) -> bool:
        return self.latest.outcome in Outcome.values

    @property
    def rows(self) -> list[Row]:
        return event_rows(self.latest)


@dataclass(frozen=True)
class Proof:
    """A checkpoint and its number on the page. is_valid: None where its key is not known here."""

    number: int
    checkpoint: Checkpoint
    is_valid: bool | None


@dataclass(frozen=True)
class Entry:
    """A change as it is printed. proof: None while no checkpoint covers it."""

    change: Change
    at: datetime
    proof: Proof | None


@require_safe
def receipt(request: SignedInRequest, slug: str) -> HttpResponse:
    """Show a page to print: the changes of a period, in the reader's time zone."""
    tenant = get_tenant(request, slug, Role.VIEWER)
    zone = reader_zone(request)
    form = PeriodForm(request.GET, timezone.now().astimezone(zone).date())
    context = {
        "tenant": tenant,
        "tab": "history",
        "form": form,
        "zone": str(zone),
        "presets": presets(form.today),
        "made": timezone.now(),
        **(_filled(request, tenant, form, zone) if form.is_valid() else {}),
    }
    return render(request, "history/receipt.html", context)


def _filled(
    request: SignedInRequest, tenant: Tenant, form: PeriodForm, zone: tzinfo
) -> dict[str, object]:
    since, until = form.cleaned_data["since"], form.cleaned_data["until"]
    numbers = changes_of(tenant, begin_of(since, zone), end_of(until, zone))
    page = Paginator(numbers, PAGE).get_page(request.GET.get("page"))
    entries = _entries(page)
    proofs = {entry.proof.number: entry.proof for entry in entries if entry.proof}
    return {
        "since": since,
        "until": until,
        "page": page,
        "entries": entries,
        "proofs": proofs.values(),
        "uncovered": sum(1 for entry in entries if entry.proof is None),
    }


def presets(today: date) -> list[tuple[str, date, date]]:
    """Return label, first day, and last day of each predefined period."""
    this_month = today.replace(day=1)
    last_month_end = this_month - timedelta(days=1)
    return [
        (gettext("This month"), this_month, today),
        (gettext("Last month"), last_month_end.replace(day=1), last_month_end),
        (gettext("Last 90 days"), today - timedelta(days=89), today),
    ]


def changes_of(tenant: Tenant, begin: datetime, end: datetime) -> list[tuple[int, int]]:
    """Return the first and the newest record of each change begun in the period.

    Attempts that never reached Lofty are not listed.
    """
    of_tenant = AuditIndex.objects.filter(tenant_id=tenant.id, kind__in=LISTED)
    inside = set(of_tenant.filter(at__gte=begin, at__lt=end).values_list("seq", flat=True))
    columns = ("seq", "operation_id", "kind", "outcome")
    seen = AuditEvent.objects.filter(seq__in=inside).values_list(*columns)
    operations = {operation for _, operation, _, _ in seen if operation}
    same = AuditEvent.objects.filter(operation_id__in=operations, kind__in=LISTED)
    parts: dict[object, list[tuple[int, str]]] = {}
    for seq, operation, _kind, outcome in sorted({*seen, *same.values_list(*columns)}):
        parts.setdefault(operation or seq, []).append((seq, outcome))
    return [
        (events[0][0], events[-1][0])
        for events in parts.values()
        if events[0][0] in inside and events[-1][1] != Outcome.NOT_SENT
    ]


def _entries(page: Page[tuple[int, int]]) -> list[Entry]:
    numbers = [number for pair in page for number in pair]
    events = {event.seq: event for event in AuditEvent.objects.filter(seq__in=numbers)}
    pairs = [(events[begun], events[latest]) for begun, latest in page]
    proofs = proofs_of([latest.seq for _, latest in pairs])
    return [
        Entry(Change(begun, latest), begun.at, proof)
        for (begun, latest), proof in zip(pairs, proofs, strict=True)
    ]


def proofs_of(seqs: Sequence[int]) -> list[Proof | None]:
    """Return the first checkpoint that covers each record, numbered from 1 in their order."""
    if not seqs:
        return []
    covering = AuditCheckpoint.objects.filter(size__gte=min(seqs)).order_by("size", "pk")
    rows = list(covering.values_list("size", "pk"))
    firsts = [bisect_left(rows, (seq, 0)) for seq in seqs]
    keys = [rows[place][1] if place < len(rows) else 0 for place in firsts]
    lines = dict(AuditCheckpoint.objects.filter(pk__in=keys).values_list("pk", "line"))
    found = {key: _proof(number, lines[key]) for number, key in enumerate(sorted(lines), start=1)}
    return [found.get(key) for key in keys]


def _proof(number: int, line: str) -> Proof | None:
    try:
        checkpoint = Checkpoint.parse(line)
    except ValueError:
        return None
    key = believed_keys().get(checkpoint.key_id)
    return Proof(number, checkpoint, checkpoint.is_signed_by(key) if key else None)
