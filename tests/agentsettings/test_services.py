"""A save against a practice Lofty: every outcome, and how often something was sent."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, connections, transaction
from pytest_django import Settings

from lofty_admin.agentsettings import services
from lofty_admin.agentsettings.models import LastKnown, Operation, State
from lofty_admin.agentsettings.services import NotRecorded, SendRefused, apply, send
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.models import AuditEvent
from lofty_admin.lofty.client import LoftyClient
from lofty_admin.lofty.exchange import Exchange
from lofty_admin.tenants.calls import calls_left, client_for
from lofty_admin.tenants.models import Tenant
from tests.agentsettings.conftest import connect, plan_for
from tests.practice import PracticeCustomer

pytestmark = pytest.mark.django_db(transaction=True)


def kinds(operation_id: UUID) -> list[str]:
    events = AuditEvent.objects.filter(operation_id=operation_id).order_by("seq")
    return [event.kind for event in events]


def test_apply__lofty_does_as_told__is_verified(acme: Tenant, lofty: PracticeCustomer) -> None:
    plan = plan_for(acme, assistantName="Bella", agentIds=[-1])
    operation = apply(acme, plan, "because")
    assert operation.state == State.VERIFIED
    assert lofty.settings["assistantName"] == "Bella"
    assert lofty.settings["agentIds"] == [-1]
    assert len(lofty.puts) == 1
    assert kinds(operation.pk) == [Kind.SETTINGS_INTENT, Kind.SETTINGS_OUTCOME]
    assert LastKnown.objects.get(tenant=acme).raw["assistantName"] == "Bella"


def test_apply__one_setting_changed__sends_the_other_21_as_they_were(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    before = lofty.settings
    apply(acme, plan_for(acme, assistantName="Bella"), "")
    body = lofty.puts[0]["body"]
    assert body.pop("assistantName") == "Bella"
    assert len(body) == 22
    assert {name: before[name] for name in body} == body


def test_apply__the_same_plan_twice__sends_once(acme: Tenant, lofty: PracticeCustomer) -> None:
    plan = plan_for(acme, assistantName="Bella")
    first, second = apply(acme, plan, ""), apply(acme, plan, "")
    assert first.pk == second.pk
    assert len(lofty.puts) == 1


def test_apply__the_same_plan_in_parallel__sends_once(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    lofty.misbehave("delay", on="GET", times=None, seconds=0.3)
    in_parallel([lambda: apply(acme, plan, "")] * 4)
    assert len(lofty.puts) == 1
    assert Operation.objects.get().state == State.VERIFIED


def test_apply__different_plans_in_parallel__only_one_is_in_flight(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    plans = [plan_for(acme, assistantName=f"Name {i}") for i in range(6)]
    lofty.misbehave("delay", on="GET", times=None, seconds=0.5)
    in_parallel([partial(apply, acme, plan, "") for plan in plans])
    states = sorted(operation.state for operation in Operation.objects.all())
    assert len(lofty.puts) == states.count(State.VERIFIED) == 1
    assert states.count(State.NOT_SENT) == 5


def test_apply__the_same_plan_twice_while_another_is_in_flight__is_one_refused_operation(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    lofty.misbehave("drop_before")
    apply(acme, plan_for(acme, assistantName="Carla"), "")
    in_parallel([partial(apply, acme, plan, "")] * 4)
    assert Operation.objects.get(pk=plan.operation_id).state == State.NOT_SENT
    assert kinds(plan.operation_id) == [Kind.SETTINGS_REFUSED]
    assert len(lofty.puts) == 1


def in_parallel(calls: Iterable[Callable[[], object]]) -> None:
    def run(call: Callable[[], object]) -> None:
        try:
            call()
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)


def test_apply__somebody_else_changed_it__sends_nothing_and_shows_both(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    lofty.change(settings={"assistantName": "Carla"})
    operation = apply(acme, plan, "")
    assert (operation.state, operation.moved) == (State.NOT_SENT, True)
    assert operation.after["assistantName"] == "Carla"
    assert lofty.puts == []
    assert kinds(operation.pk) == [Kind.SETTINGS_REFUSED]


def test_apply__token_of_another_agent__sends_nothing(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    other = PracticeCustomer.add(lofty.url, "other")
    connect(acme, other.token)
    operation = apply(acme, plan, "")
    assert operation.state == State.NOT_SENT
    assert "another Sales Agent" in operation.explanation
    assert not operation.moved
    assert lofty.puts == other.puts == []


# reliability B2: what Lofty does -> what is claimed; it gets the PUT exactly once
FAULTS = [
    ("status", {"code": 400, "body": {"code": 20012, "message": "bad"}}, State.REJECTED),
    ("status", {"code": 401, "body": {"code": "BAD_CREDENTIALS"}}, State.REJECTED),
    ("status", {"code": 403, "body": {"code": 200100}}, State.REJECTED),
    ("status", {"code": 404, "body": "nothing here"}, State.REJECTED),
    ("status", {"code": 429, "body": {"message": "Too Many Requests"}}, State.REJECTED),
    ("status", {"code": 200, "body": {"code": 20012, "message": "x"}}, State.REJECTED),
    ("status", {"code": 500, "body": "oops"}, State.UNKNOWN),
    ("status", {"code": 502, "body": "oops", "apply": True}, State.UNKNOWN),
    ("status", {"code": 202, "body": {"message": "ok"}}, State.UNKNOWN),
    ("redirect", {"status": 302, "location": "http://127.0.0.1:9/"}, State.UNKNOWN),
    ("drop_before", {}, State.UNKNOWN),
    ("drop_after", {}, State.UNKNOWN),
    ("drop_after", {"how": "reset"}, State.UNKNOWN),
    ("cut_headers", {}, State.UNKNOWN),
    ("cut_body", {}, State.UNKNOWN),
    ("html", {}, State.UNKNOWN),
    ("wrong_json", {"text": "{"}, State.UNKNOWN),
    ("ignore", {}, State.NOT_APPLIED),
    ("apply_later", {"seconds": 60}, State.NOT_APPLIED),
]


@pytest.mark.parametrize(("kind", "parameters", "expected"), FAULTS)
def test_apply__lofty_misbehaves__claims_no_more_than_it_knows(
    acme: Tenant,
    lofty: PracticeCustomer,
    kind: str,
    parameters: dict[str, Any],
    expected: State,
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    lofty.misbehave(kind, **parameters)
    operation = apply(acme, plan, "")
    assert operation.state == expected
    assert len(lofty.puts) == 1
    assert kinds(operation.pk) == [Kind.SETTINGS_INTENT, Kind.SETTINGS_OUTCOME]


@pytest.mark.parametrize("kind", ["drip_headers", "drip_body", "endless_100"])
def test_apply__answer_that_never_ends__is_unknown_at_the_deadline(
    acme: Tenant, lofty: PracticeCustomer, settings: Settings, kind: str
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    object.__setattr__(settings.ENVIRONMENT, "lofty_deadline", 1.0)
    lofty.misbehave(kind)
    assert apply(acme, plan, "").state == State.UNKNOWN
    assert len(lofty.puts) == 1


def test_apply__read_back_fails__is_unknown(
    acme: Tenant, lofty: PracticeCustomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    fails_after_put(lofty, monkeypatch)
    operation = apply(acme, plan, "")
    assert operation.state == State.UNKNOWN
    assert "reading it back failed" in operation.explanation


def fails_after_put(lofty: PracticeCustomer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lofty goes down right after the PUT."""
    original = services.send

    def send_then_break(client: LoftyClient, operation: Operation) -> Exchange:
        try:
            return original(client, operation)
        finally:
            lofty.misbehave("status", on="GET", times=None, code=500, body="down")

    monkeypatch.setattr(services, "send", send_then_break)


def test_apply__something_else_changed_in_the_same_moment__is_verified_and_said(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    lofty.misbehave("foreign_change", settings={"followUpRole": "Agent"}, when="after")
    operation = apply(acme, plan, "")
    assert operation.state == State.VERIFIED
    assert "Who follows up" in operation.explanation


@pytest.mark.parametrize(
    "fault", [("status", {"code": 500, "body": "down"}), ("html", {}), ("cut_body", {})]
)
def test_apply__lofty_cannot_be_read_before__sends_nothing(
    acme: Tenant, lofty: PracticeCustomer, fault: tuple[str, dict[str, Any]]
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    lofty.misbehave(fault[0], on="GET", times=None, **fault[1])
    operation = apply(acme, plan, "")
    assert operation.state == State.NOT_SENT
    assert lofty.puts == []


def test_apply__too_few_calls_left__sends_nothing_and_says_until_when(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    lofty.change(rate_limit=10, rate_used=7)
    plan = plan_for(acme, assistantName="Bella")
    operation = apply(acme, plan, "")
    assert operation.state == State.NOT_SENT
    assert "Try again after" in operation.advice
    assert lofty.puts == []


@pytest.mark.parametrize("fault", [None, "drop_before"])
def test_apply__ended__leaves_what_is_left_of_the_calls_to_others(
    acme: Tenant, lofty: PracticeCustomer, fault: str | None
) -> None:
    lofty.change(rate_limit=10)
    plan = plan_for(acme, assistantName="Bella")
    if fault:
        lofty.misbehave(fault, on="GET", times=None)
    apply(acme, plan, "")
    assert calls_left(acme).remaining is not None
    assert not calls_left(acme).claimed


# --- reliability A1: what cannot be recorded is not sent ------------------------------------------
@contextmanager
def broken(statement: str, mend: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(mend)


RAISING = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON audit_auditevent FOR EACH ROW EXECUTE FUNCTION refuse()
"""


def test_apply__audit_insert_refused_by_a_trigger__sends_nothing(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    mend = "DROP TRIGGER refuse ON audit_auditevent; DROP FUNCTION refuse()"
    with broken(RAISING, mend), pytest.raises(NotRecorded):
        apply(acme, plan, "")
    assert lofty.puts == []


def test_apply__read_only_database__sends_nothing(acme: Tenant, lofty: PracticeCustomer) -> None:
    plan = plan_for(acme, assistantName="Bella")
    on, off = (f"SET default_transaction_read_only = {value}" for value in ("on", "off"))
    with broken(on, off), pytest.raises(NotRecorded):
        apply(acme, plan, "")
    assert lofty.puts == []


def test_apply__insert_right_taken_away__sends_nothing(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    take = """
        CREATE ROLE console_app;
        GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO console_app;
        REVOKE INSERT ON audit_auditevent FROM console_app;
        SET ROLE console_app
    """
    mend = "RESET ROLE; DROP OWNED BY console_app; DROP ROLE console_app"
    with broken(take, mend), pytest.raises(NotRecorded):
        apply(acme, plan, "")
    assert lofty.puts == []


def test_apply__head_of_the_log_locked_too_long__sends_nothing(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    holder = connections.create_connection("default")
    try:
        with holder.cursor() as cursor:
            cursor.execute("BEGIN; SELECT * FROM audit_audithead FOR UPDATE")
            short, usual = (f"SET lock_timeout = '{value}'" for value in ("200ms", "5s"))
            with broken(short, usual), pytest.raises(NotRecorded):
                apply(acme, plan, "")
            cursor.execute("ROLLBACK")
    finally:
        holder.close()
    assert lofty.puts == []


def test_apply__recording_raises__sends_nothing(
    acme: Tenant, lofty: PracticeCustomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_for(acme, assistantName="Bella")

    def fail(*args: object, **kwargs: object) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(services, "record", fail)
    with pytest.raises(NotRecorded):
        apply(acme, plan, "")
    assert lofty.puts == []


# --- reliability A2: one door ---------------------------------------------------------------------
def test_send__without_a_committed_intent__is_refused(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    operation = services._draft(acme, plan_for(acme, assistantName="Bella"), "")
    assert services._take_place(operation)
    with pytest.raises(SendRefused):
        send(client_for(acme), operation)
    assert lofty.puts == []


def test_send__inside_a_transaction__is_refused(acme: Tenant, lofty: PracticeCustomer) -> None:
    operation = apply(acme, plan_for(acme, assistantName="Bella"), "")
    with transaction.atomic(), pytest.raises(SendRefused):
        send(client_for(acme), operation)
    assert len(lofty.puts) == 1


def test_send__after_another_process_took_over__is_refused(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    operation = services._draft(acme, plan, "")
    services._take_place(operation)
    services._commit_intent(operation, plan.snapshot.settings, plan)
    Operation.objects.filter(pk=operation.pk).update(fence=1)
    with pytest.raises(SendRefused):
        send(client_for(acme), operation)
    assert lofty.puts == []


# --- reliability A3, A8 ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    ["NUL \x00 and \ud800 alone", "x" * 5_000_000, "=cmd()", "<img src=x onerror=alert(1)>"],
    ids=["NUL and surrogate", "5 MB", "formula", "markup"],
)
def test_apply__lofty_answers_with_hostile_text__the_outcome_is_recorded(
    acme: Tenant, lofty: PracticeCustomer, text: str
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    lofty.misbehave("status", code=400, body={"code": 20012, "message": text})
    operation = apply(acme, plan, "")
    assert operation.state == State.REJECTED
    event = AuditEvent.objects.filter(operation_id=operation.pk).latest("seq")
    assert event.outcome == State.REJECTED
    assert len(event.body) < 2_000_000


def test_apply__while_lofty_is_asked__nothing_is_locked(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    lofty.misbehave("delay", seconds=1)
    thread = Thread(target=in_parallel, args=[[lambda: apply(acme, plan, "")]])
    thread.start()
    while not lofty.puts:
        time.sleep(0.01)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT seq FROM audit_audithead FOR UPDATE NOWAIT")
        cursor.execute("SELECT id FROM agentsettings_operation FOR UPDATE NOWAIT")
    thread.join(20)
    assert Operation.objects.get().state == State.VERIFIED
