"""Changes that reach more people are detected, whichever setting causes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lofty_admin.agentsettings.changes import diff
from lofty_admin.agentsettings.display.widening_words import widening_in_words
from lofty_admin.agentsettings.hours import more_hours
from lofty_admin.agentsettings.widening import widenings
from lofty_admin.lofty.json_strict import JSON
from tests.support.documented_settings import EXAMPLE
from tests.support.setting_values import any_values

NAMES = {
    "agentIds": {"101": "Anna K.", "102": "Ben L.", "103": "Cara M."},
    "leadSources": {"1001": "Zillow"},
}
WORKDAYS: list[JSON] = [1, 2, 3, 4, 5]


def sentences(before: dict[str, JSON], after: dict[str, JSON]) -> list[str]:
    return [widening_in_words(widening, NAMES) for widening in widenings(before, after)]


@pytest.mark.parametrize(
    ("name", "before", "after", "sentence"),
    [
        ("textChannel", False, True, "Text messages will be switched on"),
        ("textChannel", None, True, "Text messages will be switched on"),
        ("websiteChannel", False, True, "Website chat will be switched on"),
        ("emailChannel", "no", True, "E-mail will be switched on"),
        ("newLeadEnable", False, True, "Follow-up of new leads will be switched on"),
        ("visitorsEnable", False, True, "Follow-up of website visitors will be switched on"),
        (
            "callTransferType",
            "Disabled",
            "ToAssignedAgent",
            "Incoming calls will be transferred to the assigned agent",
        ),
        (
            "callTransferType",
            "Disabled",
            "ToTeam",
            "Incoming calls: unknown (ToTeam) instead of Not transferred",
        ),
        ("followUpRole", "Agent", "AI", "The AI assistant will follow up"),
        ("followUpRole", None, "AI", "The AI assistant will follow up"),
        ("agentIds", [101], [101, 102, 103], "2 agents added: Ben L., Cara M."),
        ("agentIds", [101, 102], [102, 103], "1 agent added: Cara M."),
        ("agentIds", [], [101], "1 agent added: Anna K."),
        ("agentIds", [101], [-1], "Agents: Everyone instead of Anna K."),
        ("agentIds", [101], [101, -1], "Agents: Everyone (stored as: Anna K., Everyone (-1))"),
        ("agentIds", None, [101], "Agents: Anna K. instead of not set in Lofty"),
        ("leadTypes", [1], [1, 2], "1 lead type added: Buyer"),
        ("leadTypes", [1], [], "Lead types: All lead types instead of Seller"),
        ("leadSources", [1], [1, 1001], "1 lead source added: Zillow"),
        ("leadPipelines", [1], [1, 2], "1 pipeline added: unknown (2)"),
        ("officeIds", [201], [201, 202, 203], "2 offices added: unknown (202), unknown (203)"),
        ("leadPondIds", [301], [302], "1 lead pond added: unknown (302)"),
        ("activeDays", [1], [1, 6, 0], "Active on 2 more days: Saturday and Sunday"),
        ("activeDays", WORKDAYS, [], "Active on 2 more days: Saturday and Sunday"),
    ],
)
def test_widenings__one_setting_that_reaches_further__is_described(
    name: str, before: JSON, after: JSON, sentence: str
) -> None:
    (description,) = sentences({**EXAMPLE, name: before}, {**EXAMPLE, name: after})
    assert description.startswith(sentence)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("textChannel", True, False),
        ("callTransferType", "ToAssignedAgent", "Disabled"),
        ("followUpRole", "AI", "Agent"),
        ("agentIds", [101, 102], [101]),
        ("agentIds", [-1], [101, 102]),
        ("agentIds", [-1, 101], [-1, 101, 102]),
        ("agentIds", [101], []),
        ("leadTypes", [], [1, 2]),
        ("leadTypes", [1, 2], [1]),
        ("activeDays", [], [1]),
        ("activeDays", [0, 1, 2, 3, 4, 5, 6], []),
        ("assistantName", "Anna", "Bella"),
        ("virtualNumber", "", "+14155552671"),
    ],
)
def test_widenings__changes_that_reach_no_further__need_no_confirmation(
    name: str, before: JSON, after: JSON
) -> None:
    assert widenings({**EXAMPLE, name: before}, {**EXAMPLE, name: after}) == ()


def at(start: JSON, end: JSON, days: JSON = None) -> dict[str, JSON]:
    return {"startActiveHour": start, "endActiveHour": end, "activeDays": days or []}


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (at(9, 18), at(8, 20), "Active 3 more hours a day: 8 AM–8 PM instead of 9 AM–6 PM"),
        (at(9, 18), at(9, 19), "Active 1 more hour a day: 9 AM–7 PM instead of 9 AM–6 PM"),
        (
            at(9, 18),
            at(10, 20),
            "Active 2 new hours a day: 10 AM–8 PM instead of 9 AM–6 PM",
        ),
        (
            at(20, 4, WORKDAYS),
            at(20, 6, WORKDAYS),
            "Active 2 more hours a day: 8 PM–6 AM, overnight instead of 8 PM–4 AM, overnight",
        ),
        (
            at(9, 18, WORKDAYS),
            at(8, 20, [*WORKDAYS, 6]),
            "Active 27 more hours a week: Monday to Saturday, 8 AM to 8 PM in",
        ),
        (at(9, 18), at(8, 8), "May be active longer: Every day, 8 AM to 8 AM (could mean"),
        (at(8, 8), at(9, 18), "May be active longer: Every day, 9 AM to 6 PM instead of"),
        (at(None, None), at(9, 18), "May be active longer"),
        (at(9, 18, [1]), at(9, 18, [1, 7]), "May be active longer"),
        (at(0, 0, [1]), at(0, 0, [1, 2]), "May be active longer"),
    ],
)
def test_widenings__hours_and_days_together__are_one_to_confirm(
    before: dict[str, JSON], after: dict[str, JSON], sentence: str
) -> None:
    (widening,) = widenings(before, after)
    assert widening_in_words(widening, {}).startswith(sentence)
    assert {change.name for change in widening.changes} == {c.name for c in diff(before, after)}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (at(8, 20), at(9, 18)),
        (at(9, 18), at(9, 18, WORKDAYS)),
        (at(20, 6), at(22, 4)),
        (at(8, 8), at(9, 9)),
        (at(8, 0), at(8, 20)),
        (at(9, 18, [1, 7]), at(9, 18, [1])),
    ],
)
def test_widenings__fewer_hours__need_no_confirmation(
    before: dict[str, JSON], after: dict[str, JSON]
) -> None:
    assert widenings(before, after) == ()


HOUR = st.integers(0, 23)
DAYS = st.lists(st.integers(0, 6), max_size=7)


def active(start: int, end: int, days: list[int]) -> set[tuple[int, int]]:
    """Return the hours of a week by walking along the clock."""
    slots, length = set(), (end - start) % 24
    for day in days or range(7):
        for step in range(length):
            hour = start + step
            slots.add(((day + hour // 24) % 7, hour % 24))
    return slots


@given(HOUR, HOUR, DAYS, HOUR, HOUR, DAYS)
def test_more_hours__any_two_weeks__are_the_added_hours(
    start: int, end: int, days: list[int], new_start: int, new_end: int, new_days: list[int]
) -> None:
    if start == end or new_start == new_end:
        return
    before, after = at(start, end, list[JSON](days)), at(new_start, new_end, list[JSON](new_days))
    expected = active(new_start, new_end, new_days) - active(start, end, days)
    assert more_hours(before, after) == expected


@given(any_values(), any_values())
def test_widenings__any_two_settings__each_is_named_once_and_has_words(
    before: dict[str, JSON], after: dict[str, JSON]
) -> None:
    wider = widenings(before, after)
    names = [widening.name for widening in wider]
    assert len(names) == len(set(names))
    assert all(widening_in_words(widening, {}) for widening in wider)


@given(any_values())
def test_widenings__the_same_settings__are_none(values: dict[str, JSON]) -> None:
    assert widenings(values, dict(values)) == ()
