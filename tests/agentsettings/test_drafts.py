"""Drafts keep typed values on the server, for their owner, until they are applied or discarded."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from lofty_admin.accounts.models import User
from lofty_admin.agentsettings.models import Draft, Operation, SettingsSnapshot, State
from lofty_admin.agentsettings.tasks import prune_old_drafts
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.models import AuditEvent
from lofty_admin.tenants.models import Membership, Tenant
from tests.support.pages import Page, form_of, text_of
from tests.support.practice_customer import PracticeCustomer
from tests.support.settings_pages import (
    SETTINGS,
    apply_url,
    back_to_form,
    go_back,
    review,
    review_form,
    save,
)
from tests.support.users import Browsers, signed_in

pytestmark = pytest.mark.django_db(transaction=True)
REVIEW = f"{SETTINGS}review/"


def draft_url(draft: Draft, step: str = "") -> str:
    return f"{SETTINGS}drafts/{draft.pk}/{step}"


def drafted(client: Client, **changed: list[str]) -> Draft:
    review(client, **(changed or {"assistantName": ["Bella"]}))
    return Draft.objects.order_by("-created_at")[0]


# --- Every page on the way is a GET ---------------------------------------------------------------
def test_review__posted__redirects_to_a_page_that_can_be_reloaded_and_asks_lofty_nothing(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    fields = form_of(browsers.owner.get(SETTINGS), REVIEW)
    answer = browsers.owner.post(REVIEW, {**fields, "assistantName": ["Bella"]})
    assert answer.status_code == 302
    lofty.misbehave("status", on="GET", times=None, code=500, body="down")
    for _ in range(2):
        assert "1 change for Acme Realty" in text_of(browsers.owner.get(answer["Location"]))


def test_edit__valid_draft__form_has_its_values_and_the_reason_stays(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    page = review(browsers.owner, assistantName=["Bella"], **{"agentIds-ids": ["101,103"]})
    back_to_form(browsers.owner, page, reason=["so far"])
    draft = Draft.objects.get()
    fields = form_of(browsers.owner.get(draft_url(draft, "edit/")), REVIEW)
    assert (fields["assistantName"], fields["agentIds-ids"]) == (["Bella"], ["101,103"])
    again = browsers.owner.post(REVIEW, {**fields, "assistantName": ["Carla"]}, follow=True)
    assert review_form(again)["reason"] == ["so far"]
    draft = Draft.objects.get()
    assert draft.wanted == {"assistantName": "Carla", "agentIds": [101, 103]}
    assert draft.revision == 2


def test_review__invalid__the_draft_keeps_everything_typed(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    typed = {"assistantName": ["Bella"], "agentIds-scope": ["only"], "agentIds-ids": ["1,x,2"]}
    review(browsers.owner, **typed)
    draft = Draft.objects.get()
    for _ in range(2):
        page = browsers.owner.get(draft_url(draft, "edit/"))
        fields = form_of(page, REVIEW)
        assert {name: fields[name] for name in typed} == typed
        assert "Nothing was sent." in text_of(page)
    # The review of it leads to the form, and nothing applies it.
    assert browsers.owner.get(draft_url(draft))["Location"] == draft_url(draft, "edit/")
    browsers.owner.post(draft_url(draft, "apply/"), {"revision": draft.revision})
    assert not Operation.objects.exists()
    fields = {**fields, "agentIds-ids": ["101"]}
    assert "2 changes" in text_of(browsers.owner.post(REVIEW, fields, follow=True))
    assert lofty.puts == []


def test_review__sent_twice__one_draft(browsers: Browsers, lofty: PracticeCustomer) -> None:
    fields = form_of(browsers.owner.get(SETTINGS), REVIEW) | {"assistantName": ["Bella"]}
    urls = {browsers.owner.post(REVIEW, fields)["Location"] for _ in range(3)}
    assert urls == {draft_url(Draft.objects.get())}


def test_review__nothing_changed__leaves_no_draft(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    review(browsers.owner)
    assert not Draft.objects.exists()


def test_review__second_tab_with_other_edits__both_are_kept(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    draft = drafted(browsers.owner)
    first, second = (form_of(browsers.owner.get(draft_url(draft, "edit/")), REVIEW) for _ in "ab")
    browsers.owner.post(REVIEW, {**first, "assistantName": ["Carla"]})
    page = browsers.owner.post(REVIEW, {**second, "assistantName": ["Dora"]}, follow=True)
    assert "saved as a new draft" in text_of(page)
    names = {one.wanted["assistantName"] for one in Draft.objects.all()}
    assert names == {"Carla", "Dora"}


def test_review__draft_discarded_or_applied_elsewhere__typed_values_become_a_new_one(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    draft = drafted(browsers.owner)
    fields = form_of(browsers.owner.get(draft_url(draft, "edit/")), REVIEW)
    browsers.owner.post(draft_url(draft, "apply/"), {"revision": draft.revision})
    page = browsers.owner.post(REVIEW, {**fields, "assistantName": ["Dora"]}, follow=True)
    assert "saved as a new draft" in text_of(page)
    assert "1 change for Acme Realty" in text_of(page)
    assert len(lofty.puts) == 1


# --- Applying -------------------------------------------------------------------------------------
def test_apply__again_back_or_reload__one_operation_with_the_drafts_id(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    page = review(browsers.owner, assistantName=["Bella"])
    draft, fields = Draft.objects.get(), review_form(page)
    answers = [browsers.owner.post(apply_url(page), fields) for _ in range(3)]
    outcome = f"/t/acme/operations/{draft.pk}/"
    assert {answer["Location"] for answer in answers} == {outcome}
    for step in ("", "edit/", "discard/"):
        assert browsers.owner.get(draft_url(draft, step))["Location"] == outcome
    assert len(lofty.puts) == 1
    assert "Draft with" not in text_of(browsers.owner.get(SETTINGS))


def test_apply__edited_in_another_tab_meanwhile__nothing_that_was_not_shown_is_sent(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    page = review(browsers.owner, assistantName=["Bella"])
    fields = form_of(browsers.owner.get(draft_url(Draft.objects.get(), "edit/")), REVIEW)
    browsers.owner.post(REVIEW, {**fields, "assistantName": ["Carla"]})
    page = save(browsers.owner, page)
    assert "Nothing was sent: this draft was edited" in text_of(page)
    assert "Carla" in text_of(page)
    assert lofty.puts == []
    save(browsers.owner, page)
    assert lofty.settings["assistantName"] == "Carla"


def test_apply__refused__reason_and_ticks_stay_for_the_one_who_entered_them(
    browsers: Browsers, editor: User, lofty: PracticeCustomer
) -> None:
    page = review(browsers.owner, **{"agentIds-scope": ["all"], "activeDays-scope": ["all"]})
    page = save(browsers.owner, page, confirmed=["agentIds"], reason=["line one\r\nline two"])
    assert review_form(page)["confirmed"] == ["agentIds"]
    draft = Draft.objects.get()
    assert draft.reason == "line one\nline two"
    browsers.owner.post(draft_url(draft, "share/"))
    assert "confirmed" not in review_form(signed_in(editor).get(draft_url(draft)))


def test_apply__another_change_in_flight__unavailable_said_and_the_draft_stays(
    browsers: Browsers, acme: Tenant, lofty: PracticeCustomer
) -> None:
    page = review(browsers.owner, assistantName=["Carla"])
    pending = Operation.objects.create(
        id=uuid4(),
        tenant=acme,
        state=State.UNKNOWN,
        base={},
        wanted={},
        changed=[],
        actor_name="Emil Editor",
        sent_at=timezone.now(),
        lease_until=timezone.now(),
    )
    shown = browsers.owner.get(apply_url(page).removesuffix("apply/"))
    assert "The change by Emil Editor isn't confirmed yet" in text_of(shown)
    button = shown.content.decode().split("Apply to Acme Realty")[0].rsplit("<button", 1)[1]
    assert "disabled" in button
    assert "The change by Emil Editor isn't confirmed yet" in text_of(browsers.owner.get(SETTINGS))
    page = save(browsers.owner, page, reason=["still mine"])
    assert "Nothing was sent: another change, by Emil Editor, isn't confirmed yet" in text_of(page)
    assert review_form(page)["reason"] == ["still mine"]
    Operation.objects.filter(pk=pending.pk).update(state=State.VERIFIED, settled_at=timezone.now())
    assert "Verified" in text_of(save(browsers.owner, page))


def test_apply__outdated_draft__three_way_and_nothing_sent(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    page = review(browsers.owner, assistantName=["Bella"])
    lofty.change(settings={"followUpRole": "Agent"})
    assert "changed in Lofty since you opened them" in text_of(save(browsers.owner, page))
    assert lofty.puts == []


# --- Whose it is ----------------------------------------------------------------------------------
def test_draft__of_another_user__404_until_shared_then_continued(
    browsers: Browsers, editor: User, lofty: PracticeCustomer
) -> None:
    draft = drafted(browsers.owner)
    colleague = signed_in(editor)
    for step in ("", "edit/", "discard/"):
        answer = colleague.get(draft_url(draft, step))
        assert answer.status_code == 404
        assert "Bella" not in answer.content.decode()
    for step in ("edit/", "apply/", "share/", "unshare/", "discard/"):
        assert colleague.post(draft_url(draft, step), {"revision": 1}).status_code == 404
    assert "Draft with" not in text_of(colleague.get(SETTINGS))
    assert lofty.puts == []

    page = browsers.owner.post(draft_url(draft, "share/"), follow=True)
    assert f"http://testserver{draft_url(draft)}" in page.content.decode()
    event = AuditEvent.objects.get(kind=Kind.DRAFT_SHARED)
    assert (event.actor_name, event.subject) == ("Olivia Owner", "Assistant's name")
    assert "shared by Olivia Owner" in text_of(colleague.get(SETTINGS))
    fields = form_of(colleague.get(draft_url(draft, "edit/")), REVIEW)
    page = colleague.post(REVIEW, {**fields, "assistantName": ["Carla"]}, follow=True)
    assert Draft.objects.get().owner.name == "Olivia Owner"
    assert "Verified" in text_of(save(colleague, page))
    assert AuditEvent.objects.get(kind=Kind.SETTINGS_OUTCOME).actor_name == "Eduardo Editor"


def test_unshare__by_the_owner_only__others_lose_it_and_it_is_recorded(
    browsers: Browsers, editor: User, lofty: PracticeCustomer
) -> None:
    draft = drafted(browsers.owner)
    browsers.owner.post(draft_url(draft, "share/"))
    colleague = signed_in(editor)
    opened = form_of(colleague.get(draft_url(draft, "edit/")), REVIEW)
    page = colleague.post(draft_url(draft, "unshare/"), follow=True)
    assert "Only Olivia Owner, who created this draft, can stop sharing it" in text_of(page)
    assert "Stop sharing" not in text_of(page)
    assert Draft.objects.get().is_shared

    page = browsers.owner.post(
        draft_url(draft, "unshare/"), {"reason": "not yet", "revision": 1}, follow=True
    )
    assert "Draft no longer shared" in text_of(page)
    assert "Share with editors" in text_of(page)
    assert Draft.objects.get().reason == "not yet"
    event = AuditEvent.objects.get(kind=Kind.DRAFT_UNSHARED)
    assert (event.actor_name, event.subject) == ("Olivia Owner", "Assistant's name")
    assert event.detail["changed"] == ["assistantName"]
    browsers.owner.post(draft_url(draft, "unshare/"))
    assert AuditEvent.objects.filter(kind=Kind.DRAFT_UNSHARED).count() == 1
    assert colleague.get(draft_url(draft)).status_code == 404
    assert "Draft with" not in text_of(colleague.get(SETTINGS))

    # A colleague who had it open keeps what they typed, as a draft of their own.
    page = colleague.post(REVIEW, {**opened, "assistantName": ["Carla"]}, follow=True)
    assert "saved as a new draft" in text_of(page)
    assert Draft.objects.get(pk=draft.pk).wanted == draft.wanted
    assert Draft.objects.exclude(pk=draft.pk).get().owner == editor


def test_draft__shared__viewers_outsiders_and_former_editors_stay_out(
    browsers: Browsers, editor: User, lofty: PracticeCustomer
) -> None:
    draft = drafted(browsers.owner)
    browsers.owner.post(draft_url(draft, "share/"))
    assert browsers.viewer.get(draft_url(draft)).status_code == 403
    assert browsers.outsider.get(draft_url(draft)).status_code == 404
    Membership.objects.filter(user=editor).delete()
    assert signed_in(editor).get(draft_url(draft)).status_code == 404


def test_discard__asks_first_names_what_is_lost_and_records_a_shared_one(
    browsers: Browsers, editor: User, lofty: PracticeCustomer
) -> None:
    draft = drafted(browsers.owner, assistantName=["Bella"], textChannel=[])
    page = browsers.owner.get(draft_url(draft, "discard/"))
    assert "You lose 2 changes: Assistant's name Text messages" in text_of(page)
    assert Draft.objects.exists()
    browsers.owner.post(draft_url(draft, "discard/"))
    assert not Draft.objects.exists()
    assert not AuditEvent.objects.filter(kind=Kind.DRAFT_DISCARDED).exists()
    gone = browsers.owner.get(draft_url(draft))
    assert gone.status_code == 404
    assert "It was discarded, it has expired" in text_of(gone)

    shared = drafted(browsers.owner)
    browsers.owner.post(draft_url(shared, "share/"))
    page = signed_in(editor).post(draft_url(shared, "discard/"), follow=True)
    assert "Only Olivia Owner, who created this draft, can discard it" in text_of(page)
    browsers.owner.post(draft_url(shared, "discard/"))
    assert AuditEvent.objects.get(kind=Kind.DRAFT_DISCARDED).detail["changed"] == ["assistantName"]


def test_expiry__a_week_after_the_last_edit__gone_and_pruned(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    draft = drafted(browsers.owner)
    assert timedelta(days=6) < draft.expires_at - timezone.now() <= timedelta(days=7)
    applied = drafted(browsers.owner, assistantName=["Carla"])
    browsers.owner.post(draft_url(applied, "apply/"), {"revision": 1})
    kept = drafted(browsers.owner, assistantName=["Dora"])
    Draft.objects.filter(pk=draft.pk).update(expires_at=timezone.now())
    assert browsers.owner.get(draft_url(draft)).status_code == 404
    prune_old_drafts(timestamp=0)
    assert Draft.objects.get() == kept


def test_lists__home_and_tenant__own_drafts_with_their_reason(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    draft = drafted(browsers.owner)
    browsers.owner.post(draft_url(draft, "edit/"), {"reason": "They asked for it"})
    lofty.misbehave("status", on="GET", times=None, code=500, body="down")
    for url in ("/", SETTINGS):  # also while Lofty cannot be read
        page = browsers.owner.get(url)
        assert f'href="{draft_url(draft)}"' in page.content.decode(), url
        assert "Draft with 1 change" in text_of(page)
        assert "They asked for it" in text_of(page)
    assert "Draft with" not in text_of(browsers.viewer.get("/"))


# --- What opens a review from elsewhere -----------------------------------------------------------
def test_restore_and_retry__lofty_down__nothing_lost_and_the_page_says_why(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    lofty.misbehave("ignore")
    save(browsers.owner, review(browsers.owner, assistantName=["Bella"]))
    event = AuditEvent.objects.get(kind=Kind.SETTINGS_OUTCOME)
    lofty.misbehave("status", on="GET", times=None, code=500, body="down")
    again = f"/t/acme/operations/{event.operation_id}/again/"
    pages: list[Callable[[], Page]] = [
        lambda: go_back(browsers.owner, event),
        lambda: browsers.owner.post(again, follow=True),
    ]
    for opened in pages:
        page = opened()
        assert page.status_code == 200
        assert "Nothing was sent, and there is nothing to review yet" in text_of(page)


def test_restore__undoes_later_changes__named_after_a_reload_too(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    save(browsers.owner, review(browsers.owner, assistantName=["Bella"]))
    first = AuditEvent.objects.get(kind=Kind.SETTINGS_OUTCOME)
    save(browsers.owner, review(browsers.owner, assistantName=["Carla"]))
    go_back(browsers.owner, first)
    url = draft_url(Draft.objects.order_by("-created_at")[0])
    for _ in range(2):
        assert "Assistant's name: Olivia Owner changed settings" in text_of(browsers.owner.get(url))


# --- Line breaks ----------------------------------------------------------------------------------
def test_reason__as_long_as_the_browser_allows__passes_with_its_line_breaks(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    longest = "\r\n".join(["x" * 99] * 20)  # 20 lines: 1,999 characters to the browser
    assert len(longest) > 2000 > len(longest.replace("\r\n", "\n"))
    page = save(browsers.owner, review(browsers.owner, assistantName=["B"]), reason=[longest])
    assert "Verified" in text_of(page)
    assert AuditEvent.objects.get(kind=Kind.SETTINGS_OUTCOME).reason == longest.replace("\r", "")


def test_text__as_long_as_the_browser_allows__passes_with_its_line_breaks(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    longest = "\r\n".join(["x" * 79] * 50)
    assert len(longest) > 4000 > len(longest.replace("\r\n", "\n"))
    save(browsers.owner, review(browsers.owner, agentExperience=[longest]))
    assert lofty.settings["agentExperience"] == longest.replace("\r", "")


def test_text__stored_with_cr_lf__untouched_stays_byte_identical_also_from_a_draft(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    stored = "line one\r\nline two\rline three\n"
    lofty.change(settings={"agentExperience": stored})
    page = review(browsers.owner, assistantName=["Bella"])
    page = back_to_form(browsers.owner, page)
    fields = form_of(page, REVIEW)
    save(browsers.owner, browsers.owner.post(REVIEW, fields, follow=True))
    assert lofty.puts[0]["body"]["agentExperience"] == stored
    # Restored by a draft, and looked at in the form: it is what it was.
    save(browsers.owner, review(browsers.owner, agentExperience=["other"]))
    event = AuditEvent.objects.filter(kind=Kind.SETTINGS_OUTCOME).order_by("-seq")[0]
    page = back_to_form(browsers.owner, go_back(browsers.owner, event))
    save(browsers.owner, browsers.owner.post(REVIEW, form_of(page, REVIEW), follow=True))
    assert lofty.settings["agentExperience"] == stored


# --- Who can, and whom to ask ---------------------------------------------------------------------
def test_settings__no_token__a_to_do_with_status_200(
    browsers: Browsers, editor: User, caplog: pytest.LogCaptureFixture
) -> None:
    page = browsers.owner.get(SETTINGS)
    assert page.status_code == 200
    assert "This tenant has no Lofty token yet" in text_of(page)
    assert "Add a token" in text_of(page)
    assert "alert-danger" not in page.content.decode()
    assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []
    page = signed_in(editor).get(SETTINGS)
    assert "Add a token" not in text_of(page)
    assert "Ask a manager of this tenant: Olivia Owner" in text_of(page)


def test_settings__dead_token__editor_sees_which_manager_to_ask(
    browsers: Browsers, editor: User, lofty: PracticeCustomer
) -> None:
    lofty.change(revoke_all=True)
    SettingsSnapshot.objects.all().delete()
    assert "Ask a manager of this tenant: Olivia Owner" in text_of(signed_in(editor).get(SETTINGS))
    assert "Ask a manager" not in text_of(browsers.owner.get(SETTINGS))


def test_settings__no_manager__superusers_are_named(
    browsers: Browsers, editor: User, superuser: User
) -> None:
    Membership.objects.filter(role=30).delete()
    assert "Ask a manager of this tenant: Rosa Root" in text_of(signed_in(editor).get(SETTINGS))


def test_settings__viewer_or_archived__says_at_the_top_why_nothing_can_be_changed(
    browsers: Browsers, acme: Tenant, lofty: PracticeCustomer
) -> None:
    text = text_of(browsers.viewer.get(SETTINGS))
    said = "You can see these settings but not change them: your role here is Viewer."
    assert text.index(said) < text.index("Assistant's name")
    assert "ask for the Editor role: Olivia Owner" in text
    draft = drafted(browsers.owner)
    Tenant.objects.filter(pk=acme.pk).update(status=Tenant.Status.ARCHIVED)
    for url in (SETTINGS, draft_url(draft)):
        assert "This tenant is archived" in text_of(browsers.owner.get(url)), url
