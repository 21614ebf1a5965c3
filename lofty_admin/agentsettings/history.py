"""A tenant's history, and going back. Here and not in `audit`, which knows no tenant's rights."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_POST

from lofty_admin.agentsettings.changes import Change, diff
from lofty_admin.agentsettings.fields import SETTINGS, Setting
from lofty_admin.agentsettings.models import Operation
from lofty_admin.agentsettings.rows import Row, change_rows
from lofty_admin.agentsettings.views import may_edit, review_live
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.models import AuditEvent
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import IS_TYPE, TYPES
from lofty_admin.tenants.access import get_tenant
from lofty_admin.tenants.models import Role

PAGE = 50
SEEN = (Kind.SETTINGS_OUTCOME, Kind.SETTINGS_SEEN_CHANGED)  # with what Lofty had afterwards
# The console renews a connection every few hours, by itself: nothing for a reader.
NOT_LISTED = (Kind.SETTINGS_INTENT, Kind.CREDENTIAL_RENEWED)
SETTINGS_KINDS = (Kind.SETTINGS_INTENT, Kind.SETTINGS_REFUSED, *SEEN)


@require_GET
def history(request: HttpRequest, slug: str) -> HttpResponse:
    """Newest first: who, what, outcome, when."""
    tenant = get_tenant(request, slug, Role.VIEWER)
    # An intent is shown with its outcome; alone it stands only while that is open.
    open_ones = Operation.objects.filter(tenant=tenant, settled_at=None).values("pk")
    events = AuditEvent.objects.for_tenant(tenant.id).exclude(kind__in=NOT_LISTED)
    pending = AuditEvent.objects.for_tenant(tenant.id).filter(
        kind=Kind.SETTINGS_INTENT, operation_id__in=open_ones
    )
    page = Paginator(events, PAGE).get_page(request.GET.get("page"))
    context = {"tenant": tenant, "tab": "history", "page": page, "pending": pending}
    return render(request, "agentsettings/history.html", context)


@require_GET
def event(request: HttpRequest, slug: str, event_id: UUID) -> HttpResponse:
    """One event: per setting before and after, Lofty's answer, the exact record."""
    tenant = get_tenant(request, slug, Role.VIEWER)
    found = get_object_or_404(AuditEvent, pk=event_id, tenant_id=tenant.id)
    detail = found.content.get("detail") or {}
    context = {
        "tenant": tenant,
        "tab": "history",
        "event": found,
        "detail": detail,
        "answer": detail.get("answer"),
        "rows": event_rows(found),
        "has_before": bool(version(found, "before")),
        "has_after": found.kind in SEEN and bool(version(found, "after")),
        "can_edit": may_edit(request, tenant),
        "others": _others(found),
    }
    return render(request, "agentsettings/event.html", context)


@require_POST
def go_back(request: HttpRequest, slug: str, event_id: UUID) -> HttpResponse:
    """The settings as they were before or after an event -> the ordinary review against now.

    POST, because it reads Lofty: a prefetched link must not spend the tenant's calls.
    """
    tenant = get_tenant(request, slug, Role.EDITOR)
    found = get_object_or_404(AuditEvent, pk=event_id, tenant_id=tenant.id)
    side = request.POST.get("side", "")
    values = version(found, side) if side in ("before", "after") else {}
    if not values:
        raise Http404
    if left_out := [s.label for s in SETTINGS if s.name not in values]:
        messages.info(
            request,
            f"Left as it is, because it was not set or cannot be sent: {', '.join(left_out)}.",
        )
    when = f"{found.at:%Y-%m-%d %H:%M} UTC"
    return review_live(request, tenant, values, reason=f"Go back to {side} the change of {when}")


def version(found: AuditEvent, side: str) -> dict[str, JSON]:
    """The editable settings as they were on that side of an event, with the types Lofty takes.

    What cannot be sent (null, wrong types, texts the record holds only in part) is left out.
    """
    if found.kind not in SETTINGS_KINDS:
        return {}
    values = _of_operation(found, side) or _of_record(found, side)
    return {name: v for name, v in values.items() if v is not None and IS_TYPE[TYPES[name]](v)}


def _of_operation(found: AuditEvent, side: str) -> dict[str, JSON]:
    """The exact settings, from the save the event belongs to."""
    if found.operation_id is None or not isinstance(found.content.get(side), Mapping):
        return {}
    operation = Operation.objects.filter(pk=found.operation_id).first()
    if operation is None or operation.tenant_id != found.tenant_id:
        return {}
    values = operation.after if side == "after" else operation.before or operation.base
    return {s.name: values.get(s.name) for s in SETTINGS} if values else {}


def _of_record(found: AuditEvent, side: str) -> dict[str, JSON]:
    """From the record itself, less what it holds only cut or escaped."""
    values = found.content.get(side)
    if not isinstance(values, Mapping):
        return {}
    inexact = (found.content.get("detail") or {}).get("inexact") or []
    return {s.name: _exact(s, values.get(s.name)) for s in SETTINGS if s.name not in inexact}


def _exact(setting: Setting, value: JSON) -> JSON:
    """Ids beyond 2^53 stand as text in the record (RFC 8785): in a list they become numbers."""
    if not setting.is_list or not isinstance(value, list):
        return value
    return [int(item) if _is_number_text(item) else item for item in value]


def _is_number_text(item: JSON) -> bool:
    return isinstance(item, str) and item.removeprefix("-").isdecimal()


def event_rows(found: AuditEvent) -> list[Row]:
    """Per changed setting before and after, with the names of the day of the event."""
    content = found.content
    detail = content.get("detail") or {}
    names = cast("dict[str, dict[str, str]]", detail.get("names") or {})
    if found.kind in SETTINGS_KINDS:
        return change_rows(_changes(content, detail), names, content.get("after"))
    return _plain_rows(content)


def _changes(content: dict[str, Any], detail: dict[str, Any]) -> list[Change]:
    before = content.get("before") or {}
    wanted = detail.get("wanted") or content.get("after") or {}
    meant = set(detail.get("changed") or [])
    after = {**before, **{name: wanted[name] for name in meant if name in wanted}}
    changes = list(diff(before, after))
    seen = content.get("after")
    if isinstance(seen, Mapping) and "wanted" in detail:
        changes += [c for c in diff(before, seen) if c.name not in meant]
    return changes


def _plain_rows(content: dict[str, Any]) -> list[Row]:
    """Before and after of other events (a tenant's name, a role): property by property."""
    before, after = content.get("before"), content.get("after")
    before = before if isinstance(before, Mapping) else {}
    after = after if isinstance(after, Mapping) else {}
    return [
        Row(
            name=key,
            label=key.replace("_", " "),
            before=_text(before.get(key)),
            after=_text(after.get(key)),
        )
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    ]


def _text(value: JSON) -> str:
    return "—" if value is None or value == "" else str(value)


def _others(found: AuditEvent) -> list[AuditEvent]:
    if found.operation_id is None:
        return []
    same = AuditEvent.objects.filter(operation_id=found.operation_id, tenant_id=found.tenant_id)
    return list(same.exclude(pk=found.pk).order_by("seq"))
