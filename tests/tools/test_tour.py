"""Every item of the tour works, on the practice Lofty's page and in docs/tour.md."""

import re
from html import unescape
from pathlib import Path

import pytest
from django.urls import resolve

from lofty_admin.agentsettings.plans import Plan
from lofty_admin.agentsettings.snapshots import read_live
from lofty_admin.lofty.client import Scheme
from lofty_admin.tenants.credentials.token_store import set_connection
from lofty_admin.tenants.credentials.token_verification import unchecked_token
from lofty_admin.tenants.models import Tenant
from tests.support.practice_caller import Caller
from tests.support.practice_customer import PracticeCustomer
from tests.support.settings_changes import apply
from tools.practice_lofty.seed import customers
from tools.practice_lofty.server import Sandbox
from tools.practice_lofty.tour import HARBOUR, TRIES, Try
from tools.processes import ROOT

CONSOLE = "http://127.0.0.1:8765"
SAVES = [one for one in TRIES if one.outcome]


def test_tour__page__has_each_thing_with_its_link_and_button(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "db", seeded=True, console_url=CONSOLE) as practice:
        PracticeCustomer(practice.url, HARBOUR).misbehave("ignore")
        caller = Caller(practice.port)
        page = unescape(caller.send("GET", "/tour", None, {}).body.decode())
        assert 'href="/tour"' in caller.send("GET", "/", None, {}).body.decode()
    for one in TRIES:
        assert all(text in page for text in (one.title, one.words, one.expect, one.button))
        assert f'href="{CONSOLE}{one.path}"' in page
        assert resolve(one.path), "an address of the console"
        assert one.slug in {customer.slug for customer in customers()}
    assert page.count("Ready: it happens at the next save.") == 1


def test_tour__practice_lofty_without_a_console__has_no_such_page(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "db") as practice:
        caller = Caller(practice.port)
        assert caller.send("GET", "/tour", None, {}).status == 404
        assert "/tour" not in caller.send("GET", "/", None, {}).body.decode()


@pytest.mark.django_db(transaction=True)
def test_tour__each_save__ends_as_it_says(practice: Sandbox) -> None:
    customer = PracticeCustomer.add(practice.url, HARBOUR)
    for number, one in enumerate(SAVES):
        tenant = Tenant.objects.create(slug=f"try-{number}", name=one.title)
        set_connection(tenant, unchecked_token(Scheme.OAUTH, customer.token), meant=True)
        assert _outcome_of(one, tenant, customer) == one.outcome, one.title


def _outcome_of(one: Try, tenant: Tenant, customer: PracticeCustomer) -> str:
    seen = read_live(tenant)
    plan = Plan.new(seen, {**seen.settings.raw, "assistantName": f"Tried {tenant.slug}"})
    if one.fault:
        customer.misbehave(**one.fault)  # type: ignore[arg-type]  # as the button sends it
    if one.settings:
        customer.change(settings=one.settings)
    return apply(tenant, plan, "as the tour says").state


def test_tour__docs__tell_the_same_things_in_the_same_order() -> None:
    told = re.findall(r"^## \d+\. (.+)$", (ROOT / "docs/tour.md").read_text(), re.MULTILINE)
    assert told == [attempt_case.title for attempt_case in TRIES]
