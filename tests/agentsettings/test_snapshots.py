"""Detecting changes that were made in Lofty, not through this console."""

import time
from threading import Thread
from typing import Any

import pytest

from lofty_admin.agentsettings.models import SettingsSnapshot, State
from lofty_admin.agentsettings.reconcile import reconcile_operation
from lofty_admin.agentsettings.snapshots import read_live
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import AuditEvent
from lofty_admin.tenants.credentials.sales_agent import WrongAgent
from lofty_admin.tenants.models import Health, Tenant
from tests.support.pages import text_of
from tests.support.parallel import in_parallel
from tests.support.practice_customer import PracticeCustomer
from tests.support.settings_changes import apply, connect, plan_for
from tests.support.settings_pages import go_back
from tests.support.users import Browsers

pytestmark = pytest.mark.django_db(transaction=True)


def seen() -> list[list[str]]:
    events = AuditEvent.objects.filter(kind=Kind.SETTINGS_SEEN_CHANGED).order_by("seq")
    return [event.content["detail"]["changed"] for event in events]


def test_read__first_time__records_nothing(acme: Tenant, lofty: PracticeCustomer) -> None:
    read_live(acme)
    assert seen() == []
    assert SettingsSnapshot.objects.get().raw["assistantName"] == "Anna"


def test_read__changed_in_lofty__is_recorded_once(acme: Tenant, lofty: PracticeCustomer) -> None:
    read_live(acme)
    lofty.change(settings={"assistantName": "Carla", "activeDays": []})
    read_live(acme)
    read_live(acme)
    assert seen() == [["assistantName", "activeDays"]]


def test_read__after_our_own_save__records_nothing(acme: Tenant, lofty: PracticeCustomer) -> None:
    assert apply(acme, plan_for(acme, assistantName="Bella"), "").state == State.VERIFIED
    read_live(acme)
    assert seen() == []


def test_save__another_setting_changes_in_lofty_meanwhile__only_that_is_recorded(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    lofty.misbehave("foreign_change", settings={"followUpRole": "Agent"}, when="after")
    assert apply(acme, plan, "").state == State.VERIFIED
    assert seen() == [["followUpRole"]]


def test_read__our_change_in_flight__concludes_nothing(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    lofty.misbehave("drop_after")
    operation = apply(acme, plan, "")
    read_live(acme)
    assert reconcile_operation(operation).state == State.VERIFIED
    assert seen() == []


def test_save__refused_because_it_moved__records_their_change(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    lofty.change(settings={"assistantName": "Carla"})
    assert apply(acme, plan, "").moved
    assert seen() == [["assistantName"]]


def test_read__another_sales_agent__is_refused_and_no_change_of_this_one(
    acme: Tenant, lofty: PracticeCustomer, browsers: Browsers
) -> None:
    read_live(acme)
    connect(acme, PracticeCustomer.add(lofty.url, "other").token)
    with pytest.raises(WrongAgent, match="another Sales Agent"):
        read_live(acme)
    page = text_of(browsers.owner.get("/t/acme/settings/"))
    assert "opens another Sales Agent" in page
    assert "add the right token" in page
    assert seen() == []
    assert acme.connection is not None
    assert acme.connection.health.status == Health.WRONG_AGENT


def test_history__outside_change__is_shown_and_can_be_undone(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    browsers.owner.get("/t/acme/settings/")
    lofty.change(settings={"assistantName": "Carla"})
    browsers.owner.get("/t/acme/settings/")
    event = AuditEvent.objects.get(kind=Kind.SETTINGS_SEEN_CHANGED)
    page = browsers.owner.get(f"/t/acme/history/{event.pk}/")
    assert "Anna Carla" in text_of(page)
    assert "1 change for Acme Realty" in text_of(go_back(browsers.owner, event))


def test_history__renewals__are_recorded_but_not_listed(
    browsers: Browsers, acme: Tenant, lofty: PracticeCustomer
) -> None:
    record(Kind.CREDENTIAL_RENEWED, tenant=acme.ref, subject="every few hours")
    record(Kind.CREDENTIAL_FAILED, tenant=acme.ref, subject="once")
    page = text_of(browsers.owner.get("/t/acme/history/"))
    assert "every few hours" not in page
    assert "found that the connection does not work" in page


def test_read__overtaken_by_a_save__concludes_nothing(
    acme: Tenant, lofty: PracticeCustomer
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    lofty.misbehave("delay", on="GET", seconds=1.0, when="after")
    reader = Thread(target=in_parallel, args=[[lambda: read_live(acme)]])
    reader.start()
    time.sleep(0.3)
    assert apply(acme, plan, "").state == State.VERIFIED
    reader.join(20)
    read_live(acme)
    assert seen() == []
    assert SettingsSnapshot.objects.get().raw["assistantName"] == "Bella"


@pytest.mark.parametrize(
    ("fault", "parameters"),
    [
        ("ignore", {}),
        ("status", {"code": 400, "body": {"code": 1, "message": "no"}}),
    ],
)
def test_read__our_own_change_arrives_after_it_was_settled__is_credited_to_us(
    acme: Tenant, lofty: PracticeCustomer, fault: str, parameters: dict[str, Any]
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    lofty.misbehave(fault, **parameters)
    assert not reconcile_operation(apply(acme, plan, "")).is_open
    lofty.change(settings={"assistantName": "Bella"})
    read_live(acme)
    event = AuditEvent.objects.get(kind=Kind.SETTINGS_SEEN_CHANGED)
    assert "Lofty now has the settings of the save on" in event.content["detail"]["explanation"]
