"""A save against a practice Lofty: every outcome, and how often a request was sent."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connections, transaction
from django.db import connection as database
from pytest_django import Settings

from lofty_admin.accounts.models import User
from lofty_admin.accounts.services import deactivate_person
from lofty_admin.agentsettings import services
from lofty_admin.agentsettings.models import Operation, SettingsSnapshot, State
from lofty_admin.agentsettings.operations import SendRefused
from lofty_admin.agentsettings.reconcile import reconcile_operation
from lofty_admin.agentsettings.services import AuditWriteFailed, NothingToSend, send
from lofty_admin.agentsettings.snapshots import read_live
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.models import AuditEvent
from lofty_admin.lofty.client import LoftyClient
from lofty_admin.lofty.exchange import Exchange
from lofty_admin.tenants.access import grants
from lofty_admin.tenants.access.grants import Scope
from lofty_admin.tenants.access.memberships import deny, grant, remove_member
from lofty_admin.tenants.credentials.api_client import calls_left, client_and_connection, client_for
from lofty_admin.tenants.credentials.token_store import remove_connection
from lofty_admin.tenants.models import Group, Membership, Role, Tenant
from lofty_admin.tenants.services import archive_tenant
from tests.support.deployment import wait_for
from tests.support.documented_settings import EXAMPLE_REQUEST
from tests.support.parallel import in_parallel
from tests.support.practice_customer import PracticeCustomer
from tests.support.settings_changes import apply, connect, editor_of, plan_for
from tests.support.settings_faults import RAISING, broken
from tools.practice_control import control

pytestmark = pytest.mark.django_db(transaction=True)


def kinds(operation_id: UUID) -> list[str]:
    events = AuditEvent.objects.filter(operation_id=operation_id).order_by("seq")
    return [event.kind for event in events]


def test_apply__lofty_applies_the_change__is_verified(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    plan = plan_for(acme, assistantName="Bella", agentIds=[-1])
    operation = apply(acme, plan, "because")
    assert operation.state == State.VERIFIED
    assert lofty.settings["assistantName"] == "Bella"
    assert lofty.settings["agentIds"] == [-1]
    assert len(lofty.puts) == 1
    assert kinds(operation.pk) == [Kind.SETTINGS_INTENT, Kind.SETTINGS_OUTCOME]
    assert SettingsSnapshot.objects.get(tenant=acme).raw["assistantName"] == "Bella"


def test_apply__one_setting_changed__sends_all_others_unchanged(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    before = lofty.settings
    apply(acme, plan_for(acme, assistantName="Bella"), "")
    body = lofty.puts[0]["body"]
    assert body.pop("assistantName") == "Bella"
    assert {"assistantName", *body} == EXAMPLE_REQUEST.keys()
    assert {name: before[name] for name in body} == body


@pytest.mark.parametrize("is_empty", [True, False])
def test_apply__plan_without_a_change__is_refused_and_leaves_no_trace(
    acme: Tenant, lofty: PracticeCustomer, is_empty: bool
) -> None:
    """Also one that names a setting, with the value that Lofty has."""
    plan = plan_for(acme)
    if not is_empty:
        plan = replace(plan, wanted={"assistantName": lofty.settings["assistantName"]})
    with pytest.raises(NothingToSend):
        apply(acme, plan, "")
    assert lofty.puts == []
    assert not Operation.objects.exists()
    assert kinds(plan.operation_id) == []


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


def test_apply__settings_changed_in_lofty_meanwhile__sends_nothing_and_keeps_both(
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


# What Lofty does -> the recorded outcome; it gets the PUT exactly once.
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
    ("ignore", {}, State.UNKNOWN),
    ("apply_later", {"seconds": 60}, State.UNKNOWN),
]


@pytest.mark.parametrize(("kind", "parameters", "expected"), FAULTS)
def test_apply__lofty_misbehaves__outcome_claims_no_more_than_is_known(
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


def test_apply__another_setting_changed_at_the_same_time__is_verified_and_mentioned(
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
def test_apply__ended__releases_the_calls_it_did_not_use(
    acme: Tenant, lofty: PracticeCustomer, fault: str | None
) -> None:
    lofty.change(rate_limit=10)
    plan = plan_for(acme, assistantName="Bella")
    if fault:
        lofty.misbehave(fault, on="GET", times=None)
    apply(acme, plan, "")
    assert calls_left(acme).remaining is not None
    assert not calls_left(acme).claimed


# --- what cannot be recorded is not sent ----------------------------------------------------------


def test_apply__audit_insert_refused_by_a_trigger__sends_nothing(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    mend = "DROP TRIGGER refuse ON audit_auditevent; DROP FUNCTION refuse()"
    with broken(RAISING, mend), pytest.raises(AuditWriteFailed):
        apply(acme, plan, "")
    assert lofty.puts == []


def test_apply__read_only_database__sends_nothing(acme: Tenant, lofty: PracticeCustomer) -> None:
    plan = plan_for(acme, assistantName="Bella")
    on, off = (f"SET default_transaction_read_only = {value}" for value in ("on", "off"))
    with broken(on, off), pytest.raises(AuditWriteFailed):
        apply(acme, plan, "")
    assert lofty.puts == []


def test_apply__insert_privilege_revoked__sends_nothing(
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
    with broken(take, mend), pytest.raises(AuditWriteFailed):
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
            with broken(short, usual), pytest.raises(AuditWriteFailed):
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
    with pytest.raises(AuditWriteFailed):
        apply(acme, plan, "")
    assert lofty.puts == []


# --- one door -------------------------------------------------------------------------------------
def test_send__without_a_committed_intent__is_refused(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    operation = services._draft(acme, plan_for(acme, assistantName="Bella"), "")
    assert services._acquire_slot(operation)
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
    operation = services._draft(acme, plan, "", editor_of(acme))
    services._acquire_slot(operation)
    client, connection = client_and_connection(acme)
    services._commit_intent(operation, plan.snapshot.settings, plan, connection)
    Operation.objects.filter(pk=operation.pk).update(fence=1)
    with pytest.raises(SendRefused):
        send(client, operation)
    assert lofty.puts == []


# --- hostile text from Lofty ----------------------------------------------------------------------
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
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute("SELECT seq FROM audit_audithead FOR UPDATE NOWAIT")
        cursor.execute("SELECT id FROM agentsettings_operation FOR UPDATE NOWAIT")
    thread.join(20)
    assert Operation.objects.get().state == State.VERIFIED


# --- A refusal is read back: a proxy can answer after Lofty applied the change --------------------
PROXY_ANSWERS = [
    {"code": 400, "body": {"code": 20012, "message": "bad"}},
    {"code": 403, "body": {"code": "PERMISSION_DENIED", "message": "no"}},
    {"code": 404, "body": {"code": 404, "message": "no such thing"}},
    {"code": 409, "body": {"message": "conflict"}},
    {"code": 422, "body": {"message": "cannot"}},
    {"code": 200, "body": {"code": 20012, "message": "bad"}},
]


@pytest.mark.parametrize("answer", PROXY_ANSWERS, ids=lambda answer: str(answer["code"]))
def test_apply__refused_after_it_was_applied__is_verified_and_says_so(
    acme: Tenant, lofty: PracticeCustomer, answer: dict[str, Any]
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    lofty.misbehave("status", apply=True, **answer)
    operation = apply(acme, plan, "")
    assert operation.state == State.VERIFIED
    assert "answered with an error" in operation.explanation
    assert operation.answer["status"] == answer["code"]
    assert len(lofty.puts) == 1


@pytest.mark.parametrize("answer", PROXY_ANSWERS, ids=lambda answer: str(answer["code"]))
def test_apply__refused__was_read_back(
    acme: Tenant, lofty: PracticeCustomer, answer: dict[str, Any]
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    lofty.misbehave("status", **answer)
    operation = apply(acme, plan, "")
    assert operation.state == State.REJECTED
    assert "the change was not made" in operation.explanation
    assert operation.after["assistantName"] == "Anna"
    assert operation.after_read_at is not None


@pytest.mark.parametrize(("applied", "expected"), [(True, State.VERIFIED), (False, State.REJECTED)])
def test_apply__refused_and_read_back_fails__is_unknown_until_one_reading(
    acme: Tenant,
    lofty: PracticeCustomer,
    monkeypatch: pytest.MonkeyPatch,
    applied: bool,
    expected: State,
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    lofty.misbehave("status", code=400, body={"code": 20012, "message": "bad"}, apply=applied)
    fails_after_put(lofty, monkeypatch)
    operation = apply(acme, plan, "")
    assert operation.state == State.UNKNOWN
    assert "rejected the change, but reading it back" in operation.explanation
    lofty.behave()
    assert reconcile_operation(operation).state == expected
    assert len(lofty.puts) == 1


RATE_LIMIT: dict[str, Any] = {"code": 429, "body": {"message": "Too Many Requests"}}


def test_apply__over_the_rate_limit_which_the_read_back_is_not__was_read_back(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    lofty.misbehave("status", **RATE_LIMIT)
    operation = apply(acme, plan, "")
    assert operation.state == State.REJECTED
    assert operation.after["assistantName"] != "Bella"
    assert "the change was not made" in operation.explanation
    assert "Your change is kept" in operation.advice


def test_apply__rate_limit_for_the_read_back_too__was_not_made(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    """Other programs with the same token use up the calls while the save reads."""
    lofty.change(rate_limit=10)
    operation = held_save(acme, lofty, editor_of(acme), lambda: lofty.change(rate_used=10))
    assert operation.state == State.REJECTED, operation.explanation
    assert operation.after is None
    assert "The change was not made" in operation.explanation
    assert "Your change is kept" in operation.advice


def test_apply__rate_limit_of_a_proxy_after_lofty_made_the_change__is_verified(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    """A proxy sent it twice: Lofty made the change, and limited the second."""
    plan = plan_for(acme, assistantName="Bella")
    lofty.misbehave("status", apply=True, **RATE_LIMIT)
    operation = apply(acme, plan, "")
    assert operation.state == State.VERIFIED
    assert "answered with an error" in operation.explanation


def test_apply__token_dies_with_the_put__is_rejected_and_frees_the_tenant(
    acme: Tenant, lofty: PracticeCustomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    original = services.send

    def revoke_then_send(client: LoftyClient, operation: Operation) -> Exchange:
        lofty.change(revoke_all=True)
        return original(client, operation)

    monkeypatch.setattr(services, "send", revoke_then_send)
    operation = apply(acme, plan, "")
    assert operation.state == State.REJECTED
    assert "could not be read back" in operation.explanation


# --- Not applied needs two looks ------------------------------------------------------------------
def test_apply__old_value_right_after_a_200__waits_for_a_second_reading(
    acme: Tenant, lofty: PracticeCustomer, settings: Settings
) -> None:
    object.__setattr__(settings.ENVIRONMENT, "settle_quiet_seconds", 60)
    plan = plan_for(acme, assistantName="Bella")
    lofty.misbehave("apply_later", seconds=1.5)
    operation = apply(acme, plan, "")
    assert (operation.state, operation.is_open) == (State.UNKNOWN, True)
    assert "does not show the change yet in: Assistant's name" in operation.explanation
    assert operation.seen_old_at is not None
    assert operation.looks_again_at == operation.seen_old_at + timedelta(seconds=60)
    read_live(acme)  # a user opens the settings meanwhile
    assert reconcile_operation(operation).is_open, "one look right after the other proves nothing"
    time.sleep(1.6)
    assert reconcile_operation(operation).state == State.VERIFIED
    read_live(acme)
    assert not AuditEvent.objects.filter(kind=Kind.SETTINGS_SEEN_CHANGED).exists()


def test_apply__accepted_but_never_there__is_not_applied_after_the_quiet_time(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    plan = plan_for(acme, assistantName="Bella", followUpRole="Agent")
    lofty.misbehave("ignore")
    operation = reconcile_operation(apply(acme, plan, ""))
    assert operation.state == State.NOT_APPLIED
    assert "accepted the request but did not change: Assistant's name" in operation.explanation
    assert operation.undoing == {}, "it changed nothing, so there is nothing to undo"
    assert len(lofty.puts) == 1


def test_apply__accepted_with_another_value__names_it_and_needs_no_person(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    plan = plan_for(acme, assistantName="Bella", followUpRole="Agent")
    lofty.misbehave("foreign_change", settings={"assistantName": "BELLA"}, when="after")
    first = apply(acme, plan, "")
    assert (first.state, first.needs_person) == (State.UNKNOWN, False)
    operation = reconcile_operation(first)
    assert operation.state == State.NOT_APPLIED
    assert operation.after["assistantName"] == "BELLA"
    assert operation.undoing == {"followUpRole": "AI"}, "only what this change did"


# --- Everything Lofty sends is compared, not only the settings ------------------------------------
@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({"tone": "warm"}, {"tone": None}, "tone is gone"),
        ({"tone": "warm"}, {"tone": "cold"}, 'tone (was "warm", now "cold")'),
        ({}, {"tone": "cold"}, 'tone is new ("cold")'),
        ({}, {"hostedStatus": "SUSPENDED"}, "hostedStatus"),
        ({}, {"headUrl": "https://img.example.com/2.png"}, "headUrl"),
    ],
)
def test_apply__something_else_is_different_afterwards__is_named(
    acme: Tenant,
    lofty: PracticeCustomer,
    monkeypatch: pytest.MonkeyPatch,
    before: dict[str, Any],
    after: dict[str, Any],
    words: str,
) -> None:
    lofty.change(settings=before)
    plan = plan_for(acme, assistantName="Bella")
    changed_after_put(lofty, monkeypatch, after)
    operation = apply(acme, plan, "")
    assert operation.state == State.VERIFIED
    assert words in operation.explanation
    event = AuditEvent.objects.get(operation_id=operation.pk, kind=Kind.SETTINGS_OUTCOME)
    assert event.detail["also_different"] == list(after)


def test_apply__read_back_with_every_number_as_text__names_no_difference(
    acme: Tenant, lofty: PracticeCustomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    numbers = {name: value for name, value in lofty.settings.items() if type(value) is int}
    changed_after_put(lofty, monkeypatch, {name: str(value) for name, value in numbers.items()})
    operation = apply(acme, plan, "")
    assert operation.state == State.VERIFIED
    assert operation.also_different == ()


def changed_after_put(
    lofty: PracticeCustomer, monkeypatch: pytest.MonkeyPatch, after: dict[str, Any]
) -> None:
    """The read-back finds these; a property that is None is no longer present."""
    original = services.send

    def send_then_change(client: LoftyClient, operation: Operation) -> Exchange:
        exchange = original(client, operation)
        found = {**lofty.settings, **after}
        body = {name: value for name, value in found.items() if value is not None}
        lofty.misbehave("status", on="GET", code=200, body=body)
        return exchange

    monkeypatch.setattr(services, "send", send_then_change)


def test_apply__read_back_of_another_sales_agent__is_never_verified(
    acme: Tenant, lofty: PracticeCustomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    changed_after_put(lofty, monkeypatch, {"id": 4711})
    operation = apply(acme, plan, "")
    assert (operation.state, operation.needs_person) == (State.UNKNOWN, True)
    assert "another Sales Agent (4711)" in operation.explanation
    assert SettingsSnapshot.objects.get(tenant=acme).raw["id"] != 4711


# --- The right to send, checked with the intent ---------------------------------------------------
def held_save(
    tenant: Tenant, lofty: PracticeCustomer, user: User, meanwhile: Callable[[], object]
) -> Operation:
    """A save of `user` that waits for its first read while something happens."""
    plan = plan_for(tenant, assistantName="Bella")
    lofty.misbehave("hold", on="GET")
    thread = Thread(
        target=in_parallel, args=[[lambda: services.apply(tenant, plan, "", user=user)]]
    )
    thread.start()
    wait_for("the read to be held", lambda: control(lofty.url, "GET", "held")["held"])
    meanwhile()
    control(lofty.url, "POST", "release", {})
    thread.join(20)
    return Operation.objects.get(pk=plan.operation_id)


Taking = Callable[[Tenant, User], object]


def role_of_group_removed(tenant: Tenant, user: User) -> None:
    group = Group.objects.create(slug="west", name="West")
    tenant.groups.add(group)
    grants.assign(user, Scope(group=group), Role.EDITOR)
    remove_member(Membership.objects.get(user=user, tenant=tenant))
    grants.revoke(user, Scope(group=group))


TAKEN_AWAY: dict[str, tuple[Taking, str]] = {
    "deactivated": (lambda _tenant, user: deactivate_person(user), "was deactivated"),
    "role removed": (
        lambda tenant, user: remove_member(Membership.objects.get(user=user, tenant=tenant)),
        "no longer has the editor role",
    ),
    "role lowered": (
        lambda tenant, user: grant(tenant, user, Role.VIEWER),
        "no longer has the editor role",
    ),
    "role by a group removed": (role_of_group_removed, "no longer has the editor role"),
    "access denied": (lambda tenant, user: deny(tenant, user), "no longer has the editor role"),
    "tenant archived": (lambda tenant, _user: archive_tenant(tenant), "was archived"),
    "token removed": (lambda tenant, _user: remove_connection(tenant), "token was removed"),
}


@pytest.mark.parametrize("way", TAKEN_AWAY)
def test_apply__role_revoked_while_it_waits__sends_nothing(
    acme: Tenant, lofty: PracticeCustomer, superuser: User, way: str
) -> None:
    take, words = TAKEN_AWAY[way]
    editor = editor_of(acme)
    operation = held_save(acme, lofty, editor, lambda: take(acme, editor))
    assert lofty.puts == []
    assert operation.state == State.NOT_SENT
    assert words in operation.explanation
    assert "Nothing was sent." in operation.explanation
    assert kinds(operation.pk) == [Kind.SETTINGS_REFUSED]


def test_apply__token_replaced_while_it_waits__sends_nothing_with_either(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    other = PracticeCustomer.add(lofty.url, "other")
    operation = held_save(acme, lofty, editor_of(acme), lambda: connect(acme, other.token))
    assert lofty.puts == other.puts == []
    assert operation.state == State.NOT_SENT
    assert "replaced" in operation.explanation


def test_apply__nothing_revoked_while_it_waits__sends(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    operation = held_save(acme, lofty, editor_of(acme), lambda: None)
    assert (operation.state, len(lofty.puts)) == (State.VERIFIED, 1)


def test_apply__without_an_allowed_user__sends_nothing(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    operation = services.apply(acme, plan, "")
    assert (operation.state, lofty.puts) == (State.NOT_SENT, [])
    assert "has no user with permission" in operation.explanation


def test_apply__role_revoked_while_the_intent_is_recorded__one_waits_for_the_other(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    """Whatever the order of the two in time, the history never shows a removal before an intent
    that was sent."""
    editor = editor_of(acme)
    for number in range(6):
        grant_again(acme, editor)
        plan = plan_for(acme, assistantName=f"Name {number}")
        before = len(lofty.puts)
        save = partial(services.apply, acme, plan, "", user=editor)
        in_parallel([save, partial(remove_after, 0.004 * number, acme, editor)])
        removed = AuditEvent.objects.filter(kind=Kind.MEMBER_REMOVED).latest("seq").seq
        intent = AuditEvent.objects.filter(
            operation_id=plan.operation_id, kind=Kind.SETTINGS_INTENT
        ).first()
        assert len(lofty.puts) - before == (1 if intent else 0)
        assert intent is None or intent.seq < removed


def grant_again(tenant: Tenant, user: User) -> None:
    if not Membership.objects.filter(tenant=tenant, user=user).exists():
        grant(tenant, user, Role.EDITOR)


def remove_after(seconds: float, tenant: Tenant, user: User) -> None:
    time.sleep(seconds)
    remove_member(Membership.objects.get(user=user, tenant=tenant))
