"""Exports: exactly what the filter shows, one at a time, recorded, with progress."""

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponseBase
from django.test import Client
from django.utils import timezone

from lofty_admin.accounts.models import User
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.chain import link
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import AuditEvent, AuditHead
from lofty_admin.audit.search import query
from lofty_admin.core.environment import read_environment
from lofty_admin.core.leased_job import LeaseLost
from lofty_admin.history import export
from lofty_admin.history.models import Export, ExportState, Format
from lofty_admin.history.spreadsheet import COLUMNS
from lofty_admin.tenants.models import Grant, Membership, Role, Tenant
from tests.support.audit_export import verified
from tests.support.audit_log import tamper
from tests.support.pages import text_of
from tests.support.users import Browsers, signed_in

pytestmark = pytest.mark.django_db
ALL, ACME = "/audit/export/", "/t/acme/history/export/"
HTMX = {"HX-Request": "true"}
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "{{7*7}}",
    "</script><script>alert(1)</script>",
    "\u202egnp.exe",
    "nul \0 nul",
    "half \ud800",
    "=cmd|' /C calc'!A0",
    "x" * 1_000_000,
    'quote " comma , semicolon ; line\r\nend',
)


@pytest.fixture
def events(acme: Tenant, globex: Tenant) -> dict[str, AuditEvent]:
    return {
        "acme": record(Kind.TENANT_CHANGED, tenant=acme.ref, reason="one of acme"),
        "globex": record(Kind.TENANT_CHANGED, tenant=globex.ref, reason="one of globex"),
        "none": record(Kind.SIGNED_IN, subject="root@example.com", outcome=Outcome.DONE),
    }


def exported(client: Client, url: str, form: str = "jsonl") -> bytes:
    answer = client.post(url, {"format": form})
    assert answer.status_code == 200, answer.status_code
    assert answer["Content-Disposition"].startswith('attachment; filename="history-')
    assert answer["Cache-Control"] == "no-store"
    return b"".join(answer.streaming_content)  # type: ignore[attr-defined]


def leave(answer: HttpResponseBase) -> None:
    """As a server ends an answer, but the test keeps its connection."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "close_if_unusable_or_obsolete", lambda: None)
        answer.close()


def records(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.decode("ascii").splitlines()]


def reasons(content: bytes) -> set[str]:
    return {json.loads(row["body"])["reason"] for row in records(content)} - {""}


def table(content: bytes) -> list[dict[str, str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    rows = list(reader)
    assert tuple(reader.fieldnames or ()) == COLUMNS
    return rows


def test_export__by_user__each_gets_what_the_list_shows_them(
    browsers: Browsers, superuser: User, events: dict[str, AuditEvent]
) -> None:
    assert reasons(exported(browsers.owner, ALL)) == {"one of acme"}
    assert reasons(exported(browsers.viewer, ACME)) == {"one of acme"}
    assert reasons(exported(browsers.outsider, ALL)) == {"one of globex"}
    rows = records(exported(signed_in(superuser), ALL))
    assert {event.seq for event in events.values()} <= {row["seq"] for row in rows}


@pytest.mark.parametrize("method", ["get", "post"])
def test_export__outsider_or_visitor__gets_nothing(
    browsers: Browsers, events: dict[str, AuditEvent], method: str
) -> None:
    assert getattr(browsers.outsider, method)(ACME, {"format": "csv"}).status_code == 404
    assert getattr(Client(), method)(ALL, {"format": "csv"}).status_code == 302
    assert not Export.objects.exists()
    assert AuditEvent.objects.filter(kind=Kind.ACCESS_REFUSED).count() == 1


def test_export__tenant_of_others_in_the_filter__is_refused(
    browsers: Browsers, events: dict[str, AuditEvent]
) -> None:
    answer = browsers.owner.post(f"{ALL}?tenant=globex", {"format": "csv"}, follow=True)
    assert "Nothing was exported." in text_of(answer)
    assert not Export.objects.exists()


def test_export__member_of_two__gets_both_and_no_third(
    owner: User, globex: Tenant, events: dict[str, AuditEvent]
) -> None:
    other = Tenant.objects.create(slug="initech", name="Initech")
    record(Kind.TENANT_CHANGED, tenant=other.ref, reason="one of initech")
    Membership.objects.create(user=owner, tenant=globex, role=Role.VIEWER)
    client = signed_in(owner)
    assert reasons(exported(client, ALL)) == {"one of acme", "one of globex"}
    assert reasons(exported(client, f"{ALL}?tenant=globex")) == {"one of globex"}


def test_export__several_pages_filtered__all_matches_oldest_first(
    browsers: Browsers, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "CHUNK", 7)
    monkeypatch.setattr(export, "BLOCK", 1000)
    for number in range(60):
        record(Kind.TENANT_CHANGED, tenant=acme.ref, reason=f"{'even' if number % 2 else 'uneven'}")
    rows = records(exported(browsers.owner, f"{ACME}?q=even"))
    assert len(rows) == 30
    assert [one["seq"] for one in rows] == sorted({one["seq"] for one in rows})
    assert len(table(exported(browsers.owner, f"{ACME}?kind=tenant.changed", "csv"))) == 60


def test_export__jsonl__each_line_can_be_verified(
    browsers: Browsers, events: dict[str, AuditEvent]
) -> None:
    ring = read_environment().audit_keys
    log_id = AuditHead.objects.get().log_id
    for row in records(exported(browsers.owner, ALL)):
        event = AuditEvent.objects.get(seq=row["seq"])
        assert row["log_id"] == str(log_id)
        assert row["body"] == event.body
        key, seq = ring.keys[row["key_id"]], row["seq"]
        again = link(key, log_id, seq, row["previous_hash"], row["body"])
        assert row["hash"] == again == event.hash


def test_export__jsonl_of_the_page__passes_the_documented_recipe_unless_tampered_with(
    browsers: Browsers, events: dict[str, AuditEvent], acme: Tenant, tmp_path: Path
) -> None:
    for number in range(3):
        record(Kind.TENANT_CHANGED, tenant=acme.ref, reason=f"reason {number}")
    file = tmp_path / "history.jsonl"
    content = exported(browsers.owner, ACME)
    file.write_bytes(content)
    assert verified(file).stdout.startswith("4 records read, 3 links checked, 0 faulty.")
    file.write_bytes(content.replace(b"reason 1", b"reason 9"))
    done = verified(file)
    assert done.returncode == 1
    assert f"line 3, record {records(content)[2]['seq']}: hash wrong" in done.stdout


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:20])
def test_export__hostile_texts__are_rows_like_others_and_no_formulas(
    browsers: Browsers, acme: Tenant, text: str
) -> None:
    record(
        Kind.SETTINGS_OUTCOME,
        tenant=acme.ref,
        subject=text,
        outcome=Outcome.REJECTED,
        reason=text,
        before={"assistantName": text, "agentIds": [1]},
        after=None,
        detail={
            "changed": ["assistantName", "agentIds"],
            "wanted": {"assistantName": f"{text}!", "agentIds": [2]},
            "names": {"agentIds": {"1": text, "2": text}},
            "answer": {"status": 400, "message": text, "body": text},
        },
    )
    [row] = table(exported(browsers.owner, ACME, "csv"))
    assert set(row) == set(COLUMNS)
    for value in row.values():
        assert not value.lstrip(" ").startswith(tuple("=+-@\t\r\n"))
        assert len(value) < 32_767
    [line] = records(exported(browsers.owner, f"{ACME}?outcome=rejected"))
    assert line["body"] == AuditEvent.objects.get(seq=line["seq"]).body


def test_export__started__is_recorded_before_the_first_byte(
    browsers: Browsers, acme: Tenant, events: dict[str, AuditEvent]
) -> None:
    # Whatever the language of the page, the record is in English.
    spanish = {"accept-language": "es"}
    browsers.owner.post(f"{ACME}?kind=tenant.changed", {"format": "csv"}, headers=spanish)
    event = AuditEvent.objects.get(kind=Kind.LOG_EXPORTED)
    assert (event.actor_name, event.tenant_id) == ("Olivia Owner", acme.id)
    assert event.subject == "1 event as CSV; Event: Changed the tenant"
    assert event.detail == {
        "format": "csv",
        "events": 1,
        "up_to": events["none"].seq,
        "filter": "kind=tenant.changed",
    }
    row = Export.objects.get()
    assert (row.total, row.done, row.finished_at) == (1, 0, None)


def test_export__cannot_be_recorded__nothing_is_exported(
    browsers: Browsers, events: dict[str, AuditEvent]
) -> None:
    tamper("DELETE FROM audit_audithead")
    browsers.owner.raise_request_exception = False
    answer = browsers.owner.post(ALL, {"format": "csv"})
    assert answer.status_code == 500
    assert not getattr(answer, "streaming", False)
    assert not Export.objects.filter(finished_at=None).exists()


def test_export__record_refused_later__frees_the_slot(
    browsers: Browsers, events: dict[str, AuditEvent]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'full'; END $$;"
            "CREATE TRIGGER refuse BEFORE INSERT ON audit_auditevent EXECUTE FUNCTION refuse()"
        )
    browsers.owner.raise_request_exception = False
    assert browsers.owner.post(ALL, {"format": "csv"}).status_code == 500
    assert Export.objects.get().state == ExportState.BROKEN_OFF


NONSENSE = ["kind=nope", "since=yesterday", "since=2026-03-02&until=2026-03-01", "until=9999-12-31"]


@pytest.mark.parametrize("query", NONSENSE)
def test_export__filter_is_invalid__message_and_no_export(
    browsers: Browsers, events: dict[str, AuditEvent], query: str
) -> None:
    answer = browsers.owner.post(f"{ACME}?{query}", {"format": "csv"}, follow=True)
    assert "Nothing was exported. This filter isn't valid." in text_of(answer)
    assert "Show the history without a filter" in text_of(answer)
    assert not Export.objects.exists()


@pytest.mark.parametrize("form", ["", "xlsx", "csv\0", "CSV"])
def test_export__unknown_format__message_and_no_export(
    browsers: Browsers, events: dict[str, AuditEvent], form: str
) -> None:
    answer = browsers.owner.post(ACME, {"format": form}, follow=True)
    assert "Nothing was exported. Choose CSV or JSON Lines." in text_of(answer)
    assert not Export.objects.exists()


# --- One at a time, and how far it is -------------------------------------------------------------
def running(user: User, **more: object) -> Export:
    fields = {"format": Format.CSV, "up_to": 9, "total": 12_345, "done": 6_000, **more}
    return Export.objects.create(user=user, **fields)


def test_export__another_one_runs__message_says_how_far_that_is(
    browsers: Browsers, owner: User, events: dict[str, AuditEvent]
) -> None:
    first = running(owner)
    answer = browsers.owner.post(ALL, {"format": "csv"}, follow=True)
    assert "You already have an export running (6,000 of 12,345 events)." in text_of(answer)
    assert [*Export.objects.all()] == [first]
    assert not AuditEvent.objects.filter(kind=Kind.LOG_EXPORTED).exists()
    assert exported(browsers.viewer, ACME)


def test_export__earlier_one_is_dead__closed_and_started_again(
    browsers: Browsers, owner: User, events: dict[str, AuditEvent]
) -> None:
    dead = running(owner, heartbeat_at=timezone.now() - timedelta(seconds=61))
    assert exported(browsers.owner, ACME)
    dead.refresh_from_db()
    assert dead.state == ExportState.BROKEN_OFF
    assert Export.objects.first() != dead


def test_export__considered_dead_meanwhile__stops(
    browsers: Browsers, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "BLOCK", 1)
    monkeypatch.setattr(export, "BEAT", 0)
    for _ in range(3):
        record(Kind.TENANT_CHANGED, tenant=acme.ref)
    answer = browsers.owner.post(ACME, {"format": "jsonl"})
    pieces = iter(answer.streaming_content)  # type: ignore[attr-defined]
    next(pieces)
    Export.objects.update(finished_at=timezone.now(), state=ExportState.BROKEN_OFF)
    with pytest.raises(LeaseLost):
        next(pieces)


def test_export__client_goes_away__is_noted_and_another_can_start(
    browsers: Browsers, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "BLOCK", 1)
    for _ in range(3):
        record(Kind.TENANT_CHANGED, tenant=acme.ref)
    answer = browsers.owner.post(ACME, {"format": "jsonl"})
    next(iter(answer.streaming_content))  # type: ignore[attr-defined]
    leave(answer)
    row = Export.objects.get()
    assert (row.state, row.done, row.total) == (ExportState.BROKEN_OFF, 1, 3)
    page = text_of(browsers.owner.get("/t/acme/history/"))
    assert "The export as JSON Lines was interrupted after 1 of 3 events." in page
    assert len(records(exported(browsers.owner, ACME))) == 4


def test_export__client_goes_away_before_the_first_byte__is_noted(
    browsers: Browsers, events: dict[str, AuditEvent]
) -> None:
    leave(browsers.owner.post(ACME, {"format": "csv"}))
    assert Export.objects.get().state == ExportState.BROKEN_OFF


def test_export__while_it_runs__keeps_its_end_and_has_a_heartbeat(
    browsers: Browsers, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "BLOCK", 1)
    monkeypatch.setattr(export, "BEAT", 0)
    for _ in range(3):
        record(Kind.TENANT_CHANGED, tenant=acme.ref)
    answer = browsers.owner.post(f"{ACME}?kind=tenant.changed", {"format": "jsonl"})
    pieces = iter(answer.streaming_content)  # type: ignore[attr-defined]
    found = [next(pieces), next(pieces)]
    record(Kind.TENANT_CHANGED, tenant=acme.ref, reason="too late")
    row = Export.objects.get()
    assert (row.done, row.is_running) == (1, True)
    found += [*pieces]
    assert len(records(b"".join(found))) == 3
    row.refresh_from_db()
    assert (row.done, row.state) == (3, ExportState.DONE)
    leave(answer)
    row.refresh_from_db()
    assert row.state == ExportState.DONE


def test_progress__in_each_state__is_shown_polled_while_it_runs_and_survives_a_reload(
    browsers: Browsers, owner: User, events: dict[str, AuditEvent]
) -> None:
    row = running(owner)
    for url, headers in (("/t/acme/history/", {}), ("/audit/", {}), (ACME, HTMX)):
        answer = browsers.owner.get(url, headers=headers)
        assert "Exporting as CSV: 6,000 of 12,345 events" in text_of(answer)
        assert b'value="6000" max="12345"' in answer.content
        assert b'hx-trigger="every 1s"' in answer.content
        assert b"<select" not in answer.content.split(b'id="export"')[1]
    export.end(row, ExportState.DONE)
    Export.objects.update(done=12_345)
    answer = browsers.owner.get(ACME, headers=HTMX)
    assert "Done: 12,345 events exported as CSV." in text_of(answer)
    assert b"every 1s" not in answer.content
    assert b"<html" not in answer.content


def test_progress__of_others__is_not_shown(
    browsers: Browsers, owner: User, events: dict[str, AuditEvent]
) -> None:
    running(owner)
    assert "12,345" not in text_of(browsers.viewer.get(ACME, headers=HTMX))


def test_progress__no_heartbeat__is_shown_as_interrupted(
    browsers: Browsers, owner: User, events: dict[str, AuditEvent]
) -> None:
    running(owner, heartbeat_at=timezone.now() - timedelta(seconds=61))
    answer = browsers.owner.get(ACME, headers=HTMX)
    assert "was interrupted after 6,000 of 12,345 events" in text_of(answer)
    assert b"every 1s" not in answer.content


def test_progress__still_counting_or_long_ago__says_so_or_nothing(
    browsers: Browsers, owner: User, events: dict[str, AuditEvent]
) -> None:
    row = running(owner, total=None)
    assert "counting the events" in text_of(browsers.owner.get(ACME, headers=HTMX))
    export.end(row, ExportState.DONE)
    Export.objects.update(heartbeat_at=timezone.now() - timedelta(hours=2))
    assert "Done" not in text_of(browsers.owner.get(ACME, headers=HTMX))


def test_export__address_opened_without_javascript__leads_to_the_list(
    browsers: Browsers, events: dict[str, AuditEvent]
) -> None:
    answer = browsers.owner.get(f"{ACME}?kind=tenant.changed")
    assert answer.status_code == 302
    assert answer["Location"] == "/t/acme/history/?kind=tenant.changed"
    page = browsers.owner.get(answer["Location"]).content.decode()
    assert f'action="{ACME}?kind=tenant.changed"' in page


LOSSES: dict[str, Callable[[User], object]] = {
    "tenant": lambda user: Membership.objects.filter(user=user).delete(),
    "denial": lambda user: Grant.objects.create(user=user, tenant=Tenant.objects.get(slug="acme")),
    "account": lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("form", list(Format))
def test_export__right_lost_while_it_runs__stops_and_is_recorded(
    browsers: Browsers,
    owner: User,
    acme: Tenant,
    monkeypatch: pytest.MonkeyPatch,
    loss: str,
    form: Format,
) -> None:
    monkeypatch.setattr(export, "BLOCK", 1)
    monkeypatch.setattr(export, "BEAT", 0)
    for _ in range(3):
        record(Kind.TENANT_CHANGED, tenant=acme.ref)
    answer = browsers.owner.post(ACME, {"format": form.value})
    pieces = iter(answer.streaming_content)  # type: ignore[attr-defined]
    next(pieces)
    LOSSES[loss](owner)
    with pytest.raises(export.RightLost):
        next(pieces)
    leave(answer)
    row = Export.objects.get()
    assert (row.state, row.done) == (ExportState.REVOKED, 1)
    event = AuditEvent.objects.filter(kind=Kind.LOG_EXPORTED).latest("seq")
    assert (event.outcome, event.actor_id) == (Outcome.REFUSED, str(owner.pk))
    assert "no longer has access" in event.content["detail"]["because"]


def test_export__superuser_demoted_while_everything_is_exported__stops(
    superuser: User, events: dict[str, AuditEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "BLOCK", 1)
    monkeypatch.setattr(export, "BEAT", 0)
    answer = signed_in(superuser).post(ALL, {"format": "csv"})
    pieces = iter(answer.streaming_content)  # type: ignore[attr-defined]
    next(pieces)
    User.objects.filter(pk=superuser.pk).update(is_superuser=False)
    with pytest.raises(export.RightLost):
        next(pieces)


def test_export__stopped__page_says_why(browsers: Browsers, owner: User, acme: Tenant) -> None:
    Export.objects.create(
        user=owner, format=Format.CSV, up_to=9, done=4, finished_at=timezone.now(), state="revoked"
    )
    page = text_of(browsers.owner.get("/t/acme/history/"))
    assert "was stopped after 4 events, because you no longer have access" in page
