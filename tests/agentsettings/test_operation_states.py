"""The states of an operation, with any order of steps by any number of processes.

A `Holder` is what a process has in its memory, perhaps long after another one took over.
"""

from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction
from django.db import connection as database
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from lofty_admin.agentsettings import operations, reconcile, services
from lofty_admin.agentsettings.models import CLOSED, NEXT, OPEN, Operation, State
from lofty_admin.agentsettings.operations import SendRefused
from lofty_admin.agentsettings.outcomes import Result
from lofty_admin.agentsettings.plans import Plan, Snapshot
from lofty_admin.audit.models import AuditEvent
from lofty_admin.lofty.schema import Settings
from lofty_admin.tenants.models import Tenant
from tests.support.documented_settings import EXAMPLE
from tests.support.settings_changes import connect, editor_of

pytestmark = pytest.mark.django_db
STATES = list(State)
OUTCOMES = [State.UNKNOWN, *CLOSED]


def a_plan() -> Plan:
    snapshot = Snapshot(Settings.parse(EXAMPLE), timezone.now())
    return Plan.new(snapshot, {**EXAMPLE, "assistantName": "Bella"})


def row(operation_id: UUID) -> dict[str, Any]:
    return rows(pk=operation_id)[operation_id]


def rows(**which: object) -> dict[UUID, dict[str, Any]]:
    """Operations as stored in the database, by id."""
    return {found["id"]: dict(found) for found in Operation.objects.filter(**which).values()}


# --- Every order of steps -------------------------------------------------------------------------
@dataclass(frozen=True)
class Holder:
    operation: Operation
    plan: Plan

    @property
    def is_late(self) -> bool:
        """Whether another process has taken over since."""
        return bool(self.operation.fence != row(self.operation.pk)["fence"])


class Processes(RuleBasedStateMachine):
    """Each rule is a step that some process takes. `seen`: each operation's row after the last."""

    holders: Bundle[Holder] = Bundle("holders")

    def __init__(self) -> None:
        super().__init__()
        self.tenants = [
            Tenant.objects.create(slug=f"t-{uuid4().hex}", name="Acme Realty") for _ in range(2)
        ]
        for tenant in self.tenants:
            connect(tenant, "practice-0123456789abcdef")
        self.seen: dict[UUID, dict[str, Any]] = {}

    @rule(target=holders, which=st.integers(0, 1))
    def take_place(self, which: int) -> Any:
        """A new plan is applied; it gets the tenant's place only if that is free."""
        tenant, plan = self.tenants[which], a_plan()
        was_free = not Operation.objects.filter(tenant=tenant, state__in=OPEN).exists()
        operation = services._draft(tenant, plan, "", editor_of(tenant))
        assert services._acquire_slot(operation) == was_free
        return Holder(operation, plan) if was_free else multiple()

    @rule(holder=holders)
    def commit_intent(self, holder: Holder) -> None:
        late, before = holder.is_late, row(holder.operation.pk)
        late = late or holder.operation.lease_until <= timezone.now()
        connection = holder.operation.tenant.connection
        assert connection is not None
        live = holder.plan.snapshot.settings
        try:
            services._commit_intent(holder.operation, live, holder.plan, connection)
        except SendRefused:
            assert late or before["state"] != State.PREPARED
            assert row(holder.operation.pk) == before
        else:
            assert not late
            assert before["state"] == State.PREPARED

    @rule(holder=holders, state=st.sampled_from(OUTCOMES))
    def close(self, holder: Holder, state: State) -> None:
        late, before = holder.is_late, row(holder.operation.pk)
        allowed = not late and state in NEXT[State(before["state"])]
        assert operations.record_result(holder.operation, Result(state, "recorded")) == allowed
        if not allowed:
            assert row(holder.operation.pk) == before

    @rule(holder=holders)
    def note(self, holder: Holder) -> None:
        late, before = holder.is_late, row(holder.operation.pk)
        reconcile._note(holder.operation, "looked")
        if late or before["state"] not in (State.SENT, State.UNKNOWN):
            assert row(holder.operation.pk) == before

    @rule(target=holders, holder=holders)
    def take_over(self, holder: Holder) -> Any:
        before = row(holder.operation.pk)
        is_free = before["state"] in OPEN and before["lease_until"] <= timezone.now()
        held = reconcile._take_over(holder.operation)
        assert (held is not None) == is_free
        return multiple() if held is None else Holder(held, holder.plan)

    @rule(holder=holders)
    def lease_ends(self, holder: Holder) -> None:
        past = timezone.now() - timedelta(seconds=1)
        Operation.objects.filter(pk=holder.operation.pk, state__in=OPEN).update(lease_until=past)

    @invariant()
    def every_move_was_allowed(self) -> None:
        now = rows(tenant__in=self.tenants)
        for operation_id, before in self.seen.items():
            after = now[operation_id]
            if before["state"] in CLOSED:
                assert after == before, "closed stays closed"
            elif after["state"] != before["state"]:
                assert after["state"] in NEXT[State(before["state"])]
            assert after["sent_at"] is not None or before["sent_at"] is None
            assert after["fence"] >= before["fence"]
        self.seen = now

    @invariant()
    def at_most_one_is_open_per_tenant(self) -> None:
        for tenant in self.tenants:
            assert Operation.objects.filter(tenant=tenant, state__in=OPEN).count() <= 1

    @invariant()
    def the_history_tells_each_ending_once(self) -> None:
        for operation_id, found in self.seen.items():
            told = AuditEvent.objects.filter(operation_id=operation_id, outcome__in=CLOSED)
            ending = [found["state"]] if found["state"] in CLOSED else []
            assert [event.outcome for event in told] == ending


@pytest.mark.django_db(transaction=True)
def test_operation__any_order_of_steps__never_goes_back() -> None:
    run_state_machine_as_test(
        Processes,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


# --- What the database itself refuses -------------------------------------------------------------
def times_of(state: State) -> dict[str, object]:
    """The times that the CHECK constraints want with this state."""
    now = timezone.now()
    return {
        "sent_at": None if state is State.PREPARED else now,
        "settled_at": now if state in CLOSED else None,
    }


def stored(tenant: Tenant, state: State) -> Operation:
    operation = services._draft(tenant, a_plan(), "")
    operation.state = state
    for name, value in times_of(state).items():
        setattr(operation, name, value)
    operation.save(force_insert=True)
    return operation


def is_refused(operation: Operation, **fields: object) -> bool:
    try:
        with transaction.atomic():
            Operation.objects.filter(pk=operation.pk).update(**fields)
    except IntegrityError:
        return True
    return False


@pytest.mark.parametrize(("before", "after"), list(product(STATES, STATES)))
def test_update__from_one_state_to_another__passes_only_as_the_model_says(
    acme: Tenant, before: State, after: State
) -> None:
    operation = stored(acme, before)
    allowed = after is before or after in NEXT[before]
    assert is_refused(operation, state=after, **times_of(after)) == (not allowed)


@pytest.mark.parametrize(
    ("state", "fields"),
    [
        (State.PREPARED, {"state": State.SENT, "sent_at": None}),
        (State.PREPARED, {"sent_at": "2026-01-01T00:00:00Z"}),
        (State.SENT, {"sent_at": None}),
        (State.SENT, {"state": State.VERIFIED, "settled_at": None}),
        (State.SENT, {"settled_at": "2026-01-01T00:00:00Z"}),
        (State.UNKNOWN, {"sent_at": None}),
        (State.VERIFIED, {"settled_at": None}),
        (State.VERIFIED, {"sent_at": None}),
        (State.SENT, {"state": "lost"}),
    ],
)
def test_update__times_that_do_not_fit_the_state__is_refused(
    acme: Tenant, state: State, fields: dict[str, object]
) -> None:
    assert is_refused(stored(acme, state), **fields)


@pytest.mark.parametrize(("first", "second"), list(product(OPEN, OPEN)))
def test_insert__second_open_one_of_a_tenant__is_refused(
    acme: Tenant, first: State, second: State
) -> None:
    stored(acme, first)
    with pytest.raises(IntegrityError), transaction.atomic():
        stored(acme, second)


def test_guard__writes_in_replica_mode__are_refused_too(acme: Tenant) -> None:
    operation = stored(acme, State.SENT)
    with database.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        try:
            assert is_refused(operation, **{"state": State.PREPARED, **times_of(State.PREPARED)})
        finally:
            cursor.execute("SET session_replication_role = DEFAULT")
