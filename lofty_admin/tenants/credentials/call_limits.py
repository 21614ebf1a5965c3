"""Limit every call to Lofty: slots for waiting (a bulkhead), and a circuit breaker.

Only requests need slots, because a request that waits for Lofty occupies one of the web server's
threads. Jobs and commands have processes of their own. The circuit breaker applies to all of them.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from lofty_admin.audit.context import current_actor, is_in_request
from lofty_admin.core.breaker import Breaker, CircuitOpenError
from lofty_admin.core.bulkhead import Bulkhead, NoFreeSlotError
from lofty_admin.lofty.endpoint import Gate, Report
from lofty_admin.lofty.errors import CallsStopped, NoFreeSlot
from lofty_admin.lofty.exchange import Exchange

SLOW = 3.0  # seconds: a tenant whose last call took longer only gets a share of the slots
SLOW_FOR = 60.0  # seconds for which a slow call counts
BREAKER = Breaker()
_slow_since: dict[UUID, float] = {}


@dataclass
class _Save:
    """The slot of a save: acquired by its first call and held until the save ends."""

    stack: ExitStack = field(default_factory=ExitStack)
    has_slot: bool = False


_save: ContextVar[_Save | None] = ContextVar("save", default=None)


@cache
def slots() -> Bulkhead:
    """Return this process's slots: half of its threads, a quarter of those for saves only.

    One tenant or one user gets at most half of the slots for pages.
    """
    total = max(2, settings.ENVIRONMENT.web_threads // 2)
    reserved = max(1, total // 4)
    return Bulkhead(total, reserved=reserved, per_key=max(1, (total - reserved) // 2))


@contextmanager
def priority_for_save() -> Iterator[None]:
    """Let all calls inside share one slot, which is acquired with priority over pages.

    A save keeps its slot once it has one, so that it never stops halfway for lack of a slot.
    """
    save = _Save()
    token = _save.set(save)
    try:
        with save.stack:
            yield
    finally:
        _save.reset(token)


def gate_of(tenant_id: UUID | None, host: str) -> Gate:
    """Return the gate for a client's exchanges: for the host and, if given, for the tenant."""
    keys = (f"host:{host}", *([f"tenant:{tenant_id}"] if tenant_id else ()))

    @contextmanager
    def gate(method: str) -> Iterator[Report]:
        with _slot(tenant_id):
            _admit(keys, method)
            started, was_reported = time.monotonic(), False

            def report(exchange: Exchange) -> None:
                nonlocal was_reported
                was_reported = True
                BREAKER.note(*keys, ok=not is_failure(exchange))
                _note_speed(tenant_id, time.monotonic() - started)

            try:
                yield report
            finally:
                if not was_reported:
                    BREAKER.withdraw(*keys)

    return gate


@contextmanager
def slot_only(method: str) -> Iterator[Report]:
    """Acquire a slot for Lofty's token endpoint, without a circuit breaker.

    Token refresh has its own pauses, and none of its calls is a GET that could be tried first.
    """
    with _slot(None):
        yield lambda exchange: None


def is_failure(exchange: Exchange) -> bool:
    """Return whether Lofty failed rather than refused: no answer, a 5xx, or a timeout."""
    return exchange.status is None or exchange.status >= 500 or exchange.status == 408


def _slot(tenant_id: UUID | None) -> AbstractContextManager[None]:
    """Acquire a slot. Raises NoFreeSlot on entering, or in this call for a save."""
    if not is_in_request():
        return nullcontext()
    save = _save.get()
    if save is None:
        return _taken(tenant_id, priority=False)
    if not save.has_slot:
        save.stack.enter_context(_taken(tenant_id, priority=True))
        save.has_slot = True
    return nullcontext()


@contextmanager
def _taken(tenant_id: UUID | None, *, priority: bool) -> Iterator[None]:
    keys = [f"user:{current_actor().id}"] if current_actor().id else []
    if tenant_id:
        keys.append(f"tenant:{tenant_id}")
    if priority:  # a tenant has one save at a time anyway, and pages must not keep it from it
        keys = [f"save:{key}" for key in keys]
    with ExitStack() as stack:
        try:
            stack.enter_context(slots().slot(*keys, priority=priority, slow=_is_slow(tenant_id)))
        except NoFreeSlotError:
            raise NoFreeSlot from None
        yield


def _admit(keys: tuple[str, ...], method: str) -> None:
    try:
        BREAKER.admit(*keys, is_read=method == "GET")
    except CircuitOpenError as error:
        until = timezone.now() + timedelta(seconds=error.seconds)
        raise CallsStopped(until=until) from None


def _note_speed(tenant_id: UUID | None, seconds: float) -> None:
    if tenant_id is None:
        return
    if seconds >= SLOW:
        _slow_since[tenant_id] = time.monotonic()
    else:
        _slow_since.pop(tenant_id, None)


def _is_slow(tenant_id: UUID | None) -> bool:
    since = _slow_since.get(tenant_id) if tenant_id else None
    return since is not None and time.monotonic() - since < SLOW_FOR
