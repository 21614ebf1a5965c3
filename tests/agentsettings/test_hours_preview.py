"""The week preview follows the form without calling Lofty."""

import json

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from lofty_admin.agentsettings.hours import week
from lofty_admin.agentsettings.hours_preview import STORED, sent_along, stored_in, week_of_form
from lofty_admin.directory.models import Profile
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.tenants.models import Tenant
from tests.support.pages import form_of
from tests.support.practice_customer import PracticeCustomer
from tests.support.setting_values import AT_ITS_WORST, HOUR, ZONE
from tests.support.settings_pages import SETTINGS
from tests.support.users import Browsers

HOURS = f"{SETTINGS}hours/"
STORED_VALUES: dict[str, JSON] = {"startActiveHour": 9, "endActiveHour": 17, "activeDays": None}
ODD_TEXT = st.text(max_size=6) | st.sampled_from(["only", "all", "as-it-is", "-1", "²", "99999"])


def query(**values: str | list[str]) -> QueryDict:
    made = QueryDict(mutable=True)
    for name, value in values.items():
        made.setlist(name.replace("_", "-"), value if isinstance(value, list) else [value])
    return made


@given(HOUR, HOUR, st.lists(st.integers(0, 6), min_size=1, max_size=7, unique=True))
def test_week_of_form__hours_and_days_picked__as_once_stored(
    start: int, end: int, days: list[int]
) -> None:
    chosen = query(startActiveHour=str(start), endActiveHour=str(end), activeDays_scope="only")
    chosen.setlist("activeDays-ids", [str(day) for day in days])
    stored: dict[str, JSON] = {"startActiveHour": start, "endActiveHour": end, "activeDays": days}
    assert week_of_form(chosen, {}, ZONE) == week(stored, ZONE)
    chosen["activeDays-scope"] = "all"
    assert week_of_form(chosen, {}, ZONE) == week({**stored, "activeDays": []}, ZONE)


@given(AT_ITS_WORST)
def test_week_of_form__all_left_as_it_is__the_week_of_what_lofty_has(
    values: dict[str, JSON],
) -> None:
    sent = QueryDict(mutable=True)
    sent.update({"startActiveHour": "as-it-is", "activeDays-scope": "as-it-is"})
    sent.update(json.loads(sent_along(values)))
    assert week_of_form(sent, stored_in(sent)) == week(values)


@given(st.dictionaries(st.sampled_from(["startActiveHour", "activeDays-ids", STORED]), ODD_TEXT))
def test_week_of_form__whatever_is_sent__a_week(sent: dict[str, str]) -> None:
    made = query(activeDays_scope="only")
    made.update(sent)
    assert week_of_form(made, stored_in(made)).sentence.isprintable()


def test_week_of_form__only_these_without_a_day__never_every_day() -> None:
    preview = week_of_form(query(activeDays_scope="only"), STORED_VALUES, ZONE)
    assert preview.sentence == f"No days selected yet, 9 AM to 5 PM, {ZONE}"
    assert not any(day.runs for day in preview.days)


@pytest.mark.django_db(transaction=True)
def test_form__opened_and_changed__week_follows_without_a_call_to_lofty(
    browsers: Browsers, lofty: PracticeCustomer, acme: Tenant
) -> None:
    lofty.change(settings={**lofty.settings, "startActiveHour": 8, "endActiveHour": 20})
    Profile.objects.create(tenant=acme, me={"time_zone": ZONE}, fetched_at="2026-01-01T00:00Z")
    page = browsers.owner.get(SETTINGS)
    fields = form_of(page, f"{SETTINGS}review/")
    assert f', 8 AM to 8 PM, {ZONE}"' in page.content.decode()
    lofty.misbehave("html", on="GET", times=None, code=500)
    changed = {**fields, "startActiveHour": "22", "endActiveHour": "6", "activeDays-scope": "all"}
    answer = browsers.viewer.get(HOURS, changed)
    assert answer.status_code == 200
    assert f'aria-label="Every day, 10 PM to 6 AM the next morning, {ZONE}"' in (
        answer.content.decode()
    )
    assert browsers.outsider.get(HOURS, changed).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_form__came_back_with_an_error__week_of_what_was_entered(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    fields = form_of(browsers.owner.get(SETTINGS), f"{SETTINGS}review/")
    fields |= {"activeDays-scope": ["only"], "activeDays-ids": [], "startActiveHour": ["11"]}
    page = browsers.owner.post(f"{SETTINGS}review/", fields, follow=True)
    assert "No days selected yet, 11 AM to" in page.content.decode()
