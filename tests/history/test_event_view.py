"""The page of one event: its content, its access, its related events, going back."""

import re

import pytest
from django.test import Client

from lofty_admin.accounts.models import User
from lofty_admin.agentsettings.models import Operation
from lofty_admin.agentsettings.reconcile import reconcile_all
from lofty_admin.audit.context import Actor, acting_as
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.canonical import JSON
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import AuditEvent
from lofty_admin.directory.models import Entry, EntryKind
from lofty_admin.tenants.models import Tenant
from tests.support.audit_log import newest
from tests.support.pages import Page, text_of
from tests.support.practice_customer import PracticeCustomer
from tests.support.settings_pages import HOSTILE, review, review_form, save
from tests.support.users import Browsers, signed_in

pytestmark = pytest.mark.django_db(transaction=True)


def test_event__of_a_save__says_everything(browsers: Browsers, lofty: PracticeCustomer) -> None:
    page = review(browsers.owner, assistantName=["Bella"])
    save(browsers.owner, page, reason=["Ticket 4711"])
    event = newest()
    page = browsers.viewer.get(f"/t/acme/history/{event.pk}/")
    text = text_of(page)
    for words in ("Olivia Owner changed settings Verified", "Ticket 4711", "Anna", "Bella"):
        assert words in text
    for words in (event.request_id, str(event.operation_id), "127.0.0.1", "Status 200", " ms"):
        assert words in text
    assert '"assistantName": "Bella"' in text
    assert "Olivia Owner started to change settings" in text
    assert "Go back" not in text, "a viewer cannot"


def test_event__renamed_agent__the_name_of_its_day_and_the_id_on_hover(
    browsers: Browsers, lofty: PracticeCustomer, acme: Tenant
) -> None:
    Entry.objects.keep([Entry.build(acme, EntryKind.AGENT, 102, "Old Name")])
    save(browsers.owner, review(browsers.owner, **{"agentIds-ids": ["101"]}))
    Entry.objects.keep([Entry.build(acme, EntryKind.AGENT, 102, "New Name")])
    page = browsers.owner.get(f"/t/acme/history/{newest().pk}/")
    assert '<li title="102">' in page.content.decode()
    assert "Removed: Old Name" in text_of(page)
    assert "New Name" not in text_of(page)


def test_event__neighbours__within_the_filter(browsers: Browsers, acme: Tenant) -> None:
    kinds = (Kind.NAME_GIVEN, Kind.TENANT_CHANGED, Kind.NAME_GIVEN, Kind.NAME_GIVEN)
    events = [record(kind, tenant=acme.ref) for kind in kinds]
    page = browsers.owner.get(f"/t/acme/history/{events[2].pk}/?kind=directory.name_given")
    links = re.findall(r'data-(newer|older)[^>]*href="([^"]+)"', page.content.decode())
    assert links == [
        ("newer", f"/t/acme/history/{events[3].pk}/?kind=directory.name_given"),
        ("older", f"/t/acme/history/{events[0].pk}/?kind=directory.name_given"),
    ]
    assert 'href="/t/acme/history/?kind=directory.name_given"' in page.content.decode()
    page = browsers.owner.get(f"/t/acme/history/{events[0].pk}/?kind=nonsense")
    assert page.status_code == 200


def test_event__by_htmx__only_the_detail(browsers: Browsers, acme: Tenant) -> None:
    event = record(Kind.NAME_GIVEN, tenant=acme.ref)
    url = f"/t/acme/history/{event.pk}/"
    part = browsers.owner.get(url, headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith("<div data-event=")
    assert "<html" in browsers.owner.get(url).content.decode()


def test_event__anywhere__by_the_rights_in_its_tenant(
    browsers: Browsers, superuser: User, acme: Tenant
) -> None:
    event = record(Kind.NAME_GIVEN, tenant=acme.ref, subject="lead source 7")
    url = f"/audit/events/{event.pk}/"
    for client in (browsers.viewer, signed_in(superuser)):
        assert "lead source 7" in text_of(client.get(url))
    assert browsers.outsider.get(url).status_code == 404
    assert newest(Kind.ACCESS_REFUSED).tenant_id == acme.id
    assert Client().get(url).status_code == 302


def test_event__of_no_tenant__superusers_only_and_the_refusal_is_recorded(
    browsers: Browsers, superuser: User
) -> None:
    event = record(Kind.SIGNED_IN, subject="root@example.com")
    url = f"/audit/events/{event.pk}/"
    assert "root@example.com" in text_of(signed_in(superuser).get(url))
    assert browsers.owner.get(url).status_code == 404
    assert newest(Kind.ACCESS_REFUSED).subject == f"GET {url}"


def test_event__same_request__only_what_the_user_may_see(
    browsers: Browsers, superuser: User, acme: Tenant, globex: Tenant
) -> None:
    with acting_as(Actor("command", "x", "A command"), request_id="f" * 32):
        mine = record(Kind.NAME_GIVEN, tenant=acme.ref)
        record(Kind.TENANT_CHANGED, tenant=globex.ref)
    text = text_of(browsers.owner.get(f"/t/acme/history/{mine.pk}/"))
    assert "Same request" not in text
    text = text_of(signed_in(superuser).get(f"/audit/events/{mine.pk}/"))
    assert "Same request A command changed the tenant" in text


@pytest.mark.parametrize("text", HOSTILE, ids=[repr(text)[:20] for text in HOSTILE])
def test_event__hostile_text__everywhere_without_harm(
    browsers: Browsers, acme: Tenant, text: str
) -> None:
    detail: dict[str, JSON] = {
        "explanation": text,
        "answer": {"message": text, "body": text},
        "names": text,
        "changed": ["assistantName", text],
        "wanted": {"assistantName": text},
    }
    event = record(
        Kind.SETTINGS_OUTCOME,
        tenant=acme.ref,
        subject=text,
        reason=text,
        before={"assistantName": text, text: text},
        after=text,
        outcome=Outcome.UNKNOWN,
        detail=detail,
        actor=Actor("person", "1", text),
    )
    query = "?q=" + "x" * 10
    for url in (f"/t/acme/history/{event.pk}/", "/t/acme/history/", "/audit/", f"/audit/{query}"):
        page = browsers.owner.get(url)
        assert page.status_code == 200, url
        for harm in (b"<img src=x", b"<script>alert", b"\x00"):
            assert harm not in page.content, url
        assert len(page.content) < 1_000_000


def test_event__huge_record__capped_on_the_page(browsers: Browsers, acme: Tenant) -> None:
    many = {f"key{n}": "x" * 20_000 for n in range(190)}
    event = record(Kind.NAME_GIVEN, tenant=acme.ref, detail=many)
    page = browsers.owner.get(f"/t/acme/history/{event.pk}/")
    assert len(event.body) > 3_000_000
    assert len(page.content) < 500_000


# --- going back -----------------------------------------------------------------------------------
def go_back(client: Client, event: AuditEvent, side: str = "before") -> Page:
    return client.post(f"/t/acme/history/{event.pk}/go-back/", {"side": side}, follow=True)


def test_go_back__changed_since__the_review_names_what_and_by_whom(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    save(browsers.owner, review(browsers.owner, assistantName=["Bella"]))
    first = newest()
    page = review(browsers.owner, assistantName=["Carla"], fixedNumber=["+14155552671"])
    save(browsers.owner, page, reason=["New brand"])
    lofty.change(settings={"followUpRole": "Agent"})
    page = go_back(browsers.owner, first, "after")
    text = text_of(page)
    assert "Restoring also undoes these later changes" in text
    assert "Assistant's name: Olivia Owner changed settings" in text
    assert "(“New brand”)" in text
    assert "Who follows up: Olivia Owner detected a change made in Lofty" in text
    assert "Verified" in text_of(save(browsers.owner, page))
    assert (lofty.settings["assistantName"], lofty.settings["followUpRole"]) == ("Bella", "AI")


def test_go_back__right_after__nothing_else_is_named(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    save(browsers.owner, review(browsers.owner, assistantName=["Bella"]))
    text = text_of(go_back(browsers.owner, newest(), "after"))
    assert "Nothing to change" in text
    assert "also undoes these later changes" not in text


def test_go_back__from_a_change_made_in_lofty__works(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    browsers.owner.get("/t/acme/settings/")
    lofty.change(settings={"assistantName": "Mallory"})
    browsers.owner.get("/t/acme/settings/")
    page = go_back(browsers.owner, newest(Kind.SETTINGS_SEEN_CHANGED))
    assert review_form(page)["reason"][0].startswith("Restore the state before")
    save(browsers.owner, page)
    assert lofty.settings["assistantName"] == "Anna"
    assert Operation.objects.get().state == "verified"


# --- undo -----------------------------------------------------------------------------------------
def undo(client: Client, event: AuditEvent) -> Page:
    return client.post(f"/t/acme/history/{event.pk}/undo/", follow=True)


def test_undo__from_the_result__only_what_it_changed_and_reviewed_against_now(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    page = save(browsers.owner, review(browsers.owner, assistantName=["Bella"]))
    first = newest()
    assert f"/t/acme/history/{first.pk}/undo/" in page.content.decode()
    lofty.change(settings={"followUpRole": "Agent"})
    page = undo(browsers.owner, first)
    text = text_of(page)
    assert "1 change for Acme Realty, not sent yet" in text
    assert "also undoes these later changes" not in text, "the same setting was not changed since"
    assert review_form(page)["reason"][0].startswith("Undo the change on")
    assert "Verified" in text_of(save(browsers.owner, page))
    assert (lofty.settings["assistantName"], lofty.settings["followUpRole"]) == ("Anna", "Agent")
    assert "Nothing to change" in text_of(undo(browsers.owner, first))


def test_undo__another_user_changed_it_since__their_change_is_left_alone(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    changed = {"assistantName": ["Bella"], "agentExperience": ["Ten years"]}
    save(browsers.owner, review(browsers.owner, **changed))
    first = newest()
    save(browsers.owner, review(browsers.owner, assistantName=["Carla"]))
    page = undo(browsers.owner, first)
    left = "Not included, because they were changed again since: Assistant's name."
    assert left in text_of(page)
    assert "1 change for Acme Realty" in text_of(page)
    save(browsers.owner, page)
    assert lofty.settings["assistantName"] == "Carla"
    assert lofty.settings["agentExperience"] != "Ten years"
    lofty.change(settings={"agentExperience": "Twenty years"})
    page = undo(browsers.owner, first)
    assert "changed again since: Assistant's name, " in text_of(page)
    assert "not sent yet" not in text_of(page), "nothing of it is left to undo"


def test_undo__not_applied_and_then_changed_by_another_user__is_not_offered(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    lofty.misbehave("ignore")
    save(browsers.owner, review(browsers.owner, assistantName=["Bella"]))
    lofty.change(settings={"assistantName": "Carla"})
    reconcile_all()
    event = newest()
    assert event.outcome == Outcome.NOT_APPLIED
    for path in (f"history/{event.pk}", f"operations/{event.operation_id}"):
        assert "Undo" not in text_of(browsers.owner.get(f"/t/acme/{path}/"))
    assert "There is nothing to undo" in text_of(undo(browsers.owner, event))


def test_undo__viewer_or_nothing_to_undo__not_offered(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    save(browsers.owner, review(browsers.owner, assistantName=["Bella"]))
    event = newest()
    for path in (f"history/{event.pk}", f"operations/{event.operation_id}"):
        assert "Undo" in text_of(browsers.owner.get(f"/t/acme/{path}/"))
        assert "Undo" not in text_of(browsers.viewer.get(f"/t/acme/{path}/"))
    assert browsers.viewer.post(f"/t/acme/history/{event.pk}/undo/").status_code == 403
    lofty.misbehave("ignore")
    page = save(browsers.owner, review(browsers.owner, assistantName=["Carla"]))
    assert "Undo" not in text_of(page), "not known yet"
    reconcile_all()
    assert "There is nothing to undo" in text_of(undo(browsers.owner, newest()))
    intent = newest(Kind.SETTINGS_INTENT)
    assert "There is nothing to undo" in text_of(undo(browsers.owner, intent))
