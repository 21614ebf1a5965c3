"""The settings pages, used by a browser without JavaScript."""

import html
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client

from lofty_admin.accounts.models import User
from lofty_admin.agentsettings.models import Draft, Operation, SettingsSnapshot
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.models import AuditEvent
from lofty_admin.tenants.models import Tenant
from tests.support.pages import Page, form_of, text_of
from tests.support.practice_customer import PracticeCustomer
from tests.support.settings_faults import RAISING, broken
from tests.support.settings_pages import (
    HOSTILE,
    SETTINGS,
    back_to_form,
    go_back,
    review,
    review_form,
    save,
)
from tests.support.users import Browsers, signed_in

pytestmark = pytest.mark.django_db(transaction=True)


def in_lofty(page: Page) -> dict[str, Any]:
    """What the page tells its script of Lofty's values; empty when the form shows just these."""
    match = re.search(r'id="in-lofty"[^>]*>(.*?)</script>', page.content.decode())
    return json.loads(match[1]) if match else {}


def test_form__back_from_the_review_or_refused__says_what_lofty_has(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    assert in_lofty(browsers.owner.get(SETTINGS)) == {}
    changed = {"assistantName": ["Bella"], "textChannel": [], "agentIds-ids": ["101"]}
    page = review(browsers.owner, **changed)
    told = in_lofty(back_to_form(browsers.owner, page))
    assert told["assistantName"] == {"value": "Anna"}
    assert told["textChannel"] == {"value": True}
    agents = told["agentIds"]
    assert (agents["scope"], agents["ids"]) == ("only", ["101", "102"])
    assert agents["names"]["102"] == "unknown (102)"
    refused = in_lofty(review(browsers.owner, **{"agentIds-ids": [""]}))
    assert refused["agentIds"]["ids"] == ["101", "102"]


def test_main_job__edit_review_apply_history_go_back__works(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    page = review(browsers.owner, assistantName=["Bella"], textChannel=[])
    assert "2 changes for Acme Realty, not sent yet" in text_of(page)
    assert "may not text leads" in text_of(page)
    assert lofty.puts == []

    page = save(browsers.owner, page, reason=["They asked for it"])
    assert "Verified" in text_of(page)
    assert (lofty.settings["assistantName"], lofty.settings["textChannel"]) == ("Bella", False)

    assert "Olivia Owner changed settings" in text_of(browsers.owner.get("/t/acme/history/"))
    event = AuditEvent.objects.get(kind=Kind.SETTINGS_OUTCOME)
    page = browsers.owner.get(f"/t/acme/history/{event.pk}/")
    assert "They asked for it" in text_of(page)

    page = go_back(browsers.owner, event)
    assert "2 changes for Acme Realty" in text_of(page)
    assert "Verified" in text_of(save(browsers.owner, page))
    assert (lofty.settings["assistantName"], lofty.settings["textChannel"]) == ("Anna", True)


def test_review__nothing_changed__says_so_and_sends_nothing(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    assert "Nothing to change" in text_of(review(browsers.owner))
    assert lofty.puts == []


def test_review__bad_input__comes_back_with_everything_typed(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    changed = {"assistantName": ["Bella"], "agentIds-scope": ["only"], "agentIds-ids": [""]}
    page = review(browsers.owner, **changed)
    assert "Nothing was sent." in text_of(page)
    assert "Agents: nothing is selected." in text_of(page)
    assert form_of(page, f"{SETTINGS}review/")["assistantName"] == ["Bella"]


def test_review__widening__must_be_ticked(browsers: Browsers, lofty: PracticeCustomer) -> None:
    page = review(browsers.owner, **{"agentIds-scope": ["all"], "activeDays-scope": ["all"]})
    assert "Widens who is reached" in text_of(page)
    page = save(browsers.owner, page, confirmed=["agentIds"])
    assert "confirm each change" in text_of(page)
    assert lofty.puts == []
    page = save(browsers.owner, page, confirmed=["agentIds", "activeDays"])
    assert "Verified" in text_of(page)
    assert (lofty.settings["agentIds"], lofty.settings["activeDays"]) == ([-1], [])


def test_review__back_to_the_form__keeps_what_was_changed(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    page = review(browsers.owner, assistantName=["Bella"], **{"agentIds-ids": ["101,103"]})
    page = back_to_form(browsers.owner, page, reason=["so far"])
    fields = form_of(page, f"{SETTINGS}review/")
    assert (fields["assistantName"], fields["agentIds-ids"]) == (["Bella"], ["101,103"])
    page = browsers.owner.post(f"{SETTINGS}review/", fields, follow=True)
    assert review_form(page)["reason"] == ["so far"]


def test_apply__changed_in_lofty_meanwhile__three_way_page_then_merged(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    page = review(browsers.owner, assistantName=["Bella"], fixedNumber=["+14155552671"])
    lofty.change(settings={"assistantName": "Carla", "followUpRole": "Agent"})
    page = save(browsers.owner, page)
    text = text_of(page)
    assert "changed in Lofty since you opened them. Nothing was sent." in text
    assert "Now in Lofty: Carla" in text
    assert "Yours: Bella" in text
    assert lofty.puts == []

    operation = Operation.objects.get()
    merge_url = f"/t/acme/operations/{operation.pk}/merge/"
    undecided = browsers.owner.post(merge_url, {}, follow=True)
    assert "Choose a value for every setting" in text_of(undecided)
    page = browsers.owner.post(merge_url, {"side-assistantName": "mine"}, follow=True)
    page = save(browsers.owner, page)
    assert "Verified" in text_of(page)
    settings = lofty.settings
    assert settings["assistantName"] == "Bella"
    assert settings["followUpRole"] == "Agent"
    assert settings["fixedNumber"] == "+14155552671"


def test_three_way__long_values_that_differ_at_the_end__are_shown_whole(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    page = review(browsers.owner, **{"agentIds-ids": [long_list(777_001)]})
    lofty.change(settings={"agentIds": [int(one) for one in long_list(777_002).split(",")]})
    text = text_of(save(browsers.owner, page))
    theirs, mine = text.split("Now in Lofty:")[1].split("Yours:")[:2]
    assert "777002" in theirs
    assert "777001" in mine.split("Continue to review")[0]


def long_list(last: int) -> str:
    return ",".join(map(str, [*range(500_001, 500_101), last]))


def test_pages__right_to_left_names__are_isolated(
    browsers: Browsers, owner: User, acme: Tenant, lofty: PracticeCustomer
) -> None:
    Tenant.objects.filter(pk=acme.pk).update(name="נדל״ן 7")
    User.objects.filter(pk=owner.pk).update(name="אורי 3")
    page = review(browsers.owner, assistantName=["אבי 5"])
    assert '<span class="text-pre-line" dir="auto">אבי 5</span>' in page.content.decode()
    page = save(browsers.owner, page, reason=["כי 9"])
    shown = html.unescape(page.content.decode())
    assert "By \u2068אורי 3\u2069" in shown
    assert "· <bdi>כי 9</bdi>" in shown
    shown = html.unescape(browsers.owner.get("/t/acme/history/").content.decode())
    assert '<strong dir="auto">אורי 3</strong>' in shown
    assert 'event-reason text-secondary" dir="auto">“כי 9”' in shown
    assert "\u2068נדל״ן 7\u2069" in shown.split("</title>")[0]


def test_apply__record_cannot_be_written__says_nothing_was_sent_and_keeps_the_plan(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    page = review(browsers.owner, assistantName=["Bella"])
    with broken(RAISING, "DROP TRIGGER refuse ON audit_auditevent; DROP FUNCTION refuse()"):
        page = save(browsers.owner, page, reason=["why"])
    assert "Nothing was sent: the change could not be recorded" in text_of(page)
    assert lofty.puts == []
    operation = Operation.objects.get()
    browsers.owner.post(f"/t/acme/operations/{operation.pk}/check/")
    page = browsers.owner.post(f"/t/acme/operations/{operation.pk}/again/", follow=True)
    assert review_form(page)["reason"] == ["why"]
    assert "Verified" in text_of(save(browsers.owner, page))


@pytest.mark.parametrize(
    ("fault", "parameters", "words"),
    [
        ("status", {"code": 400, "body": {"code": 20012, "message": "No such day"}}, "No such day"),
        ("drop_after", {}, "may or may not have been made"),
        ("ignore", {}, "does not show the change yet in: Assistant's name"),
    ],
)
def test_outcome__not_verified__says_what_happened(
    browsers: Browsers,
    lofty: PracticeCustomer,
    fault: str,
    parameters: dict[str, Any],
    words: str,
) -> None:
    page = review(browsers.owner, assistantName=["Bella"])
    lofty.misbehave(fault, **parameters)
    text = text_of(save(browsers.owner, page))
    assert words in text
    assert "failed" not in text.lower()


def test_outcome__unknown__is_settled_by_check_now(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    page = review(browsers.owner, assistantName=["Bella"])
    lofty.misbehave("drop_after")
    save(browsers.owner, page)
    operation = Operation.objects.get()
    text = text_of(browsers.owner.get(SETTINGS))
    assert "isn't confirmed yet. Nothing else can be applied until it is." in text
    assert "checks Lofty again within a minute" in text
    page = browsers.owner.post(f"/t/acme/operations/{operation.pk}/check/", follow=True)
    assert "Verified" in text_of(page)


def test_settings__lofty_down__shows_the_last_known_read_only(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    browsers.owner.get(SETTINGS)
    lofty.misbehave("status", on="GET", times=None, code=500, body="<script>alert(1)</script>")
    page = browsers.owner.get(SETTINGS)
    assert page.status_code == 502
    assert "Last read from Lofty" in text_of(page)
    assert "Anna" in text_of(page)
    assert b"<script>alert" not in page.content
    assert f"{SETTINGS}review/" not in page.content.decode()


@pytest.mark.parametrize("body", ["html", "text", "json", "empty"])
def test_settings__404_of_a_gateway__is_not_mismistaken_for_a_missing_sales_agent(
    browsers: Browsers, lofty: PracticeCustomer, body: str
) -> None:
    browsers.owner.get(SETTINGS)
    lofty.misbehave("proxy", on="GET", times=None, code=404, body=body)
    text = text_of(browsers.owner.get(SETTINGS))
    assert "The response did not come from Lofty" in text
    assert "no Sales Agent" not in text
    assert "Anna" in text


def test_settings__early_hints_before_each_answer__saved_as_usual(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    lofty.misbehave("early_hints", times=None, count=2)
    page = review(browsers.owner, assistantName=["Bella"])
    assert "Verified" in text_of(save(browsers.owner, page))


def test_settings__numbers_as_text__save_is_verified_and_the_rest_is_kept(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    agents = [str(number) for number in lofty.look()["settings"]["agentIds"]]
    lofty.change(settings={"agentIds": agents, "startActiveHour": "8", "textChannel": "true"})
    lofty.misbehave(
        "foreign_change", on="PUT", settings={"endActiveHour": "21", "agentIds": agents}
    )
    page = review(browsers.owner, endActiveHour=["21"])
    text = text_of(save(browsers.owner, page))
    assert "Verified" in text


def test_settings__token_dead_and_never_read__says_what_to_do(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    lofty.change(revoke_all=True)
    SettingsSnapshot.objects.all().delete()
    text = text_of(browsers.owner.get(SETTINGS))
    assert "no longer accepts this token" in text
    assert "never been read" in text


def test_settings__no_connection__says_so(browsers: Browsers) -> None:
    assert "no Lofty token yet" in text_of(browsers.owner.get(SETTINGS))


def test_settings__opened__costs_one_call(browsers: Browsers, lofty: PracticeCustomer) -> None:
    lofty.change(rate_limit=100, rate_used=0)
    browsers.owner.get(SETTINGS)
    left = lofty.look()["tokens"][0]["rate_remaining"]
    assert left == 99


def test_apply__whole_save__costs_three_calls(browsers: Browsers, lofty: PracticeCustomer) -> None:
    page = review(browsers.owner, assistantName=["Bella"])
    lofty.change(rate_limit=100, rate_used=0)
    save(browsers.owner, page)
    assert lofty.look()["tokens"][0]["rate_remaining"] == 97


def test_settings__five_thousand_agents_picked__save_works(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    ids = [844510972070000 + i for i in range(5000)]
    lofty.change(settings={"agentIds": [-1]})
    page = review(
        browsers.owner,
        **{"agentIds-scope": ["only"], "agentIds-ids": [",".join(map(str, ids))]},
    )
    assert "1 change for" in text_of(page)
    lofty.misbehave("status", code=200, body={"message": "Operation successful"})
    assert "does not show the change yet" in text_of(save(browsers.owner, page))
    assert lofty.puts[0]["body"]["agentIds"] == ids


# --- who may do what ------------------------------------------------------------------------------
def urls(operation: Operation, event: AuditEvent) -> Iterator[tuple[str, str]]:
    yield "GET", SETTINGS
    yield "GET", "/t/acme/history/"
    yield "GET", f"/t/acme/history/{event.pk}/"
    yield "GET", f"/t/acme/operations/{operation.pk}/"
    yield "POST", f"{SETTINGS}review/"
    yield "POST", f"/t/acme/history/{event.pk}/go-back/"
    for action in ("check", "settle", "merge", "again"):
        yield "POST", f"/t/acme/operations/{operation.pk}/{action}/"


def test_pages__by_role__outsider_404_viewer_may_look_anonymous_signs_in(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    save(browsers.owner, review(browsers.owner, assistantName=["Bella"]))
    operation, event = Operation.objects.get(), AuditEvent.objects.get(kind=Kind.SETTINGS_OUTCOME)
    for method, url in urls(operation, event):
        assert browsers.outsider.generic(method, url).status_code == 404, url
        expected = 200 if method == "GET" else 403
        assert browsers.viewer.generic(method, url).status_code == expected, url
        answer = Client().generic(method, url)
        assert answer.status_code == 302, url
        assert answer["Location"].startswith("/accounts/login/")
    assert len(lofty.puts) == 1


def test_pages__ids_of_another_tenant__are_404(
    browsers: Browsers, superuser: User, lofty: PracticeCustomer, globex: Tenant
) -> None:
    save(browsers.owner, review(browsers.owner, assistantName=["Bella"]))
    operation, event = Operation.objects.get(), AuditEvent.objects.get(kind=Kind.SETTINGS_OUTCOME)
    client = signed_in(superuser)
    assert client.get(f"/t/globex/operations/{operation.pk}/").status_code == 404
    assert client.get(f"/t/globex/history/{event.pk}/").status_code == 404
    assert (
        client.post(f"/t/globex/history/{event.pk}/go-back/", {"side": "before"}).status_code == 404
    )


def test_apply__archived_tenant__is_refused(
    browsers: Browsers, acme: Tenant, lofty: PracticeCustomer
) -> None:
    page = review(browsers.owner, assistantName=["Bella"])
    Tenant.objects.filter(pk=acme.pk).update(status=Tenant.Status.ARCHIVED)
    assert save(browsers.owner, page).status_code == 403
    assert lofty.puts == []


def test_review__form_of_another_tenant__is_refused(
    browsers: Browsers, superuser: User, lofty: PracticeCustomer, globex: Tenant
) -> None:
    fields = form_of(browsers.owner.get(SETTINGS), f"{SETTINGS}review/")
    del fields["page_of"]  # as in a forged form
    page = signed_in(superuser).post("/t/globex/settings/review/", fields, follow=True)
    assert "wasn't created by this console for this tenant" in text_of(page)
    assert not Draft.objects.exists()
    assert lofty.puts == []


# --- hostile text ---------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE, ids=[repr(text)[:20] for text in HOSTILE])
def test_pages__hostile_text_from_lofty__is_shown_without_harm(
    browsers: Browsers, lofty: PracticeCustomer, text: str
) -> None:
    lofty.change(
        settings={"assistantName": text, "agentExperience": text, "callTransferType": text}
    )
    page = review(browsers.owner, fixedNumber=["+14155552671"])
    page = save(browsers.owner, page)
    assert "Verified" in text_of(page)
    assert lofty.settings["agentExperience"] == text
    events = AuditEvent.objects.filter(tenant_slug="acme").values_list("pk", flat=True)
    pages = [SETTINGS, "/t/acme/history/", *(f"/t/acme/history/{pk}/" for pk in events)]
    for url in pages:
        content = browsers.owner.get(url).content
        assert b"<img src=x" not in content
        assert b"<script>alert" not in content
        assert b"49" not in re.findall(rb"\{\{7\*7\}\}|>49<", content)


def test_history__big_numbers__go_back_as_numbers(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    largest = 2**63 - 1
    lofty.change(settings={"leadSources": [largest]})
    save(browsers.owner, review(browsers.owner, **{"leadSources-ids": ["1001"]}))
    event = AuditEvent.objects.get(kind=Kind.SETTINGS_OUTCOME)
    page = go_back(browsers.owner, event)
    save(browsers.owner, page)
    assert lofty.settings["leadSources"] == [largest]


def test_history__an_event_of_a_later_version__is_shown_anyway(
    browsers: Browsers, acme: Tenant, lofty: PracticeCustomer
) -> None:
    save(browsers.owner, review(browsers.owner, assistantName=["Bella"]))
    event = AuditEvent.objects.get(kind=Kind.SETTINGS_OUTCOME)
    with database.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER USER")
        cursor.execute("UPDATE audit_auditevent SET kind = 'settings.dreamt', outcome = 'lost'")
        cursor.execute("ALTER TABLE audit_auditevent ENABLE TRIGGER USER")
    assert "settings.dreamt" in text_of(browsers.owner.get("/t/acme/history/"))
    assert browsers.owner.get(f"/t/acme/history/{event.pk}/").status_code == 200


def test_tabs__viewer_and_manager__only_pages_they_may_open(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    for client, shown in ((browsers.owner, True), (browsers.viewer, False)):
        page = client.get("/t/acme/history/").content.decode()
        assert ('href="/t/acme/connection/"' in page) is shown
        assert 'href="/t/acme/settings/"' in page


def test_home__after_a_save__names_the_last_change_and_who_made_it(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    save(browsers.owner, review(browsers.owner, assistantName=["Bella"]))
    operation = Operation.objects.get()
    page = browsers.viewer.get("/")
    assert f'href="/t/acme/operations/{operation.pk}/"' in page.content.decode()
    assert "Verified Olivia Owner" in text_of(page)


def test_go_back__to_undocumented_values__survives_opening_the_form(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    lofty.change(settings={"followUpRole": "Robot", "startActiveHour": 24})
    save(browsers.owner, review(browsers.owner, followUpRole=["AI"], startActiveHour=["9"]))
    event = AuditEvent.objects.get(kind=Kind.SETTINGS_OUTCOME)
    page = go_back(browsers.owner, event)
    page = back_to_form(browsers.owner, page)
    form = form_of(page, f"{SETTINGS}review/")
    page = browsers.owner.post(f"{SETTINGS}review/", form, follow=True)
    assert "2 changes for Acme Realty" in text_of(page)


def test_go_back__long_and_unusual_texts__are_sent_unchanged(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    long, odd = "y" * 25_000, "a\x00b \ud83d"
    lofty.change(settings={"agentExperience": long, "fixedNumber": odd})
    save(browsers.owner, review(browsers.owner, assistantName=["Bella"]))
    event = AuditEvent.objects.get(kind=Kind.SETTINGS_OUTCOME)
    page = go_back(browsers.owner, event)
    assert "1 change for Acme Realty" in text_of(page)
    save(browsers.owner, page)
    settings = lofty.settings
    assert (settings["agentExperience"], settings["fixedNumber"]) == (long, odd)
    assert settings["assistantName"] == "Anna"


def test_go_back__outside_change_of_a_long_text__leaves_it_out_and_says_so(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    lofty.change(settings={"agentExperience": "y" * 25_000})
    browsers.owner.get(SETTINGS)
    lofty.change(settings={"assistantName": "Carla"})
    browsers.owner.get(SETTINGS)
    event = AuditEvent.objects.get(kind=Kind.SETTINGS_SEEN_CHANGED)
    page = go_back(browsers.owner, event)
    assert "1 change for Acme Realty" in text_of(page)
    assert "Kept as is, because it was not set or can't be sent: Agent's" in text_of(page)


ODD_LISTS: list[Any] = [[[1]], [{"id": 1}], ["\ud800x"], [None, True, 1.5], {"a": [1]}, "101", 7]


@pytest.mark.parametrize("odd", ODD_LISTS, ids=map(repr, ODD_LISTS))
def test_pages__list_of_another_shape__are_shown_and_the_rest_can_be_saved(
    browsers: Browsers, lofty: PracticeCustomer, odd: Any
) -> None:
    browsers.owner.get(SETTINGS)
    lofty.change(settings={"agentIds": odd, "leadTypes": odd})
    assert browsers.owner.get(SETTINGS).status_code == 200
    assert review(browsers.owner, **{"agentIds-scope": ["all"]}).status_code == 200
    lofty.misbehave("status", on="GET", code=500, body="down", times=1)
    assert browsers.owner.get(SETTINGS).status_code in (200, 502)
    lofty.behave()
    for event in AuditEvent.objects.filter(tenant_slug="acme"):
        assert browsers.owner.get(f"/t/acme/history/{event.pk}/").status_code == 200


def test_review__reason_with_nul__is_accepted(browsers: Browsers, lofty: PracticeCustomer) -> None:
    saved = save(browsers.owner, review(browsers.owner, assistantName=["B"]), reason=["a\x00b"])
    assert "Verified" in text_of(saved)


def test_outcome__opened_later__does_not_claim_the_current_values(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    save(browsers.owner, review(browsers.owner, assistantName=["Bella"]))
    text = text_of(browsers.owner.get(f"/t/acme/operations/{Operation.objects.get().pk}/"))
    assert "Now in Lofty" not in text
    assert "Read back from Lofty" in text
