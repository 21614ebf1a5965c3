"""Read a tenant's names from Lofty, page by page, so that a sync can stop and resume anywhere.

    start_sync -> QUEUED -> RUNNING -> DONE | FAILED
                              |  ^
                              v  |  until `resume_at`: no calls left, or Lofty cannot be reached
                            WAITING

One process at a time runs a sync: see core/leased_job.py. A directory is never emptied: see
`_finish`.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from lofty_admin.accounts.models import User
from lofty_admin.audit.context import acting_as, current_actor, current_request_id
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.core import clocks
from lofty_admin.core.leased_job import LeaseLost
from lofty_admin.core.queue import defer_once
from lofty_admin.core.text import clean
from lofty_admin.directory.models import (
    BETWEEN,
    TEXT_LENGTH,
    Entry,
    EntryKind,
    Profile,
    Step,
    Sync,
    SyncState,
)
from lofty_admin.lofty.client import LoftyClient, Member, Page
from lofty_admin.lofty.errors import (
    BudgetSpent,
    LoftyError,
    RateLimited,
    Rejected,
    Unauthorised,
    Unknown,
    Unreachable,
)
from lofty_admin.tenants.access.permissions import role_of
from lofty_admin.tenants.credentials.api_client import ConnectionUnavailable, client_for
from lofty_admin.tenants.models import Role, Tenant

TASK = "directory.sync"
QUEUE = "directory"
SLICE = 30.0  # seconds after which a job yields the worker to others
RESUMABLE = timedelta(hours=1)  # older pages may not match the newer ones
MOST_ATTEMPTS = 12
MOST_ATTEMPTS_AT_A_PART = 3
LONGEST_PAUSE = timedelta(minutes=15)
MOST_ROWS = 1_000_000
FULL_PAGE = {EntryKind.AGENT: 25, EntryKind.PIPELINE: 10}  # Lofty's sizes, and divisors of ours
AT_THE_START: dict[str, Any] = {
    "position": 0,
    "pages": 0,
    "seconds": 0.0,
    "total": None,
    "steady": True,
}
KEPT = "The earlier names were kept."
CHANGED = (
    "Lofty's list of {} changed or was inconsistent while it was read, so no entries were "
    "marked as no longer in Lofty. The next sync checks again."
)


def start_sync(tenant: Tenant) -> Sync:
    """Return the tenant's open sync, or a new one, and queue a job for it. Never calls Lofty."""
    with transaction.atomic():
        sync = open_sync(tenant)
        enqueue(sync)
    return sync


def open_sync(tenant: Tenant) -> Sync:
    """Return a sync like `start_sync`, without the job. Reopen one that failed recently."""
    with transaction.atomic():
        # Concurrent requests must get the same sync; the unique index is only a safety net.
        Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
        newest = Sync.objects.filter(tenant=tenant).first()
        if newest and newest.is_open:
            return newest
        sync = newest if newest and _is_resumable(newest) else Sync(tenant=tenant)
        actor = current_actor()
        sync.state, sync.attempts = SyncState.QUEUED, 0
        sync.message, sync.resume_at, sync.finished_at = "", None, None
        sync.heartbeat_at = timezone.now()
        sync.actor_kind, sync.actor_id, sync.actor_name = actor.kind, actor.id, actor.name[:300]
        sync.request_id = current_request_id()
        sync.save()
    return sync


def enqueue(sync: Sync) -> None:
    """Queue a job for the sync, at `resume_at` if it waits, unless one is queued already."""
    tenant, at = sync.tenant_id, sync.resume_at
    defer_once(TASK, tenant, queue=QUEUE, at=at, tenant_id=str(tenant), sync_id=str(sync.pk))


def with_names_to_read() -> list[Tenant]:
    """Return the active tenants that have a token."""
    having = Tenant.objects.filter(status=Tenant.Status.ACTIVE, connections__isnull=False)
    return list(having.filter(connections__retired_at=None).distinct())


def stalled() -> list[Sync]:
    """Return the open syncs that no process seems to work on any more."""
    return list(Sync.stalled().filter(tenant__status=Tenant.Status.ACTIVE))


def advance(sync_id: UUID, *, seconds: float = SLICE) -> datetime | None:
    """Work on a sync for about `seconds`. Return when to continue, or None if there is no need.

    Returns None also when another process has the sync. Commits after every call to Lofty.
    """
    sync = Sync.claim(sync_id, attempts=F("attempts") + 1, message="")
    if sync is None:
        return None
    with acting_as(sync.actor, sync.request_id or None):
        try:
            return _work(sync, time.monotonic() + seconds)
        except LeaseLost:
            return None


def _is_resumable(sync: Sync) -> bool:
    recent = clocks.is_recent(sync.started_at, timezone.now(), RESUMABLE)
    return sync.state == SyncState.FAILED and recent


def _work(sync: Sync, deadline: float) -> datetime | None:
    if sync.attempts > MOST_ATTEMPTS:
        _fail(sync, f"It made no progress in {MOST_ATTEMPTS} attempts and was stopped.")
        return None
    try:
        if not _read(sync, _client(sync), deadline):
            return _pause(sync, SyncState.QUEUED, timezone.now())
    except (BudgetSpent, RateLimited) as spent:
        return _pause(sync, SyncState.WAITING, spent.until)
    except (Unreachable, Unknown) as error:
        pause = min(LONGEST_PAUSE, timedelta(minutes=2**sync.attempts / 2))
        return _pause(sync, SyncState.WAITING, timezone.now() + pause, error.message)
    except LoftyError as error:
        _fail(sync, f"{error.message} {error.advice}")
    except (ConnectionUnavailable, RightLost) as error:
        _fail(sync, str(error))
    else:
        _finish(sync)
    return None


def _client(sync: Sync) -> LoftyClient:
    """Return a client that leaves the reserve to saves and knows the page sizes so far."""
    client = client_for(sync.tenant, can_wait=True)
    client.page_sizes = sync.page_sizes  # the same dict: new sizes are stored too
    return client


def _read(sync: Sync, client: LoftyClient, deadline: float) -> bool:
    """Take at least one step, then more until the end (True) or the deadline (False)."""
    while sync.step != Step.END:
        _require_right(sync)
        _take_step(sync, client)
        if time.monotonic() > deadline:
            return sync.step == Step.END
    return True


class RightLost(Exception):
    """The user who asked for the names lost that right, or the tenant was archived."""


def _require_right(sync: Sync) -> None:
    """Raise RightLost, with the reason as its text. Rights may change while names are read."""
    if Tenant.objects.only("status").get(pk=sync.tenant_id).is_archived:
        raise RightLost("The tenant was archived in the meantime.")
    if sync.actor.kind != "person":
        return
    user = User.objects.filter(pk=sync.actor.id).first()
    role = role_of(user, sync.tenant) if user else None
    if role is None or role < Role.EDITOR:
        raise RightLost("The user who started this no longer has permission.")


def _take_step(sync: Sync, client: LoftyClient) -> None:
    """Make one call and store the result. A part that Lofty refuses does not stop the rest."""
    step = Step(sync.step)
    try:
        _STEPS[step](sync, client)
    except (Rejected, Unknown) as error:
        if not _can_do_without(sync, error):
            raise
        note = f"{step.label}: {error.message} {KEPT}"
        _progress(sync, step=step.next, notes=[*sync.notes, note], **AT_THE_START)


def _can_do_without(sync: Sync, error: Rejected | Unknown) -> bool:
    """Return whether to skip this part: refused or failing too often, while the rest may work."""
    if sync.step == Step.AGENTS or isinstance(error, RateLimited):
        return False
    if isinstance(error, Unauthorised):  # a dead token fails again at the next part
        return sync.step == Step.ME
    return isinstance(error, Rejected) or sync.attempts >= MOST_ATTEMPTS_AT_A_PART


def _me(sync: Sync, client: LoftyClient) -> None:
    me = _storable(asdict(client.me()))
    with transaction.atomic():
        _progress(sync, step=Step.ME.next)
        _keep_profile(sync, me=me)


def _quota(sync: Sync, client: LoftyClient) -> None:
    quota = _storable(asdict(client.quota()))
    with transaction.atomic():
        _progress(sync, step=Step.QUOTA.next)
        _keep_profile(sync, quota=quota)


def _offices(sync: Sync, client: LoftyClient) -> None:
    offices = client.org().offices
    by_id = {office.id: office.name or "" for office in offices}
    entries = [
        _entry(sync, EntryKind.OFFICE, office.id, office.name, by_id.get(parent, ""), parent)
        for office in offices
        for parent in [office.parent_id or 0]
    ]
    # Lofty returns none for several teams or without permission: that is no sign of removal.
    whole = [EntryKind.OFFICE] if offices else []
    _progress(sync, entries, step=Step.OFFICES.next, whole=[*sync.whole, *whole])


def _ponds(sync: Sync, client: LoftyClient) -> None:
    entries = [_entry(sync, EntryKind.POND, pond.id, pond.name) for pond in client.ponds()]
    _progress(sync, entries, step=Step.PONDS.next, whole=[*sync.whole, EntryKind.POND])


def _pipelines(sync: Sync, client: LoftyClient) -> None:
    """Read one page."""
    began = time.monotonic()
    page = client.pipelines_page(sync.pages, sync.position)
    entries = [_entry(sync, EntryKind.PIPELINE, row.id, row.name) for row in page.items]
    ended, reached = _reached(sync, EntryKind.PIPELINE, page, entries, began)
    with transaction.atomic():
        _progress(sync, entries, **reached)
        if ended:
            _progress(sync, **_end_of_pipelines(sync))


def _end_of_pipelines(sync: Sync) -> dict[str, Any]:
    onward = {"step": Step.PIPELINES.next, **AT_THE_START}
    if _is_whole(sync, EntryKind.PIPELINE):
        return {**onward, "whole": [*sync.whole, EntryKind.PIPELINE]}
    return {**onward, "notes": [*sync.notes, CHANGED.format("pipelines")]}


def _agents(sync: Sync, client: LoftyClient) -> None:
    """Read one page."""
    began = time.monotonic()
    page = client.members_page(sync.position)
    agents = list(filter(None, (_agent(sync, member) for member in page.items)))
    ended, reached = _reached(sync, EntryKind.AGENT, page, agents, began)
    step = Step.AGENTS.next if ended else Step.AGENTS
    _progress(sync, [*agents, *_learnt_offices(sync, page.items)], step=step, **reached)


def _reached(
    sync: Sync, kind: EntryKind, page: Page[Any], entries: Iterable[Entry], began: float
) -> tuple[bool, dict[str, Any]]:
    """Return whether this page ends its list, and the sync's progress after it.

    A list ends with a page without new entries, or at its total if that is plausible.
    """
    position = sync.position + page.received
    if position > MOST_ROWS:
        raise Unknown(f"Lofty's list of {kind.label.lower()} does not end.")
    is_empty = page.received == 0
    # After the end of a list, Lofty may omit the total or report 0.
    total = sync.total if is_empty and sync.pages else page.total
    ended = is_empty or _is_nothing_new(sync, kind, page, entries) or _is_at_total(sync, kind, page)
    return ended, {
        "position": position,
        "pages": sync.pages + 1,
        "seconds": sync.seconds + time.monotonic() - began,
        "total": total,
        "steady": sync.steady and (sync.position == 0 or sync.total == total),
    }


def _is_nothing_new(sync: Sync, kind: EntryKind, page: Page[Any], entries: Iterable[Entry]) -> bool:
    """Return whether this sync has seen every entry of the page, as when Lofty repeats its pages.

    A page without readable rows shows nothing, so the total decides, if there is one.
    """
    ids = {entry.lofty_id for entry in entries}
    if not ids:
        return page.total is None
    return _seen(sync, kind).filter(lofty_id__in=ids).count() == len(ids)


def _is_at_total(sync: Sync, kind: EntryKind, page: Page[Any]) -> bool:
    """Return whether the total is reached and plausible.

    It is wrong if more rows came, and it may be the size of this page alone if it equals a full
    first page.
    """
    if page.total is None or sync.position + page.received != page.total:
        return False
    return bool(sync.pages) or page.received % FULL_PAGE[kind] != 0


_STEPS: dict[Step, Callable[[Sync, LoftyClient], None]] = {
    Step.ME: _me,
    Step.QUOTA: _quota,
    Step.OFFICES: _offices,
    Step.PONDS: _ponds,
    Step.PIPELINES: _pipelines,
    Step.AGENTS: _agents,
}


def _agent(sync: Sync, member: Member) -> Entry | None:
    if member.member_user_id is None:
        return None
    name = " ".join(filter(None, [member.first_name, member.last_name])).strip()
    parts = [member.email if name else "", member.group_name]
    detail = BETWEEN.join(part for part in parts if part)
    office = member.group_id or 0
    return _entry(
        sync, EntryKind.AGENT, member.member_user_id, name or member.email, detail, office
    )


def _learnt_offices(sync: Sync, members: Iterable[Member]) -> list[Entry]:
    """Return the offices that this sync knows only from their agents."""
    names = {row.group_id: row.group_name for row in members if row.group_id and row.group_name}
    listed = _seen(sync, EntryKind.OFFICE).filter(lofty_id__in=names)
    fresh = names.keys() - set(listed.values_list("lofty_id", flat=True))
    return [_entry(sync, EntryKind.OFFICE, number, names[number]) for number in fresh]


def _entry(
    sync: Sync,
    kind: EntryKind,
    lofty_id: int,
    name: str | None,
    detail: str = "",
    belongs_to: int | None = None,
) -> Entry:
    entry = Entry.build(sync.tenant, kind, lofty_id, name, detail, belongs_to)
    entry.seen_in = sync.pk
    return entry


def _seen(sync: Sync, kind: EntryKind) -> QuerySet[Entry]:
    return Entry.objects.filter(tenant=sync.tenant, kind=kind, seen_in=sync.pk)


def _progress(sync: Sync, entries: Iterable[Entry] = (), **changes: Any) -> None:
    """Store a call's entries and the sync's new position in a single transaction."""
    # -1 and 0 mean "everyone" and "nothing" in Lofty, never one of these.
    real = [entry for entry in entries if entry.lofty_id > 0]
    with transaction.atomic():
        _write(sync, attempts=0, **changes)
        Entry.objects.keep(real)


def _write(sync: Sync, **changes: Any) -> None:
    """Update the sync and the page sizes found so far. Raises LeaseLost."""
    sync.save_progress(page_sizes=sync.page_sizes, **changes)


def _keep_profile(sync: Sync, **parts: Any) -> None:
    Profile.objects.update_or_create(
        tenant=sync.tenant, defaults={**parts, "fetched_at": timezone.now()}
    )


def _storable(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: clean(value, TEXT_LENGTH) if isinstance(value, str) else value
        for name, value in values.items()
    }


def _pause(sync: Sync, state: SyncState, until: datetime, message: str = "") -> datetime:
    _write(sync, state=state, resume_at=until, message=message)
    return until


def _fail(sync: Sync, reason: str) -> None:
    """End the sync as failed: keep what was read, and mark nothing as gone. The next may resume."""
    now = timezone.now()
    message = f"{reason} {_how_far(sync, now)}"
    with transaction.atomic():
        _write(sync, state=SyncState.FAILED, finished_at=now, message=message)
        _record(sync, Outcome.NOT_APPLIED)


def _how_far(sync: Sync, now: datetime) -> str:
    if sync.step == Step.ME:
        return "Nothing had been read yet. The earlier names were kept."
    agents = f"{sync.done:,} of {sync.agents:,} agents" if sync.agents else "no agents yet"
    until = sync.started_at + RESUMABLE
    later = f" A sync before {until:%H:%M} UTC continues from there." if until > now else ""
    return f"It had read {agents}, and no entries were marked as no longer in Lofty.{later}"


def _finish(sync: Sync) -> None:
    """End the sync, and mark entries missing from a complete listing as gone, names kept."""
    with transaction.atomic():
        whole, doubts = _whole_kinds(sync)
        gone = Entry.objects.filter(tenant=sync.tenant, kind__in=whole, gone_since=None)
        gone.exclude(seen_in=sync.pk).update(gone_since=timezone.now())
        _write(
            sync,
            state=SyncState.DONE,
            finished_at=timezone.now(),
            message=" ".join([*sync.notes, *doubts]),
        )
        _record(sync, Outcome.DONE)


def _whole_kinds(sync: Sync) -> tuple[list[str], list[str]]:
    """Return the kinds that were listed completely, and why agents are not among them."""
    if not _seen(sync, EntryKind.AGENT).exists():
        return sync.whole, [f"Lofty listed no agents. {KEPT}"]
    if _is_whole(sync, EntryKind.AGENT):
        return [*sync.whole, EntryKind.AGENT], []
    return sync.whole, [CHANGED.format("agents")]


def completely_listed(sync: Sync) -> frozenset[str]:
    """Return the kinds that a finished sync listed completely."""
    return frozenset(_whole_kinds(sync)[0])


def _is_whole(sync: Sync, kind: EntryKind) -> bool:
    """Return whether as many distinct entries arrived as Lofty reported."""
    return sync.steady and (sync.total is None or _seen(sync, kind).count() >= sync.total)


def _record(sync: Sync, outcome: Outcome) -> None:
    record(
        Kind.DIRECTORY_SYNCED,
        tenant=sync.tenant.ref,
        outcome=outcome,
        operation_id=sync.pk,
        detail={"agents_read": sync.done, "message": sync.message},
    )
