"""The receipt: what changed for the customer, by whom, why, and the proof. Nothing else."""

import base64
import datetime as dt
import re
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from lofty_admin.audit.context import Actor, acting_as
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.canonical import JSON
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import AuditEvent
from lofty_admin.audit.proof.signed_checkpoint import key_id_of
from lofty_admin.core.timezones import COOKIE, zone_named
from lofty_admin.directory.models import Profile
from lofty_admin.history import receipt
from lofty_admin.tenants.models import Tenant
from tests.support.audit_log import PUBLIC_KEY, checkpoint, sign_here, use
from tests.support.pages import text_of
from tests.support.practice_customer import PracticeCustomer
from tests.support.printed_page import printed
from tests.support.settings_changes import apply, plan_for
from tests.support.users import Browsers, signed_in

pytestmark = pytest.mark.django_db
URL = "/t/acme/receipt/"
EMIL = Actor("person", "77", "Emil Editor")
JOB = Actor("job", "reconcile", "Reconcile")


def intent(tenant: Tenant, operation: UUID, **more: JSON) -> AuditEvent:
    return _save(tenant, Kind.SETTINGS_INTENT, operation, None, EMIL, **more)


def outcome(
    tenant: Tenant, operation: UUID | None, came: Outcome, actor: Actor = EMIL, **more: JSON
) -> AuditEvent:
    return _save(tenant, Kind.SETTINGS_OUTCOME, operation, came, actor, **more)


def _save(
    tenant: Tenant,
    kind: Kind,
    operation: UUID | None,
    came: Outcome | None,
    actor: Actor,
    **more: JSON,
) -> AuditEvent:
    before: dict[str, JSON] = {"activeDays": [1, 2], "assistantName": "Anna"}
    wanted: dict[str, JSON] = {**before, "activeDays": []}
    return record(
        kind,
        tenant=tenant.ref,
        subject="Active days",
        outcome=came,
        operation_id=operation,
        reason="ticket 4711",
        before=before,
        after=wanted if came in (None, Outcome.VERIFIED) else before,
        detail={"changed": ["activeDays"], "wanted": wanted, "names": {}, **more},
        actor=actor,
    )


def shown(client: Client, query: str = "") -> str:
    answer = client.get(f"{URL}{query}")
    assert answer.status_code == 200
    return text_of(answer)


@pytest.mark.django_db(transaction=True)
def test_receipt__a_real_save__in_words_with_person_reason_and_outcome(
    browsers: Browsers, acme: Tenant, lofty: PracticeCustomer
) -> None:
    plan = plan_for(acme, activeDays=[], assistantName="Bella")
    with acting_as(EMIL):
        apply(acme, plan, "asked by phone")
    page = shown(browsers.viewer)
    assert "Acme Realty" in page
    assert "1 change." in page
    assert "Assistant's name Anna Bella" in page
    assert "Monday, Tuesday, Wednesday, Thursday, Friday Every day" in page
    assert "By Emil Editor Why asked by phone Outcome Verified: read back" in page
    assert page.count("Outcome") == 1


def test_receipt__by_user__members_and_superusers_only(
    browsers: Browsers, superuser: object, acme: Tenant
) -> None:
    assert browsers.outsider.get(URL).status_code == 404
    assert Client().get(URL).status_code == 302
    for client in (browsers.owner, browsers.viewer, signed_in(superuser)):  # type: ignore[arg-type]
        assert "Nothing was changed in this period." in shown(client)
    assert browsers.owner.post(URL).status_code == 405


def test_receipt__from_the_history__is_linked(browsers: Browsers, acme: Tenant) -> None:
    assert f'href="{URL}"'.encode() in browsers.viewer.get("/t/acme/history/").content


# --- the outcome ---------------------------------------------------------------------------------
OUTCOMES = {
    Outcome.VERIFIED: ("Setting Before After", "Verified: read back from Lofty as requested."),
    Outcome.NOT_APPLIED: ("Setting Before Requested", "Not applied: Lofty kept its earlier value."),
    Outcome.REJECTED: ("Setting Before Requested", "Rejected: Lofty rejected it"),
    Outcome.UNKNOWN: (
        "Setting Before Requested",
        "Unknown: the change may or may not have been made.",
    ),
}


@pytest.mark.parametrize("came", OUTCOMES)
def test_receipt__each_outcome__is_stated_once(
    browsers: Browsers, acme: Tenant, came: Outcome
) -> None:
    operation = uuid4()
    intent(acme, operation)
    outcome(acme, operation, came)
    page = shown(browsers.owner)
    assert all(text in page for text in OUTCOMES[came])
    assert "1 change." in page
    assert ("Found in Lofty: Monday, Tuesday" in page) is (came is not Outcome.VERIFIED)


def test_receipt__nothing_reached_lofty__is_left_out_and_that_is_said(
    browsers: Browsers, acme: Tenant
) -> None:
    operation = uuid4()
    intent(acme, operation)
    outcome(acme, operation, Outcome.NOT_SENT)
    page = shown(browsers.owner)
    assert "Nothing was changed in this period." in page
    assert "Attempts that never reached Lofty are not listed." in page


def test_receipt__settled_by_a_job_later__names_the_person_and_the_last_word(
    browsers: Browsers, acme: Tenant
) -> None:
    operation = uuid4()
    intent(acme, operation)
    outcome(acme, operation, Outcome.UNKNOWN, JOB)
    outcome(acme, operation, Outcome.VERIFIED, JOB)
    page = shown(browsers.owner)
    assert "1 change." in page
    assert "By Emil Editor" in page
    assert "Verified" in page
    assert "Unknown" not in page


def test_receipt__not_settled_yet__says_so(browsers: Browsers, acme: Tenant) -> None:
    intent(acme, uuid4())
    assert "Unresolved: the outcome isn't known yet." in shown(browsers.owner)


def test_receipt__without_an_intent__is_listed_anyway(browsers: Browsers, acme: Tenant) -> None:
    outcome(acme, None, Outcome.VERIFIED)
    assert "1 change." in shown(browsers.owner)


def test_receipt__changed_outside__is_separate_and_names_no_user(
    browsers: Browsers, acme: Tenant
) -> None:
    record(
        Kind.SETTINGS_SEEN_CHANGED,
        tenant=acme.ref,
        before={"assistantName": "Anna"},
        after={"assistantName": "Zoe"},
        detail={"changed": ["assistantName"], "names": {}},
        actor=JOB,
    )
    page = shown(browsers.owner)
    assert "Assistant's name Anna Zoe" in page
    assert "By A user of Lofty" in page
    assert "Changed directly in Lofty, not through this console." in page


def test_receipt__many_members__added_and_removed_are_complete(
    browsers: Browsers, acme: Tenant
) -> None:
    names = {str(number): f"Agent {number:04}" for number in range(60)}
    record(
        Kind.SETTINGS_OUTCOME,
        tenant=acme.ref,
        outcome=Outcome.VERIFIED,
        before={"agentIds": [*range(30)]},
        after={"agentIds": [*range(30, 60)]},
        detail={
            "changed": ["agentIds"],
            "wanted": {"agentIds": [*range(30, 60)]},
            "names": {"agentIds": names},
        },
    )
    page = shown(browsers.owner)
    assert "Agents 30 selected 30 selected Removed: Agent 0000, Agent 0001" in page
    assert all(name in page for name in names.values())
    assert (
        "<details" not in browsers.owner.get(URL).content.decode().split('class="card receipt')[1]
    )


# --- What must not be on it -----------------------------------------------------------------------
def test_receipt__private_data__is_left_out(
    browsers: Browsers, acme: Tenant, globex: Tenant
) -> None:
    acme.note = "internal: pays late"
    acme.save()
    operation = uuid4()
    event = intent(acme, operation)
    answer = {"status": 200, "message": "RAWANSWER", "body": "RAWANSWER", "duration_ms": 1}
    outcome(acme, operation, Outcome.REJECTED, answer=answer, explanation="RAWANSWER said")
    outcome(globex, uuid4(), Outcome.VERIFIED)
    card = browsers.owner.get(URL).content.decode().split('class="card receipt')[1]
    event = AuditEvent.objects.get(seq=event.seq)
    private = ("pays late", "RAWANSWER", event.request_id, str(operation), "Globex", "globex")
    for text in (*private, str(globex.pk), str(acme.pk)):
        assert text not in card, text
    assert "127.0.0.1" not in card


HOSTILE = ["<img src=x onerror=alert(1)>", "{{7*7}}", "</script><b>", "a\0b", "\ud800", "\u202ex"]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_receipt__hostile_texts__are_shown_as_text(
    browsers: Browsers, acme: Tenant, text: str
) -> None:
    record(
        Kind.SETTINGS_OUTCOME,
        tenant=acme.ref,
        outcome=Outcome.VERIFIED,
        reason=text,
        before={"assistantName": text},
        after={"assistantName": text * 2},
        detail={"changed": ["assistantName"], "wanted": {"assistantName": text * 2}},
        actor=Actor("person", "1", text),
    )
    page = browsers.owner.get(URL)
    assert page.status_code == 200
    for bad in (b"<img", b"</script><b>", b">49<"):
        assert bad not in page.content


def test_receipt__old_or_damaged_record__question_mark(browsers: Browsers, acme: Tenant) -> None:
    record(Kind.SETTINGS_OUTCOME, tenant=acme.ref, outcome=Outcome.DONE)
    page = shown(browsers.owner)
    assert "Setting Before Requested ?" in page
    assert "Outcome ?" in page


# --- The period -----------------------------------------------------------------------------------
BAD = {
    "?since=yesterday": "From: Enter a valid date.",
    "?since=2026-02-30": "Enter a valid date.",
    "?since=2026-03-02&until=2026-03-01": "The start date is after the end date.",
    "?until=9999-12-31": "Choose a date from",
    "?since=0001-01-01": "Choose a date from",
    "?since=%00": "From: Enter a valid date.",
}


@pytest.mark.parametrize("query", BAD)
def test_receipt__bad_dates__message_and_no_receipt(
    browsers: Browsers, acme: Tenant, query: str
) -> None:
    outcome(acme, uuid4(), Outcome.VERIFIED)
    page = shown(browsers.owner, query)
    assert "No receipt for these dates." in page
    assert BAD[query] in page
    assert "Every day" not in page


def test_receipt__days__both_included_and_nothing_beyond(browsers: Browsers, acme: Tenant) -> None:
    outcome(acme, uuid4(), Outcome.VERIFIED)
    today = timezone.now().date()
    for since, until, count in ((0, 0, 1), (-1, 0, 1), (0, 1, 1), (-2, -1, 0), (1, 2, 0)):
        days = [today + dt.timedelta(days=shift) for shift in (since, until)]
        page = shown(browsers.owner, f"?since={days[0]}&until={days[1]}")
        assert ("1 change." in page) is bool(count), (since, until)


def test_receipt__one_day_only__the_other_is_sensible(browsers: Browsers, acme: Tenant) -> None:
    assert "1 February 2026 to 14 February 2026" in shown(browsers.owner, "?until=2026-02-14")
    today = timezone.now()
    assert f"14 February 2024 to {today:%-d %B %Y}" in shown(browsers.owner, "?since=2024-02-14")
    assert f"1 {today:%B %Y} to {today:%-d %B %Y}" in shown(browsers.owner)


def test_presets__start_of_a_year__reach_into_the_last_one() -> None:
    found = {label: (str(a), str(b)) for label, a, b in receipt.presets(dt.date(2026, 1, 5))}
    assert found == {
        "This month": ("2026-01-01", "2026-01-05"),
        "Last month": ("2025-12-01", "2025-12-31"),
        "Last 90 days": ("2025-10-08", "2026-01-05"),
    }


@pytest.mark.parametrize(
    ("cookie", "zone"),
    [("Asia/Tokyo", "Asia/Tokyo"), ("Mars/Base", "UTC"), ("", "UTC")],
)
def test_receipt__reader_with_a_zone__times_and_days_are_of_it(
    browsers: Browsers, acme: Tenant, cookie: str, zone: str
) -> None:
    """The tenant's own zone is for its active hours only."""
    me = {"time_zone": "America/Denver"}
    Profile.objects.create(tenant=acme, me=me, fetched_at=timezone.now())
    event = outcome(acme, uuid4(), Outcome.VERIFIED)
    browsers.owner.cookies[COOKIE] = cookie
    page = shown(browsers.owner, "?since=2000-01-01")
    assert f"All times: {zone}." in page
    here = event.at.astimezone(zone_named(zone) or dt.UTC)
    assert f"{here:%H:%M:%S %Z}" in page
    assert ("JST" in page) is (zone == "Asia/Tokyo")


def test_receipt__long_period__paged_and_says_so(
    browsers: Browsers, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipt, "PAGE", 3)
    for _ in range(7):
        outcome(acme, uuid4(), Outcome.VERIFIED)
    first = browsers.owner.get(URL)
    assert "Page 1 of 3: changes 1 to 3 of 7." in text_of(first)
    match = re.search(r'rel="next" href="([^"]+)"', first.content.decode())
    assert match
    assert "Page 2 of 3: changes 4 to 6 of 7." in shown(
        browsers.owner, match[1].replace("&amp;", "&")
    )
    for odd in ("?page=99", "?page=x", "?page=-1"):
        assert "of 3: changes" in shown(browsers.owner, odd)


# --- The proof ------------------------------------------------------------------------------------
def test_receipt__checkpoints__the_first_that_covers_each_change(
    browsers: Browsers, acme: Tenant, settings: Settings
) -> None:
    sign_here(settings)
    first = outcome(acme, uuid4(), Outcome.VERIFIED)
    one = checkpoint()
    checkpoint()  # later, of the same size: not needed
    second = outcome(acme, uuid4(), Outcome.VERIFIED)
    two = checkpoint()
    third = outcome(acme, uuid4(), Outcome.VERIFIED)
    page = shown(browsers.owner)
    assert f"{first.seq}, proven by checkpoint 1 {first.hash}" in page
    assert f"{second.seq}, proven by checkpoint 2 {second.hash}" in page
    assert f"{third.seq}, not covered by a signed checkpoint yet" in page
    assert "The newest change is not covered by a signed checkpoint yet." in page
    for number, proof in enumerate((one, two), start=1):
        assert (
            f"Checkpoint {number} Signed {proof.at:%-d %b %Y, %H:%M:%S} UTC Records {proof.size}"
            f" Hash of the last record {proof.head_hash} Key {proof.key_id}"
            f" Signature {proof.signature}"
        ) in page
    assert "Checkpoint 3" not in page
    assert page.count("The signature is valid.") == 2


def test_receipt__no_checkpoint_at_all__says_so(browsers: Browsers, acme: Tenant) -> None:
    for _ in range(2):
        outcome(acme, uuid4(), Outcome.VERIFIED)
    expected = "None of these changes is covered by a signed checkpoint yet."
    assert expected in shown(browsers.owner)


def test_receipt__key_not_known_or_signature_wrong__says_so(
    browsers: Browsers, acme: Tenant, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_here(settings)
    outcome(acme, uuid4(), Outcome.VERIFIED)
    checkpoint()
    use(settings, audit_signing_key=None)
    assert "Not checked: this console doesn't have the public key." in shown(browsers.owner)
    monkeypatch.setattr(
        receipt, "believed_keys", lambda: dict.fromkeys([_key_id()], bytes(range(32)))
    )
    assert "The signature is NOT valid." in shown(browsers.owner)


def _key_id() -> str:
    return key_id_of(base64.b64decode(PUBLIC_KEY))


# --- On paper -------------------------------------------------------------------------------------
@pytest.mark.parametrize("changes", [1, 4, 12])
def test_receipt__printed__no_sheet_is_blank(
    browsers: Browsers, acme: Tenant, tmp_path: Path, changes: int
) -> None:
    for _ in range(changes):
        outcome(acme, uuid4(), Outcome.VERIFIED)
    sheets = printed(browsers.viewer.get(URL).content, tmp_path)
    assert (len(sheets) > 1) == (changes > 3)
    assert all(sheets), sheets


def test_receipt__printed_with_one_change_longer_than_a_sheet__no_sheet_is_blank(
    browsers: Browsers, acme: Tenant, tmp_path: Path
) -> None:
    before: dict[str, JSON] = {"assistantName": "Anna " * 3000}
    outcome(acme, uuid4(), Outcome.VERIFIED)
    record(
        Kind.SETTINGS_OUTCOME,
        tenant=acme.ref,
        outcome=Outcome.VERIFIED,
        operation_id=uuid4(),
        before=before,
        after={"assistantName": "Bella"},
        detail={"changed": ["assistantName"], "wanted": {"assistantName": "Bella"}, "names": {}},
        actor=EMIL,
    )
    sheets = printed(browsers.viewer.get(URL).content, tmp_path)
    assert len(sheets) > 2
    assert all(sheets), sheets
