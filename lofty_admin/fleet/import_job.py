"""Add many tenants from a list: sealed for a preview, then added by a job.

Each token is verified at Lofty before its tenant is added. With "all or nothing", every token is
verified first, and one transaction adds all tenants; otherwise each row is added on its own.
Progress is written row by row, so a job may be killed anywhere and run again.
"""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from lofty_admin.accounts.models import User
from lofty_admin.audit.context import acting_as, current_request_id, person
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.core import clocks
from lofty_admin.core.leased_job import OPEN, LeaseLost
from lofty_admin.core.queue import defer_once
from lofty_admin.core.text import fold
from lofty_admin.core.vault import VaultError
from lofty_admin.core.visible import visible
from lofty_admin.fleet.import_csv import Line, read_table
from lofty_admin.fleet.import_validation import compared
from lofty_admin.fleet.models import KEPT_FOR, Import, ImportRow, ImportState, RowState
from lofty_admin.lofty.client import clean_token
from lofty_admin.lofty.errors import LoftyError, RateLimited, Rejected
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.tenants.access.permissions import is_superuser
from lofty_admin.tenants.credentials.token_verification import (
    CheckedToken,
    OwnPassword,
    check_token,
)
from lofty_admin.tenants.errors import ChangeNotAllowed
from lofty_admin.tenants.models import ConnectionKind, Group, Health, Tenant
from lofty_admin.tenants.services import AddTenantError, NewTenant, add_tenants

TASK = "fleet.import"
QUEUE = "fleet"
SLICE = 30.0  # seconds after which a job yields the worker to others
HISTORY = timedelta(days=30)
MOST_SILENCE = 3  # calls in a row without an answer, after which the rest is not tried
# Stored in English; messages shown on their own are translated when they are shown.
_NOT_KEPT = gettext_noop("Uploads are kept for one hour only. Upload the list again.")
_TOO_LONG = gettext_noop(
    "This took too long. Uploads are kept for one hour only. Upload the list again."
)
_NONE = gettext_noop("Nothing was added, because not every row could be added.")
_SILENT = gettext_noop("Lofty could not be reached, so the remaining rows were not tried or added.")
_TAKEN = (
    "Another user added a tenant with the same name, short name, or token at the same time. "
    "Try again."
)
_NONE_TAKEN = gettext_noop(
    "Nothing was added, because another user added a tenant with the same name, short "
    "name, or token at the same time. Try again."
)
_IF_MEANT = "If that is intended, add this tenant on its own."
_FORBIDDEN = gettext_noop(
    "The user who started this can no longer add tenants, so the remaining rows were not added."
)


def read_list(user: User, text: str) -> Import:
    """Store a list for its preview, replacing an earlier one of this user that was not started.

    Raises BadTable, which repeats nothing of the list.
    """
    lines = compared(read_table(text))
    with transaction.atomic():
        Import.objects.filter(person=user, state=ImportState.READ).delete()
        made = Import.objects.create(person=user, expires_at=timezone.now() + KEPT_FOR)
        rows = [_row(made, line) for line in lines]
        ImportRow.objects.bulk_create(rows)
        record(
            Kind.IMPORT_READ,
            subject=str(made),
            outcome=Outcome.DONE,
            detail={"import": str(made.pk), **counts(rows)},
        )
    return made


def same_names(made: Import) -> list[ImportRow]:
    """Return the rows to add whose name equals or looks like that of another row or a tenant."""
    rows = list(_kept(made))
    names = [fold(row.name) for row in rows]
    taken = set(Tenant.objects.filter(folded__in=names).values_list("folded", flat=True))
    here = Counter(names)
    return [row for row, name in zip(rows, names, strict=True) if name in taken or here[name] > 1]


def start(made: Import, *, all_or_nothing: bool, names_are_meant: bool = False) -> None:
    """Start, or retry what failed. Raises ChangeNotAllowed when there is nothing to start.

    names_are_meant: rows may have the name of another tenant. Otherwise such a row is left out, and
    "all or nothing" is refused.
    """
    with transaction.atomic():
        row = _locked(made)
        _require_startable(row, all_or_nothing)
        waiting = _kept(row)
        _confirm_names(row, all_or_nothing, names_are_meant)
        waiting.filter(state=RowState.FAILED).update(state=RowState.READY, message="")
        row.state, row.all_or_nothing = ImportState.QUEUED, all_or_nothing
        row.message, row.resume_at, row.finished_at = "", None, None
        row.request_id = current_request_id()
        row.heartbeat_at, row.expires_at = timezone.now(), timezone.now() + KEPT_FOR
        row.save()
        enqueue(row)
        detail: dict[str, JSON] = {
            "import": str(row.pk),
            "all_or_nothing": all_or_nothing,
            "rows": waiting.count(),
        }
        record(Kind.IMPORT_STARTED, subject=str(row), outcome=Outcome.DONE, detail=detail)


def _confirm_names(row: Import, all_or_nothing: bool, names_are_meant: bool) -> None:
    same = [one.pk for one in same_names(row)]
    if same and all_or_nothing and not names_are_meant:
        words = _(
            "Nothing was started: another tenant or row has the same name. If that is "
            "intended, tick the box. If not, correct the list and upload it again."
        )
        raise ChangeNotAllowed(words)
    row.rows.filter(pk__in=same).update(name_is_meant=names_are_meant)


def _require_startable(row: Import, all_or_nothing: bool) -> None:
    if row.is_open:
        raise ChangeNotAllowed(_("This import is already running."))
    if row.expires_at <= timezone.now():
        raise ChangeNotAllowed(_(_NOT_KEPT))
    if not _kept(row).exists():
        raise ChangeNotAllowed(_("No rows are left to add."))
    if all_or_nothing and row.rows.filter(state=RowState.BAD).exists():
        raise ChangeNotAllowed(_("Nothing was started: some rows can't be added."))


def forget(made: Import) -> None:
    """Delete a list and everything about it. Raises ChangeNotAllowed while it is being added."""
    with transaction.atomic():
        row = _locked(made)
        if row.is_open:
            raise ChangeNotAllowed(_("This import is running and can't be deleted."))
        name, key = str(row), str(row.pk)
        row.delete()
        record(Kind.IMPORT_FORGOTTEN, subject=name, outcome=Outcome.DONE, detail={"import": key})


def enqueue(made: Import) -> None:
    """Queue a job for the list, at `resume_at` if it waits, unless one is queued already."""
    at, import_id = made.resume_at, str(made.pk)
    defer_once(TASK, made.pk, queue=QUEUE, at=at, alone=True, import_id=import_id)


def counts(rows: Iterable[ImportRow]) -> dict[str, int]:
    """Return how many rows there are, and how many in each state."""
    by_state = Counter(RowState(row.state).value for row in rows)
    return {"rows": by_state.total(), **{state.value: by_state[state.value] for state in RowState}}


class _RightLost(Exception):
    """The user was deactivated or is no longer a superuser."""


# --- The job --------------------------------------------------------------------------------------
def advance(import_id: UUID, *, seconds: float = SLICE) -> bool:
    """Work on a list for about `seconds`. Return whether another job must continue it."""
    made = Import.claim(import_id)
    if made is None:
        return False
    with acting_as(person(made.person), made.request_id or None):
        try:
            return _work(made, time.monotonic() + seconds)
        except LeaseLost:
            return False


def erase_expired() -> int:
    """Erase uploads that have expired; return how many lists that were."""
    now = timezone.now()
    kept = Exists(ImportRow.objects.filter(parent=OuterRef("pk")).exclude(sealed=b""))
    unfinished = Q(state__in=[ImportState.READ, *OPEN])
    is_over = clocks.is_over("expires_at", now, KEPT_FOR)
    expired = Import.objects.filter(is_over, unfinished | Q(kept))
    erased = [made for made in expired if _erase(made)]
    Import.objects.filter(created_at__lt=now - HISTORY).exclude(state__in=OPEN).delete()
    return len(erased)


def _work(made: Import, until: float) -> bool:
    try:
        return _work_on_rows(made, until)
    except _RightLost:
        return _finish(made, _FORBIDDEN)


def _work_on_rows(made: Import, until: float) -> bool:
    _require_right(made)
    silent = 0
    waiting = made.rows.filter(state__in=[RowState.READY, RowState.CHECKED])
    for row in waiting.select_related("parent"):
        if time.monotonic() > until:
            made.save_progress(state=ImportState.QUEUED)
            return True
        _require_right(made)
        try:
            silent = 0 if _try(row) else silent + 1
        except RateLimited as error:
            return _pause(made, error.until)
        if silent == MOST_SILENCE:
            return _finish(made, _SILENT)
        if row.state == RowState.CHECKED and not made.all_or_nothing:
            _add(made, [row])
        made.save_progress()
    return _finish(made, _add_all(made) if made.all_or_nothing else "")


def _try(row: ImportRow) -> bool:
    """Verify a row's token at Lofty and store the result. Return whether Lofty answered.

    Raises RateLimited: that is no answer about the token.
    """
    if row.state == RowState.CHECKED:
        return True
    try:
        line = row.open()
        checked = check_token(line.scheme, line.token) if line.scheme and line.token else None
    except RateLimited:
        raise
    except OwnPassword as error:
        _refuse(row, f"{error.message} {error.advice}")
        return True
    except LoftyError as error:
        _note(row, RowState.FAILED, f"{error.message} {error.advice}")
        return isinstance(error, Rejected)
    except VaultError as error:
        _note(row, RowState.FAILED, f"{error} {_NOT_KEPT}")
        return True
    if checked:
        owner = checked.lofty_user
        row.lofty_user = {k: visible(v) if isinstance(v, str) else v for k, v in owner.items()}
        row.health, row.sales_agent_id = checked.health, checked.sales_agent_id
    _note(row, RowState.CHECKED, "")
    return True


def _add_all(made: Import) -> str:
    """Add every row, if all of them passed; otherwise return the reason in words."""
    rows = list(made.rows.exclude(state=RowState.ADDED).select_related("parent"))
    if all(row.state == RowState.CHECKED for row in rows):
        return _add(made, rows)
    return _NONE


def _add(made: Import, rows: Sequence[ImportRow]) -> str:
    """Add the tenants of these rows in one transaction; return why that failed, or ""."""
    try:
        new = [_new_tenant(place, row) for place, row in enumerate(rows)]
        with transaction.atomic():
            # With the list locked, its rows are ours too: no new lock is needed after the audit
            # log's.
            _locked(made)
            made.save_progress()
            if not _still_to_add(rows):
                return ""
            _require_right(made)
            for row, tenant in zip(rows, add_tenants(new), strict=True):
                row.state, row.tenant, row.sealed = RowState.ADDED, tenant, b""
            ImportRow.objects.bulk_update(rows, ["state", "tenant", "sealed"])
        return ""
    except AddTenantError as error:
        words = f"{error} {_IF_MEANT}" if error.may_be_meant else str(error)
        _note(rows[error.place], RowState.FAILED, words)
    except IntegrityError:
        if len(rows) > 1:
            return _NONE_TAKEN
        _note(rows[0], RowState.FAILED, _TAKEN)
    return _NONE


def _require_right(made: Import) -> None:
    """Raise _RightLost if the user who started this may no longer add tenants."""
    starter = User.objects.filter(pk=made.person_id).select_for_update(no_key=True)
    with transaction.atomic():
        if not is_superuser(starter.get()):
            raise _RightLost


def _still_to_add(rows: Sequence[ImportRow]) -> bool:
    """Return False if another process took over from this one and has added them meanwhile."""
    keys = [row.pk for row in rows]
    return ImportRow.objects.filter(pk__in=keys, state=RowState.CHECKED).count() == len(rows)


def _new_tenant(place: int, row: ImportRow) -> NewTenant:
    try:
        line = row.open()
    except VaultError as error:
        problem = f"{error} {_NOT_KEPT}"
    else:
        checked = None
        if line.scheme and line.token:
            checked = CheckedToken(
                ConnectionKind(line.scheme.value),
                clean_token(line.token),
                row.lofty_user,
                health=Health(row.health),
                sales_agent_id=row.sales_agent_id,
            )
        groups = tuple(Group.objects.filter(slug__in=line.groups))
        return NewTenant(
            slug=line.slug,
            name=line.name,
            checked=checked,
            groups=groups,
            name_is_meant=row.name_is_meant,
        )
    raise AddTenantError(place, problem)


def _note(row: ImportRow, state: RowState, message: str) -> None:
    row.state, row.message = state, message
    waiting = ImportRow.objects.filter(pk=row.pk).exclude(state=RowState.ADDED)
    waiting.update(
        state=state,
        message=message,
        lofty_user=row.lofty_user,
        health=row.health,
        sales_agent_id=row.sales_agent_id,
    )


def _refuse(row: ImportRow, message: str) -> None:
    """Erase a row that can never be added, and what was uploaded for it."""
    row.state, row.message, row.sealed = RowState.BAD, message, b""
    row.save(update_fields=["state", "message", "sealed"])


def _pause(made: Import, until: datetime) -> bool:
    """Wait until Lofty accepts calls again; another job continues then."""
    made.pause(min(until, timezone.now() + Import.MAX_PAUSE))
    return True


def _finish(made: Import, message: str) -> bool:
    with transaction.atomic():
        row = _locked(made)
        made.save_progress(state=ImportState.DONE, message=message, finished_at=timezone.now())
        done = counts(row.rows.only("state"))
        record(
            Kind.IMPORT_FINISHED,
            subject=str(row),
            outcome=Outcome.DONE if done["added"] else Outcome.REFUSED,
            detail={"import": str(row.pk), "message": message, **done},
        )
    return False


def _erase(made: Import) -> bool:
    with transaction.atomic():
        row = _locked(made)
        if clocks.is_held(row.expires_at, timezone.now(), KEPT_FOR):
            return False
        row.rows.update(sealed=b"")
        if row.is_open:
            row.state, row.finished_at = ImportState.DONE, timezone.now()
            row.message = _TOO_LONG
            row.save(update_fields=["state", "finished_at", "message"])
        name, key = str(row), str(row.pk)
        if row.state == ImportState.READ:
            row.delete()
        record(Kind.IMPORT_FORGOTTEN, subject=name, outcome=Outcome.DONE, detail={"import": key})
    return True


def _locked(made: Import) -> Import:
    row = Import.objects.select_for_update(of=("self",)).filter(pk=made.pk).first()
    if row is None:
        raise ChangeNotAllowed(_("This list was deleted. Upload it again."))
    return row


def _kept(made: Import) -> QuerySet[ImportRow]:
    """Return the rows that can still be added."""
    return made.rows.exclude(state__in=[RowState.BAD, RowState.ADDED]).exclude(sealed=b"")


def _row(made: Import, line: Line) -> ImportRow:
    """Build a row. One that can never be added keeps only what may be shown."""
    row = ImportRow(
        parent=made,
        number=line.number,
        name=line.name,
        slug=line.slug,
        kind=line.scheme.value if line.scheme and line.token else "",
        groups=", ".join(line.groups),
        state=RowState.BAD if line.problems else RowState.READY,
        message=" ".join(line.problems or line.notes),
    )
    if not line.problems:
        row.seal(line)
    return row
