"""The review page: confirmations, warnings, and how values look."""

import re

import pytest
from django.utils import timezone

from lofty_admin.agentsettings.forms import SettingsForm
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.models import AuditEvent
from lofty_admin.directory.models import Entry, EntryKind
from lofty_admin.tenants.models import Tenant
from tests.support.directory import synced
from tests.support.documented_settings import EXAMPLE
from tests.support.pages import text_of
from tests.support.practice_customer import PracticeCustomer
from tests.support.settings_changes import plan_for
from tests.support.settings_form import snapshot
from tests.support.settings_pages import SETTINGS, review, save
from tests.support.users import Browsers

pytestmark = pytest.mark.django_db(transaction=True)
LONG_ID = 844510972070138
FOREIGN = "none of the 2 IDs in Lofty is in the list of names"


def boxes(page: object) -> list[str]:
    return re.findall(r'name="confirmed" value="(\w+)"', page.content.decode())  # type: ignore[attr-defined]


def test_review__everything_that_widens__is_listed_first_and_refused_unticked(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    lofty.change(
        settings={
            "textChannel": False,
            "visitorsEnable": False,
            "callTransferType": "Disabled",
            "startActiveHour": 9,
            "endActiveHour": 18,
            "activeDays": [1, 2],
            "leadTypes": [1],
            "agentIds": [101],
        }
    )
    changed = {
        "textChannel": ["on"],
        "visitorsEnable": ["on"],
        "callTransferType": ["ToAssignedAgent"],
        "startActiveHour": ["8"],
        "endActiveHour": ["20"],
        "leadTypes-ids": ["1", "2"],
        "agentIds-ids": ["101, 103"],
        "assistantName": ["Bella"],
    }
    page = review(browsers.owner, **changed)
    text = text_of(page)
    for sentence in (
        "Incoming calls will be transferred to the assigned agent",
        "Text messages will be switched on",
        "Active 3 more hours a day: 8 AM–8 PM instead of 9 AM–6 PM",
        "1 lead type added: Buyer",
        "1 agent added: unknown (103)",
        "Follow-up of website visitors will be switched on",
    ):
        assert sentence in text
    assert text.index("Widens who is reached") < text.index("Bella")
    needed = boxes(page)
    expected = ["callTransferType", "textChannel", "startActiveHour", "leadTypes", "agentIds"]
    assert needed == [*expected, "visitorsEnable"]
    for left_out in needed:
        ticked = [name for name in needed if name != left_out]
        page = save(browsers.owner, page, confirmed=ticked)
        assert "confirm each change that widens" in text_of(page)
    assert lofty.puts == []
    assert "Verified" in text_of(save(browsers.owner, page, confirmed=needed))


def test_review__an_agent_who_has_left__is_warned_of_only_when_added(
    browsers: Browsers, acme: Tenant, lofty: PracticeCustomer
) -> None:
    left = [Entry.build(acme, EntryKind.AGENT, number, name) for number, name in GONE.items()]
    Entry.objects.keep(left)
    Entry.objects.filter(tenant=acme).update(gone_since=timezone.now())
    text = text_of(review(browsers.owner, **{"agentIds-ids": ["101,102,103"]}))
    new, _, old = text.partition("Already the case before this change (")
    assert "Agents: Cara M. (103) is no longer in Lofty." in new
    assert "Agents: Anna K. (101) is no longer in Lofty." in old
    assert "Cara M." not in old.partition("Reason")[0]


GONE = {101: "Anna K.", 103: "Cara M."}


def test_review__invisible_characters__are_spelled_out(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    lofty.change(settings={"assistantName": "Anna\u00a0K.\u200b"})
    assert "Anna⟨U+00A0⟩K.⟨U+200B⟩" in text_of(browsers.owner.get(SETTINGS))
    page = review(browsers.owner, assistantName=["Anna K."])
    assert "Anna⟨U+00A0⟩K.⟨U+200B⟩" in text_of(page)
    page = save(browsers.owner, page)
    assert "Verified" in text_of(page)
    assert lofty.settings["assistantName"] == "Anna K."
    event = AuditEvent.objects.filter(kind=Kind.SETTINGS_OUTCOME).latest("seq")
    for address in (f"/t/acme/history/{event.pk}/", "/t/acme/receipt/"):
        assert "Anna⟨U+00A0⟩K.⟨U+200B⟩" in text_of(browsers.owner.get(address))


@pytest.fixture
def with_long_ids(lofty: PracticeCustomer, acme: Tenant) -> Tenant:
    """A tenant whose settings hold user ids of 15 digits; its directory lists short ones."""
    entries = [(101, "Anna K."), (102, "Ben L.")]
    sync = synced(acme)
    Entry.objects.filter(tenant=acme, kind=EntryKind.AGENT).delete()
    Entry.objects.keep([Entry.build(acme, EntryKind.AGENT, *entry) for entry in entries])
    Entry.objects.filter(tenant=acme, kind=EntryKind.AGENT).update(seen_in=sync.pk)
    sync.total = len(entries)
    sync.save()
    lofty.change(settings={"agentIds": [LONG_ID, LONG_ID + 1]})
    return acme


def test_foreign_ids__none_in_the_directory__the_picker_and_the_review_say_so(
    browsers: Browsers, with_long_ids: Tenant
) -> None:
    page = browsers.owner.get(SETTINGS)
    assert FOREIGN in text_of(page)
    ids = f"{LONG_ID},{LONG_ID + 1},101"
    text = text_of(review(browsers.owner, **{"agentIds-ids": [ids]}))
    new, _, old = text.partition("Already the case before this change (")
    assert "they may be the wrong ones" in new
    assert FOREIGN in old


def test_foreign_ids__of_another_length__are_warned_about(with_long_ids: Tenant) -> None:
    raw = {**EXAMPLE, "agentIds": [101, LONG_ID, 105]}
    form = SettingsForm(with_long_ids, snapshot(raw))
    assert "1 ID in Lofty has a different length" in str(form["agentIds"])


def test_foreign_ids__all_known_or_no_whole_sync__nothing_is_said(
    with_long_ids: Tenant,
) -> None:
    raw = {**EXAMPLE, "agentIds": [101, 102]}
    assert "data-foreign" not in str(SettingsForm(with_long_ids, snapshot(raw))["agentIds"])
    with_long_ids.syncs.all().delete()
    raw = {**EXAMPLE, "agentIds": [LONG_ID]}
    assert "data-foreign" not in str(SettingsForm(with_long_ids, snapshot(raw))["agentIds"])


def test_plan__restored_or_copied__is_held_to_the_same_boxes(
    lofty: PracticeCustomer, acme: Tenant
) -> None:
    lofty.change(settings={"agentIds": [101], "emailChannel": False})
    plan = plan_for(acme, agentIds=[101, 102], emailChannel=True)
    assert [widening.name for widening in plan.widening] == ["emailChannel", "agentIds"]
