"""Exports: all events that match a filter, in pieces, one export at a time per user.

The log only grows, so an export determines its last record at the start and reads up to it without
any transaction, however long it takes.
"""

import time
from collections.abc import Callable, Iterator
from typing import TypeAlias
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from lofty_admin.accounts.models import User
from lofty_admin.audit.context import person
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import TenantRef, record
from lofty_admin.audit.models import HEAD_ID, AuditEvent, AuditHead
from lofty_admin.audit.proof.jsonl import line
from lofty_admin.audit.search.query import Filter, count, stream
from lofty_admin.history.models import Export, ExportState, Format
from lofty_admin.history.spreadsheet import BOM, COLUMNS, columns, csv_line
from lofty_admin.tenants.access.permissions import is_superuser, visible_tenants

BLOCK = 64 * 1024  # bytes returned at once
BEAT = 1.0  # seconds between two heartbeats
_Line: TypeAlias = Callable[[AuditEvent], str]


class AlreadyRunning(Exception):
    """The user has an export running; nothing was started. `export`: that one, if it runs still."""

    def __init__(self, export: Export | None) -> None:
        super().__init__()
        self.export = export


def newest(user: User) -> Export | None:
    """Return the user's running export, or the last one."""
    return Export.objects.filter(user=user).first()


def begin(
    user: User, filters: Filter, form: Format, *, query: str, words: str, tenant: TenantRef | None
) -> Export:
    """Start an export in the user's only slot and record it. `words`: the filter in words.

    Raises AlreadyRunning. Any other failure frees the slot again.
    """
    export = _acquire_slot(user, form, query)
    try:
        export.total = count(filters, export.up_to)
        with transaction.atomic():
            export.save(update_fields=["total"])
            _record(export, words, tenant)
    except BaseException:
        end(export, ExportState.BROKEN_OFF)
        raise
    return export


def _acquire_slot(user: User, form: Format, query: str) -> Export:
    dead = Export.stalled().filter(user=user)
    dead.update(finished_at=timezone.now(), state=ExportState.BROKEN_OFF)
    up_to = AuditHead.objects.get(pk=HEAD_ID).seq
    try:
        with transaction.atomic():
            made = Export.objects.create(user=user, format=form, query=query, up_to=up_to)
    except IntegrityError:
        running = Export.objects.filter(user=user, finished_at=None).first()
        raise AlreadyRunning(running) from None
    export = Export.claim(made.pk)
    if export is None:
        raise AlreadyRunning(None)
    return export


def _record(export: Export, words: str, tenant: TenantRef | None) -> None:
    what = f"{export.total:,} event{'' if export.total == 1 else 's'}"
    record(
        Kind.LOG_EXPORTED,
        tenant=tenant,
        subject=f"{what} as {Format(export.format).label}; {words}",
        outcome=Outcome.DONE,
        detail={
            "format": export.format,
            "events": export.total,
            "up_to": export.up_to,
            "filter": export.query,
        },
    )


def end(export: Export, ending: ExportState) -> None:
    """Record how the export ended, unless that is recorded already."""
    Export.objects.filter(pk=export.pk, finished_at=None).update(
        done=export.done, finished_at=timezone.now(), state=ending
    )


class RightLost(Exception):
    """The user was deactivated or lost access to a tenant: the export must return nothing more."""


class Pieces:
    """The bytes of an export. `close` must be called at the end, wherever that is."""

    def __init__(self, export: Export, filters: Filter) -> None:
        self.export, self.filters = export, filters
        self._beaten = time.monotonic()

    def __iter__(self) -> Iterator[bytes]:
        """Yield blocks of whole lines.

        Raises LeaseLost when another export took the slot, and RightLost. Both abort the download,
        so that an incomplete file is not mistaken for a complete one.
        """
        head, as_line = _form(Format(self.export.format))
        block = head.encode()
        for event in stream(self.filters, self.export.up_to):
            # A body that was tampered with must not stop the export of the others.
            block += as_line(event).encode("utf-8", "backslashreplace")
            self.export.done += 1
            if len(block) >= BLOCK:
                yield block
                block = b""
                self._beat()
        self._beat()
        yield block
        end(self.export, ExportState.DONE)

    def close(self) -> None:
        """End the export: the reader has disconnected or has everything."""
        end(self.export, ExportState.BROKEN_OFF)

    def _beat(self) -> None:
        if time.monotonic() - self._beaten < BEAT:
            return
        self._beaten = time.monotonic()
        self.export.save_progress(done=self.export.done)
        if not _may_still_read(self.export.user_id, self.filters):
            _revoke(self.export)
            raise RightLost


def _may_still_read(user_id: int, filters: Filter) -> bool:
    """Return whether the user may still read all that was requested: rights may have changed."""
    user = User.objects.get(pk=user_id)
    if filters.tenants is None:
        return is_superuser(user)
    seen = visible_tenants(user).filter(pk__in=filters.tenants)
    return user.is_active and seen.count() == len(filters.tenants)


def _revoke(export: Export) -> None:
    how_far = f"{export.done:,} of {export.total or 0:,} events"
    with transaction.atomic():
        end(export, ExportState.REVOKED)
        record(
            Kind.LOG_EXPORTED,
            subject=f"stopped after {how_far} as {Format(export.format).label}",
            outcome=Outcome.REFUSED,
            detail={"because": "no longer has access to all of it", "filter": export.query},
            actor=person(export.user),
        )


def _form(form: Format) -> tuple[str, _Line]:
    """Return the header and the function that formats an event as a line."""
    if form is Format.CSV:
        return BOM + csv_line(COLUMNS), lambda event: csv_line(columns(event))
    log_id: UUID = AuditHead.objects.get(pk=HEAD_ID).log_id
    return "", lambda event: line(event, log_id)
