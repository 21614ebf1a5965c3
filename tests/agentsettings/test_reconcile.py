"""Settling unknown outcomes by reading, never by sending again."""

import time
from datetime import datetime, timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob
from pytest_django import Settings

from lofty_admin.agentsettings import operations, services
from lofty_admin.agentsettings.models import Operation, State
from lofty_admin.agentsettings.outcomes import Result
from lofty_admin.agentsettings.reconcile import (
    close_after_review,
    reconcile_all,
    reconcile_operation,
)
from lofty_admin.agentsettings.tasks import look_again
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.models import AuditEvent
from lofty_admin.tenants.credentials.api_client import client_and_connection
from lofty_admin.tenants.credentials.token_store import remove_connection
from lofty_admin.tenants.models import Tenant
from tests.support.practice_customer import PracticeCustomer
from tests.support.settings_changes import apply, connect, editor_of, plan_for, unknown

pytestmark = pytest.mark.django_db(transaction=True)


def outcomes(operation: Operation) -> list[str]:
    events = AuditEvent.objects.filter(operation_id=operation.pk, kind=Kind.SETTINGS_OUTCOME)
    return [event.outcome for event in events.order_by("seq")]


def test_settle__lofty_has_what_was_sent__is_verified(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    operation = reconcile_operation(unknown(acme, lofty, "drop_after"))
    assert operation.state == State.VERIFIED
    assert outcomes(operation) == [State.UNKNOWN, State.VERIFIED]
    assert len(lofty.puts) == 1


def test_settle__lofty_has_the_old_settings__needs_two_readings(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    first = reconcile_operation(unknown(acme, lofty, "drop_before"))
    assert (first.state, first.needs_person) == (State.UNKNOWN, False)
    second = reconcile_operation(first)
    assert second.state == State.NOT_APPLIED
    assert len(lofty.puts) == 1


def test_settle__put_arrives_after_the_first_reading__is_verified(
    acme: Tenant, lofty: PracticeCustomer, settings: Settings
) -> None:
    object.__setattr__(settings.ENVIRONMENT, "settle_quiet_seconds", 60)
    operation = reconcile_operation(unknown(acme, lofty, "apply_after_drop", seconds=1.5))
    assert operation.state == State.UNKNOWN
    assert reconcile_operation(operation).state == State.UNKNOWN, (
        "a second look must wait for the quiet time"
    )
    time.sleep(1.6)
    assert reconcile_operation(operation).state == State.VERIFIED


def test_settle__unexpected_value__is_left_to_a_user(acme: Tenant, lofty: PracticeCustomer) -> None:
    operation = unknown(acme, lofty, "drop_before")
    lofty.change(settings={"assistantName": "Carla"})
    operation = reconcile_operation(reconcile_operation(operation))
    assert (operation.state, operation.needs_person) == (State.UNKNOWN, True)
    closed = close_after_review(operation)
    assert closed.state == State.NOT_APPLIED
    assert closed.after["assistantName"] == "Carla"
    assert len(lofty.puts) == 1


@pytest.mark.parametrize("way", ["another agent", "revoked", "removed"])
def test_settle__lofty_cannot_be_read_any_more__a_user_can_free_the_slot(
    acme: Tenant, lofty: PracticeCustomer, way: str
) -> None:
    operation = unknown(acme, lofty, "drop_after")
    if way == "another agent":
        connect(acme, PracticeCustomer.add(lofty.url, "other").token)
    elif way == "revoked":
        lofty.change(revoke_all=True)
    else:
        remove_connection(acme)
    operation = reconcile_operation(operation)
    assert (operation.state, operation.needs_person) == (State.UNKNOWN, True)
    closed = close_after_review(operation)
    assert (closed.state, closed.is_open, closed.after) == (State.UNKNOWN, False, None)
    assert "It isn't known whether it was made" in closed.explanation


def test_close_as_seen__lofty_has_what_was_sent_by_now__is_verified(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    operation = unknown(acme, lofty, "drop_before")
    lofty.change(settings={"assistantName": "Carla"})
    operation = reconcile_operation(operation)
    lofty.change(settings={"assistantName": "Bella", "activeDays": []})
    assert close_after_review(operation).state == State.VERIFIED


def test_settle__old_values_after_an_unexpected_one__needs_no_user_any_more(
    acme: Tenant, lofty: PracticeCustomer, settings: Settings
) -> None:
    object.__setattr__(settings.ENVIRONMENT, "settle_quiet_seconds", 60)
    operation = unknown(acme, lofty, "drop_before")
    lofty.change(settings={"assistantName": "Carla"})
    assert reconcile_operation(operation).needs_person
    lofty.change(settings={"assistantName": "Anna"})
    assert not reconcile_operation(operation).needs_person


def test_close_as_seen__needs_no_decision__is_left_open(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    operation = unknown(acme, lofty, "drop_before")
    assert close_after_review(operation).state == State.UNKNOWN


def test_settle__lofty_cannot_be_read__stays_unknown_and_says_why(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    operation = unknown(acme, lofty, "drop_after")
    lofty.misbehave("status", on="GET", times=None, code=500, body="down")
    operation = reconcile_operation(operation)
    assert operation.state == State.UNKNOWN
    assert "could not be read" in operation.explanation


def test_settle__another_process_holds_the_lease__does_nothing(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    operation = unknown(acme, lofty, "drop_after")
    Operation.objects.filter(pk=operation.pk).update(
        lease_until=timezone.now() + timedelta(minutes=1)
    )
    assert reconcile_operation(operation).state == State.UNKNOWN


def test_settle__stopped_before_anything_was_sent__is_not_sent(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    operation = services._draft(acme, plan_for(acme, assistantName="Bella"), "")
    services._acquire_slot(operation)
    Operation.objects.filter(pk=operation.pk).update(lease_until=timezone.now())
    assert reconcile_operation(operation).state == State.NOT_SENT
    assert lofty.puts == []


def test_close__after_another_process_settled_it__is_refused(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    stale = unknown(acme, lofty, "drop_after")
    reconcile_operation(stale)
    refused = operations.record_result(stale, Result(State.NOT_APPLIED, "late"))
    assert refused is False
    assert Operation.objects.get(pk=stale.pk).state == State.VERIFIED


def test_settle_all__one_fails__the_others_are_settled(
    acme: Tenant, globex: Tenant, lofty: PracticeCustomer
) -> None:
    operation = unknown(acme, lofty, "drop_after")
    broken = Operation.objects.get(pk=operation.pk)
    broken.pk, broken.tenant, broken.wanted = globex.id, globex, {"nonsense": True}
    broken.save(force_insert=True)
    reconcile_all()
    assert Operation.objects.get(pk=operation.pk).state == State.VERIFIED


def test_reconcile__as_a_command__prints_what_it_did(
    acme: Tenant, lofty: PracticeCustomer, capsys: pytest.CaptureFixture[str]
) -> None:
    operation = unknown(acme, lofty, "drop_after")
    call_command("reconcile")
    assert "Verified" in capsys.readouterr().out
    event = AuditEvent.objects.filter(operation_id=operation.pk).latest("seq")
    assert event.actor_kind == "command"


# --- A decision is taken on what was shown --------------------------------------------------------
def test_settle__unexpected_value__keeps_what_lofty_has_and_when_it_was_read(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    operation = unknown(acme, lofty, "drop_before")
    lofty.change(settings={"assistantName": "Carla"})
    began = timezone.now()
    operation = reconcile_operation(operation)
    assert operation.needs_person
    assert operation.after["assistantName"] == "Carla"
    assert operation.after_read_at is not None
    assert operation.after_read_at >= began


def test_close_as_seen__lofty_changed_since_the_page_was_shown__asks_again(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    operation = unknown(acme, lofty, "drop_before")
    lofty.change(settings={"assistantName": "Carla"})
    shown = reconcile_operation(operation).reading
    lofty.change(settings={"assistantName": "Dora"})
    again = close_after_review(reconcile_operation(operation), shown)
    assert (again.is_open, again.needs_person) == (True, True)
    assert again.after["assistantName"] == "Dora"
    assert "Check them again" in again.explanation
    assert close_after_review(again, again.reading).state == State.NOT_APPLIED


# --- Settled soon after a kill, and never twice ---------------------------------------------------
def test_lease__of_each_step__is_one_call_and_a_little(
    acme: Tenant, lofty: PracticeCustomer, settings: Settings
) -> None:
    object.__setattr__(settings.ENVIRONMENT, "lofty_deadline", 30.0)
    assert operations.lease() <= timedelta(seconds=45)
    plan = plan_for(acme, assistantName="Bella")
    operation = services._draft(acme, plan, "", editor_of(acme))
    services._acquire_slot(operation)
    operation.lease_until -= timedelta(seconds=20)  # the step before took a while
    Operation.objects.filter(pk=operation.pk).update(lease_until=operation.lease_until)
    operations.extend_lease(operation)
    stored = Operation.objects.get(pk=operation.pk)
    assert stored.lease_until - timezone.now() > timedelta(seconds=40)


def test_lease__expired_before_the_intent__nothing_is_sent_even_without_a_successor(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    operation = services._draft(acme, plan, "", editor_of(acme))
    services._acquire_slot(operation)
    operation.lease_until = timezone.now() - timedelta(seconds=1)
    Operation.objects.filter(pk=operation.pk).update(lease_until=operation.lease_until)
    assert operation.shown_state == State.NOT_SENT
    _client, connection = client_and_connection(acme)
    with pytest.raises(operations.SendRefused):
        services._commit_intent(operation, plan.snapshot.settings, plan, connection)
    with pytest.raises(operations.SendRefused):
        operations.extend_lease(operation)
    assert reconcile_operation(operation).state == State.NOT_SENT
    assert lofty.puts == []


def jobs_at(operation: Operation) -> list[datetime]:
    jobs = ProcrastinateJob.objects.filter(task_name=operations.LOOK_AGAIN)
    found = jobs.filter(args={"operation_id": str(operation.pk)})
    return [job.scheduled_at for job in found.order_by("pk") if job.scheduled_at]


def test_reconcile__process_was_killed__a_job_settles_it_when_its_lease_ends(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    operation = services._draft(acme, plan_for(acme, assistantName="Bella"), "", editor_of(acme))
    services._acquire_slot(operation)
    assert reconcile_all() == []
    assert jobs_at(operation) == [operation.lease_until]


def test_apply__not_visible_yet__a_job_reads_again_when_the_page_says(
    acme: Tenant, lofty: PracticeCustomer, settings: Settings
) -> None:
    object.__setattr__(settings.ENVIRONMENT, "settle_quiet_seconds", 60)
    plan = plan_for(acme, assistantName="Bella")
    lofty.misbehave("ignore")
    operation = apply(acme, plan, "")
    assert jobs_at(operation) == [operation.looks_again_at]
    look_again(operation_id=str(operation.pk))
    assert Operation.objects.get(pk=operation.pk).is_open


def test_settle__lofty_stays_down__jobs_do_not_loop(acme: Tenant, lofty: PracticeCustomer) -> None:
    operation = reconcile_operation(unknown(acme, lofty, "drop_before"))
    lofty.misbehave("status", on="GET", times=None, code=500, body="down")
    reconcile_operation(reconcile_operation(operation))
    assert jobs_at(operation) == []
