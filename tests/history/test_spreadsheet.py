"""Rows of the CSV file: no cell is read as a formula, and events are in words."""

import csv
import io
import re

import pytest
from django.utils.translation import override
from hypothesis import example, given
from hypothesis import strategies as st

from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.canonical import JSON
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import AuditEvent
from lofty_admin.history.spreadsheet import COLUMNS, LONGEST, body_columns, cell, columns, csv_line
from lofty_admin.tenants.models import Tenant
from tests.support.audit_log import tamper
from tests.support.setting_values import any_values

LOOKS_LIKE_A_FORMULA = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\0=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(A1)",
    "﹦1",
    "−1",
    " =1",
    "\xa0=1",
    "\u200b=1",
    "\ufeff=1",
    "\u200f=1",
    *(f"{blank}=1" for blank in "\u3000\u2003\u00ad\u180e\u2800\u3164\ufe0f\U000e0041\U0001d159"),
    "\u2060 \ufe0f\u3164＝1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.test","x")',
    "+44 20 7946 0000",
)
PLAIN = ("", "x=1", "1-1", "a@b.example", "'=1", "|x", "(=1)", " x", "12", "Jürgen", "100 %", "💥")


@pytest.mark.parametrize("text", LOOKS_LIKE_A_FORMULA)
def test_cell__could_be_a_formula__gets_an_apostrophe(text: str) -> None:
    assert cell(text).startswith("'")
    assert cell(text).replace("'", "") == text.replace("'", "")


@pytest.mark.parametrize("text", PLAIN)
def test_cell__plain_text__stays(text: str) -> None:
    assert cell(text) == text


def parsed(line: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(line, newline=""), strict=True))


def cells_of(line: str, delimiter: str) -> list[str]:
    """As programs split a file that know quotes, and as those that do not."""
    heeding = csv.reader(io.StringIO(line, newline=""), delimiter=delimiter)
    rough = re.split(f"[{delimiter}\r\n]", line)
    return [*(one for row in heeding for one in row), *rough]


def begins_a_formula(text: str) -> bool:
    """Without blanks and quotes before it. A line break alone begins nothing."""
    return text.lstrip('" \xa0\u200b\u200e\u200f\u2060\ufeff').startswith(
        tuple("=+-@\t\r\0＝＋－＠−")
    )


PIECES = st.lists(
    st.sampled_from(
        [*",;\t\r\n\"' =+-@＝－\0", "\r\n", "a", "1", "\xa0", "\u200b", "cmd|' /C calc'!A0"]
    )
)
TEXTS = st.lists(st.one_of(st.text(), PIECES.map("".join)), min_size=2, max_size=5)


@given(TEXTS)
@example(["a\r\nb", '"', ",;\t", "\r", "\n", "\0", "'", '","', "\x1e\x85\u2028"])
def test_csv_line__any_texts__come_back_with_nothing_but_apostrophes_added(
    texts: list[str],
) -> None:
    rows = parsed(csv_line(texts))
    assert len(rows) == 1
    assert len(rows[0]) == len(texts)
    for back, text in zip(rows[0], texts, strict=True):
        assert back.replace("'", "") == text.replace("'", "")
        assert not begins_a_formula(back)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@given(texts=TEXTS)
@example(texts=["Hello;=1+1", "x"])
@example(texts=["Hello, world;=cmd|' /C calc'!A0", "x"])
@example(texts=['a;"=1', 'b;""=1'])
@example(texts=["a\t=1", "b\n=1"])
@example(texts=["a;\t=1", 'a;"', "-1"])
@example(texts=["a; ", "\u200b@x"])
def test_csv_line__however_a_program_splits_it__no_cell_begins_a_formula(
    delimiter: str, texts: list[str]
) -> None:
    line = csv_line(["1", *texts, "last"])
    assert [one for one in cells_of(line, delimiter) if begins_a_formula(one)] == []


def test_csv_line__text_longer_than_a_cell__is_cut_and_says_so() -> None:
    [[back, other]] = parsed(csv_line(["x" * (LONGEST + 1), "y"]))
    assert back.endswith("… (cut: 32,001 characters; JSON Lines has the full text)")
    assert len(back) < 32_767
    assert other == "y"


def row_of(event: AuditEvent) -> dict[str, str]:
    event = AuditEvent.objects.get(seq=event.seq)
    return dict(zip(COLUMNS, columns(event), strict=True))


def saved(
    acme: Tenant, before: dict[str, JSON], after: dict[str, JSON], **more: JSON
) -> AuditEvent:
    detail: dict[str, JSON] = {"changed": [*after], "wanted": {**before, **after}, **more}
    return record(
        Kind.SETTINGS_OUTCOME,
        tenant=acme.ref,
        subject="Active days",
        outcome=Outcome.VERIFIED,
        reason="ticket 4711",
        before=before,
        after={**before, **after},
        detail=detail,
    )


def test_columns__a_save__in_words_with_the_names_of_its_day(acme: Tenant) -> None:
    event = saved(
        acme,
        {"activeDays": [1, 2], "agentIds": [101]},
        {"activeDays": [], "agentIds": [101, 102]},
        names={"agentIds": {"101": "Ann Then", "102": "Bob Then"}},
        answer={"status": 200, "message": "Operation successful"},
    )
    row = row_of(event)
    assert row["Number"] == str(event.seq)
    assert row["Time (UTC)"] == f"{event.at:%Y-%m-%d %H:%M:%S}"
    assert (row["Tenant"], row["Short name"]) == ("Acme Realty", "acme")
    assert row["What happened"] == "changed settings"
    assert (row["About"], row["Outcome"], row["Reason"]) == (
        "Active days",
        "Verified",
        "ticket 4711",
    )
    assert row["Settings changed"] == "Active days, Agents"
    assert row["Changes"] == (
        "Active days: Monday, Tuesday -> Every day; Agents: Ann Then -> Ann Then, Bob Then"
    )
    assert (row["Lofty's status"], row["Lofty's message"]) == ("200", "Operation successful")
    assert (row["Hash"], row["Request"]) == (event.hash, event.request_id)


def test_columns__another_event__property_by_property(acme: Tenant) -> None:
    event = record(Kind.MEMBER_CHANGED, before={"role": "viewer"}, after={"role": "editor"})
    row = row_of(event)
    assert row["Changes"] == "role: viewer -> editor"
    assert (row["Tenant"], row["Operation"], row["Lofty's status"]) == ("", "", "")


def test_columns__damaged_body_or_unknown_kind__question_marks(acme: Tenant) -> None:
    event = saved(acme, {"activeDays": [1]}, {"activeDays": []})
    tamper("UPDATE audit_auditevent SET body = '{\"broken', kind = 'settings.of_2031'")
    row = row_of(event)
    assert row["What happened"] == "settings.of_2031"
    assert {row["Settings changed"], row["Changes"], row["Lofty's message"]} == {"?"}
    assert row["Reason"] == "ticket 4711"


@given(before=any_values(), after=any_values())
def test_columns__whatever_lofty_had__gives_a_row(
    before: dict[str, JSON], after: dict[str, JSON]
) -> None:
    event = AuditEvent(seq=1, kind=Kind.SETTINGS_SEEN_CHANGED, body="{}")
    event.content = {"before": before, "after": after, "detail": {"changed": [*after]}}
    words = dict(zip(COLUMNS[11:13], [*body_columns(event)][:2], strict=True))
    assert set(words) == {"Settings changed", "Changes"}
    assert parsed(csv_line(list(words.values())))


def test_columns__reader_of_another_language__are_in_english_anyway(acme: Tenant) -> None:
    event = record(Kind.TENANT_CHANGED, tenant=acme.ref, subject="x", outcome=Outcome.DONE)
    with override("es"):
        assert (event.what, event.outcome_label) == ("cambió el cliente", "Hecho")
        row = dict(zip(COLUMNS, columns(event), strict=True))
    assert (row["What happened"], row["Outcome"]) == ("changed the tenant", "Done")
    assert row["Person"] == "Not signed in"
