"""Active hours as a week and in words: pure functions, and the pages that show them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lofty_admin.agentsettings.fields import DAYS
from lofty_admin.agentsettings.hours import Activity, Week, hours_change, in_short, week
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.models import AuditEvent
from lofty_admin.directory.models import Profile
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.tenants.models import Tenant
from tests.support.pages import text_of
from tests.support.practice_customer import PracticeCustomer
from tests.support.setting_values import AT_ITS_WORST, HOUR, ZONE
from tests.support.settings_pages import review, save
from tests.support.users import Browsers

SOME_DAYS = st.lists(st.integers(0, 6), max_size=9)


def at(start: JSON, end: JSON, days: JSON) -> Week:
    return week({"startActiveHour": start, "endActiveHour": end, "activeDays": days}, ZONE)


def cells(found: Week, kind: Activity) -> set[tuple[int, int]]:
    """(day, hour) of every hour of this kind."""
    return {
        (day.number, hour)
        for day in found.days
        for run in day.runs
        if run.kind is kind
        for hour in range(run.start, run.end)
    }


def test_week__office_hours__filled_on_these_days_only() -> None:
    hours_week = at(8, 20, [1, 2, 3, 4, 5])
    expected = {(day, hour) for day in range(1, 6) for hour in range(8, 20)}
    assert cells(hours_week, Activity.ACTIVE) == expected
    assert not hours_week.is_unclear


def test_week__overnight__tail_on_the_next_day_over_the_weekend_too() -> None:
    hours_week = at(22, 2, [6])
    assert cells(hours_week, Activity.ACTIVE) == {(6, 22), (6, 23), (0, 0), (0, 1)}
    assert [(day.number, run.is_tail) for day in hours_week.days for run in day.runs] == [
        (0, True),
        (6, False),
    ]


def test_week__until_midnight__has_no_tail() -> None:
    assert cells(at(22, 0, [6]), Activity.ACTIVE) == {(6, 22), (6, 23)}


def test_week__same_start_and_end__whole_days_unclear() -> None:
    hours_week = at(8, 8, [1])
    assert cells(hours_week, Activity.UNCLEAR) == {(1, hour) for hour in range(24)}
    assert cells(hours_week, Activity.ACTIVE) == set()


def test_week__unknown_day_among_known__the_others_are_unclear() -> None:
    hours_week = at(8, 9, [1, 9])
    assert cells(hours_week, Activity.ACTIVE) == {(1, 8)}
    assert cells(hours_week, Activity.UNCLEAR) == {(day, 8) for day in DAYS if day != 1}


@given(HOUR, HOUR, SOME_DAYS)
def test_week__any_window_and_days__as_a_clock_would_count(
    start: int, end: int, days: list[int]
) -> None:
    """Set an imaginary clock to the start of each day and let it run until the end hour."""
    expected = set()
    for day in set(days) or DAYS:
        now = day * 24 + start
        while now % 24 != end:
            expected.add((now // 24 % 7, now % 24))
            now += 1
    hours_week = at(start, end, days)
    assert cells(hours_week, Activity.ACTIVE) == expected
    assert hours_week.is_unclear == (start == end)


@given(AT_ITS_WORST)
def test_week__any_settings__valid_runs_and_a_sentence(values: dict[str, JSON]) -> None:
    hours_week = week(values)
    assert [day.number for day in hours_week.days] == list(DAYS)
    for day in hours_week.days:
        edges = [edge for run in day.runs for edge in (run.start, run.end)]
        assert edges == sorted(set(edges))
        assert all(0 <= edge <= 24 for edge in edges)
    assert hours_week.sentence[0].isupper()
    assert hours_week.sentence.isprintable()
    assert any(day.runs for day in hours_week.days)


WEEKDAYS: list[JSON] = [1, 2, 3, 4, 5]
UNKNOWN_DAY = "an unrecognized day"
SENTENCES: list[tuple[JSON, JSON, JSON, str]] = [
    (8, 20, WEEKDAYS, "Monday to Friday, 8 AM to 8 PM"),
    (8, 20, [], "Every day, 8 AM to 8 PM"),
    (8, 20, [6, 5, 4, 3, 2, 1, 0], "Every day, 8 AM to 8 PM"),
    (0, 12, [6, 0], "Saturday and Sunday, 12 AM (midnight) to 12 PM (noon)"),
    (8, 20, [0, 5, 6], "Friday to Sunday, 8 AM to 8 PM"),
    (8, 20, [1, 2, 4], "Monday, Tuesday and Thursday, 8 AM to 8 PM"),
    (8, 20, [0, 1, 2, 4], "Thursday and Sunday to Tuesday, 8 AM to 8 PM"),
    (8, 20, [3], "Wednesday, 8 AM to 8 PM"),
    (22, 6, [], "Every day, 10 PM to 6 AM the next morning"),
    (22, 14, [], "Every day, 10 PM to 2 PM the next day"),
    (8, 0, [], "Every day, 8 AM to 12 AM (midnight)"),
    (8, 8, [], "Every day, 8 AM to 8 AM (could mean all day, or never)"),
    (None, None, None, "Days not set in Lofty, hours not set in Lofty"),
    (None, 8, [], "Every day, hours unclear"),
    (24, 8, [], "Every day, hours unclear"),
    (True, 8, [], "Every day, hours unclear"),
    (8, 20, "weekdays", "Days unclear, 8 AM to 8 PM"),
    (8, 20, [7], "Days unclear, 8 AM to 8 PM"),
    (8, 20, [1, "2"], f"Monday and {UNKNOWN_DAY}, 8 AM to 8 PM"),
]


@pytest.mark.parametrize(("start", "end", "days", "expected"), SENTENCES)
def test_sentence__hours_and_days__plain_words(
    start: JSON, end: JSON, days: JSON, expected: str
) -> None:
    assert at(start, end, days).sentence == f"{expected}, {ZONE}"


@pytest.mark.parametrize(
    ("start", "end", "days", "expected"),
    [
        (8, 20, [1, 2, 3, 4, 5], "Mon–Fri 8 AM–8 PM"),
        (0, 12, [], "Every day 12 AM–12 PM"),
        (22, 6, [6, 0], "Sat, Sun 10 PM–6 AM, overnight"),
        (8, 8, [1, 2, 4], "Mon, Tue, Thu 8 AM–8 AM (unclear)"),
        (8, 0, None, "8 AM–12 AM"),
        (None, 8, [3], "Wed"),
        (None, None, None, ""),
    ],
)
def test_in_short__hours_and_days__one_line(
    start: int | None, end: int | None, days: list[int] | None, expected: str
) -> None:
    assert in_short(start, end, days) == expected


@given(HOUR, HOUR, SOME_DAYS)
def test_in_short__any_window_and_days__names_the_days_of_the_sentence(
    start: int, end: int, days: list[int]
) -> None:
    sentence, short = at(start, end, list(days)).sentence, in_short(start, end, days)
    named = re.findall("Mon|Tue|Wed|Thu|Fri|Sat|Sun", short)
    assert named == re.findall("Mon|Tue|Wed|Thu|Fri|Sat|Sun", sentence)
    assert short.startswith("Every day") == sentence.startswith("Every day")
    assert ("overnight" in short) == ("the next" in sentence)
    assert ("unclear" in short) == ("all day, or never" in sentence)


def test_sentence__no_zone__says_so() -> None:
    assert week({}).sentence.endswith(", unknown time zone")


def test_hours_change__read_back_as_wanted__no_third_week() -> None:
    old: dict[str, JSON] = {"startActiveHour": 8, "endActiveHour": 20, "activeDays": []}
    new = {**old, "endActiveHour": 18}
    assert hours_change(old, new, new).now is None
    assert hours_change(old, new).now is None
    assert hours_change(old, new, old).now == week(old)


# --- on the pages ---------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_review_and_event__days_changed__both_weeks_in_the_tenants_zone(
    browsers: Browsers, lofty: PracticeCustomer, acme: Tenant
) -> None:
    lofty.change(settings={**lofty.settings, "startActiveHour": 8, "endActiveHour": 20})
    Profile.objects.create(tenant=acme, me={"time_zone": ZONE}, fetched_at="2026-01-01T00:00Z")
    days = {"activeDays-scope": ["only"], "activeDays-ids": ["1", "2"], "endActiveHour": ["18"]}
    page = review(browsers.owner, **days)
    expected = 'role="img" aria-label="Monday and Tuesday, 8 AM to 6 PM, America/Los_Angeles"'
    assert page.content.decode().count('<svg class="hours-strip"') == 2
    assert expected in page.content.decode()
    save(browsers.owner, page)
    event = AuditEvent.objects.get(kind=Kind.SETTINGS_OUTCOME)
    shown = browsers.owner.get(f"/t/acme/history/{event.pk}/").content.decode()
    assert shown.count('<svg class="hours-strip"') == 2
    assert expected in shown


@pytest.mark.django_db(transaction=True)
def test_event__hours_not_applied__the_week_lofty_has_too(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    lofty.change(settings={**lofty.settings, "startActiveHour": 8, "endActiveHour": 20})
    lofty.misbehave("ignore")
    save(browsers.owner, review(browsers.owner, endActiveHour=["8"]))
    event = AuditEvent.objects.get(kind=Kind.SETTINGS_OUTCOME)
    shown = browsers.owner.get(f"/t/acme/history/{event.pk}/")
    assert shown.content.decode().count('<svg class="hours-strip"') == 3
    assert "Dashed: Lofty doesn't say" in text_of(shown)
    assert " style=" not in shown.content.decode()


@pytest.mark.django_db(transaction=True)
def test_review_and_event__other_settings_changed__no_weeks(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    page = review(browsers.owner, assistantName=["Bella"])
    assert b"hours-strip" not in page.content
    save(browsers.owner, page)
    for event in AuditEvent.objects.all():
        assert b"hours-strip" not in browsers.owner.get(f"/t/acme/history/{event.pk}/").content
